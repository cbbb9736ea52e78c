package contract

// Names under which the activities are registered. Workflows refer to them by name, so
// that they depend on the types of this package only.
const (
	ClaimEnrollmentName     = "ClaimEnrollment"
	FinishEnrollmentName    = "FinishEnrollment"
	BeginWaitName           = "BeginWait"
	EndWaitName             = "EndWait"
	CollectDigestName       = "CollectDigest"
	ReadContactName         = "ReadContact"
	ReadTimezoneName        = "ReadTimezone"
	FindInstantName         = "FindInstant"
	PastEventsName          = "PastEvents"
	PastEntriesName         = "PastEntries"
	PastMailsName           = "PastMails"
	IsSubscribedName        = "IsSubscribed"
	MatchesName             = "Matches"
	ThrottleName            = "Throttle"
	SendName                = "Send"
	SendDirectName          = "SendDirect"
	CampaignName            = "Campaign"
	TriggerName             = "Trigger"
	IdentifyName            = "Identify"
	CaptureName             = "Capture"
	CheckpointName          = "Checkpoint"
	KeepOnceName            = "KeepOnce"
	ReadOnceName            = "ReadOnce"
	ChooseVariantName       = "ChooseVariant"
	ExitName                = "Exit"
	CheckCallName           = "CheckCall"
	BeginCallName           = "BeginCall"
	EndCallName             = "EndCall"
	AbandonPausedEffectName = "AbandonHold" // as histories name it
	ReconcileName           = "Reconcile"
	InspectName             = "Inspect"
	ImportName              = "Import"
	EvaluateAlertsName      = "EvaluateAlerts"
	DeliverAlertName        = "DeliverAlert"
	FailAlertName           = "FailAlert"
	// DwellName asks whether a dwell reaction is due, ClockName runs the clock (W-14).
	DwellName = "Dwell"
	ClockName = "Clock"
)

// ActivityNames are the names of the activities that touch the database. CheckCall is not
// among them: it looks at the activities of the author's, which the worker knows.
func ActivityNames() []string {
	return []string{
		ClaimEnrollmentName, FinishEnrollmentName, BeginWaitName, EndWaitName, CollectDigestName, ReadContactName, ReadTimezoneName, FindInstantName,
		PastEventsName, PastEntriesName, PastMailsName, IsSubscribedName, MatchesName, ThrottleName, SendName, SendDirectName, CampaignName, TriggerName, IdentifyName, CaptureName, CheckpointName,
		KeepOnceName, ReadOnceName, ChooseVariantName, ExitName, BeginCallName, EndCallName,
		AbandonPausedEffectName, ReconcileName, InspectName, ImportName, EvaluateAlertsName, DeliverAlertName, FailAlertName, DwellName, ClockName,
	}
}

// Types of the application errors that are final: Temporal does not retry them and
// the workflow hands them to the author as the Go errors they were made from.
const (
	ErrorTypeValidation = "ValidationError"
	ErrorTypeSend       = "SendError"
	ErrorTypeCall       = "CallError"
)
