package contract

// GuardReason says why a journey was not entered, in the words of the decisions log
// (J-32 to J-42, J-150 to J-152).
type GuardReason string

// The reasons of the guards, in their order.
const (
	GuardJourneyDisabled GuardReason = "journey_disabled"
	GuardSwitchedOff     GuardReason = "journey_disabled_by_admin"
	GuardPaused          GuardReason = "journey_paused"
	GuardLateEvent       GuardReason = "late_event"
	GuardLoop            GuardReason = "loop_guard"
	GuardContactDeleted  GuardReason = "contact_deleted"
	GuardConditions      GuardReason = "trigger_conditions_not_met"
	GuardKeyMissing      GuardReason = "key_missing"
	GuardNotInAudience   GuardReason = "not_in_audience"
	GuardFirstEntry      GuardReason = "first_entry_only"
	GuardReasonFilter    GuardReason = "reason_filter"
	GuardOnce            GuardReason = "already_entered_once"
	GuardPeriod          GuardReason = "period_not_elapsed"
	GuardUnsubscribed    GuardReason = "user_unsubscribed"
	GuardAlreadyActive   GuardReason = "already_active"
	GuardOverlapSkip     GuardReason = "overlap_skip"
	GuardTooManyActive   GuardReason = "too_many_active"
)

// ExitReason says why an enrollment was ended before its journey returned; it is one of
// these, ExitByEvent or the author's own text (J-81).
type ExitReason string

// The exit reasons that the product gives.
const (
	ExitAdmin      ExitReason = "admin"
	ExitDeleted    ExitReason = "deleted"
	ExitErased     ExitReason = "erased"
	ExitMerged     ExitReason = "merged"
	ExitRetired    ExitReason = "retired"
	ExitSuperseded ExitReason = "superseded"
	ExitCanceled   ExitReason = "canceled"
	ExitPausedLate ExitReason = "paused_late"
	// ExitCode is given where the author gave none.
	ExitCode ExitReason = "code"
)

// ExitByEvent is the reason of an exit rule of an event.
func ExitByEvent(name string) ExitReason { return ExitReason("event:" + name) }

// SendReason says why a send was not sent: one of these, the reason of a suppression or
// the provider's answer (E-13).
type SendReason string

// The reasons of the gate.
const (
	SendEnrollmentEnded SendReason = "enrollment_ended"
	SendNoEmail         SendReason = "no_email"
	SendNoRecipient     SendReason = "no_recipient"
	SendUnsubscribedAll SendReason = "unsubscribed_all"
	SendCategoryOptOut  SendReason = "category_opt_out"
	SendUnknownOutcome  SendReason = "unknown_outcome"
	SendPausedLate      SendReason = "paused_late"
	SendOutsideWindow   SendReason = "outside_window"
	SendTestMode        SendReason = "test_mode"
	SendMinGap          SendReason = "suppress_gap"
	SendFrequencyCapped SendReason = "frequency_capped"
	SendPriority        SendReason = "priority"
	// SendDeferred is the reason of a send without enrollment that waits (E-27).
	SendDeferred SendReason = "deferred"
	// SendCanceled is the reason of a recipient that a cancel spared (E-73), SendDuplicate of
	// one who became the same person as another one, or got the same address, meanwhile.
	SendCanceled  SendReason = "canceled"
	SendDuplicate SendReason = "duplicate"
)
