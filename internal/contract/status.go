package contract

// EnrollmentStatus is the state of an enrollment, as it is spelled in Postgres and on
// the wire (J.6).
type EnrollmentStatus string

// The states of an enrollment.
const (
	EnrollmentActive    EnrollmentStatus = "active"
	EnrollmentWaiting   EnrollmentStatus = "waiting"
	EnrollmentCompleted EnrollmentStatus = "completed"
	EnrollmentFailed    EnrollmentStatus = "failed"
	EnrollmentExited    EnrollmentStatus = "exited"
)

// Live reports whether an enrollment in this state can still change.
func (s EnrollmentStatus) Live() bool { return s == EnrollmentActive || s == EnrollmentWaiting }

// WaitStatus is the state of a wait.
type WaitStatus string

// The states of a wait: open until an event matches, its deadline passes or it is
// given up.
const (
	WaitOpen     WaitStatus = "open"
	WaitMatched  WaitStatus = "matched"
	WaitTimedOut WaitStatus = "timed_out"
	WaitClosed   WaitStatus = "closed"
)

// SendStatus is the state of a send's row. What a journey is told is a
// hogsend.SendStatus.
type SendStatus string

// The states of a send.
const (
	SendQueued     SendStatus = "queued"
	SendSent       SendStatus = "sent"
	SendDelivered  SendStatus = "delivered"
	SendOpened     SendStatus = "opened"
	SendClicked    SendStatus = "clicked"
	SendBounced    SendStatus = "bounced"
	SendComplained SendStatus = "complained"
	SendFailed     SendStatus = "failed"
	SendSuppressed SendStatus = "suppressed"
	SendSkipped    SendStatus = "skipped"
)

// MembershipStatus is the state of a membership of a bucket.
type MembershipStatus string

// The states of a membership.
const (
	MembershipActive MembershipStatus = "active"
	MembershipLeft   MembershipStatus = "left"
)

// DecisionOutcome says whether a journey was entered (J-32).
type DecisionOutcome string

// The outcomes of a decision.
const (
	OutcomeEnrolled DecisionOutcome = "enrolled"
	OutcomeSkipped  DecisionOutcome = "skipped"
)

// SendStatuses are all of them, in the order of E-43, the final ones last.
func SendStatuses() []SendStatus {
	return []SendStatus{
		SendQueued, SendSent, SendDelivered, SendOpened, SendClicked, SendBounced, SendComplained, SendFailed, SendSuppressed, SendSkipped,
	}
}

// CampaignStatus is the state of a campaign, as it is spelled in Postgres and on the wire.
type CampaignStatus string

// The states of a campaign.
const (
	CampaignScheduled CampaignStatus = "scheduled"
	CampaignQueued    CampaignStatus = "queued"
	CampaignSending   CampaignStatus = "sending"
	CampaignSent      CampaignStatus = "sent"
	CampaignFailed    CampaignStatus = "failed"
	CampaignCanceled  CampaignStatus = "canceled"
	CampaignExpired   CampaignStatus = "expired"
)

// CampaignStatuses are all of them.
func CampaignStatuses() []CampaignStatus {
	return []CampaignStatus{CampaignScheduled, CampaignQueued, CampaignSending, CampaignSent, CampaignFailed, CampaignCanceled, CampaignExpired}
}

// Live reports whether a campaign in this state can still change.
func (s CampaignStatus) Live() bool {
	return s == CampaignScheduled || s == CampaignQueued || s == CampaignSending
}

// AudienceKind says what a campaign's recipients are: subscribers of a list or members of a
// bucket.
type AudienceKind string

// The kinds.
const (
	AudienceList   AudienceKind = "list"
	AudienceBucket AudienceKind = "bucket"
)
