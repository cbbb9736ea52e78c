package contract

import (
	"strconv"
	"strings"
)

// TaskQueue is the default task queue of all workflows and activities.
const TaskQueue = "hogsend"

// ClockType is the workflow type of the clock, ClockID the id of the one that runs
// (W-14).
const (
	ClockType = "hogsend-clock"
	ClockID   = "hogsend/clock"
)

// ReconcilerType is the type of the one workflow per task queue that compares enrollments
// with their workflows (J-98); its id is the type, a slash and the queue.
const ReconcilerType = "hogsend-reconciler"

// ImportType is the type of the workflow of an import (O-22).
const ImportType = "hogsend-import"

// ImportWorkflowID is its id, import-<import uuid>.
func ImportWorkflowID(importID string) string { return "import-" + importID }

// SendType is the type of the workflow of one mail that no enrollment sends (E-27).
const SendType = "hogsend-send"

// SendWorkflowID is its id, send-<send uuid>.
func SendWorkflowID(sendID string) string { return "send-" + sendID }

// CampaignType is the type of the workflow of a campaign, SignalWake the signal that it
// is to look again: it was resumed or canceled.
const (
	CampaignType = "hogsend-campaign"
	SignalWake   = "wake"
)

// CampaignWorkflowID is its id, campaign-<campaign uuid>.
func CampaignWorkflowID(campaignID string) string { return "campaign-" + campaignID }

// CampaignSendKey is the key of the mail to one recipient (E-28).
func CampaignSendKey(campaignID, contactID string) string {
	return "campaign:" + campaignID + ":" + contactID
}

// CampaignRecipientOf is the contact id of such a key; "" of another key.
func CampaignRecipientOf(key string) string {
	rest, ok := strings.CutPrefix(key, "campaign:")
	if !ok {
		return ""
	}
	_, contactID, _ := strings.Cut(rest, ":")
	return contactID
}

// BatchKey is the key of a batch of mails (E-38).
func BatchKey(batchID string) string { return "batch:" + batchID }

// SignalWait tells a journey that an event closed one of its waits.
const SignalWait = "wait"

// WaitSignal is the argument of SignalWait: ids only (invariant 9).
type WaitSignal struct {
	WaitID  string `json:"waitId"`
	EventID string `json:"eventId"`
}

// QueryState asks a journey where its enrollment stands (J-149).
const QueryState = "state"

// Search attributes of journeys, all of type Keyword (J-148).
const (
	AttributeJourney = "HogsendJourney"
	AttributeContact = "HogsendContact"
	AttributeBucket  = "HogsendBucket"
)

const journeyPrefix = "journey-"

// JourneyType is the workflow type of a journey (J-50).
func JourneyType(journeyID string) string { return journeyPrefix + journeyID }

// JourneyWorkflowID is the id of one enrollment's workflow,
// journey-<id>/<contact uuid>/<entry> (J-50).
func JourneyWorkflowID(journeyID, contactID string, entry int) string {
	return JourneyType(journeyID) + "/" + contactID + "/" + strconv.Itoa(entry)
}

// ParseJourneyWorkflowID is the inverse of JourneyWorkflowID; ok is false for ids
// of another form.
func ParseJourneyWorkflowID(id string) (journeyID, contactID string, entry int, ok bool) {
	rest, found := strings.CutPrefix(id, journeyPrefix)
	if !found {
		return "", "", 0, false
	}
	parts := strings.Split(rest, "/")
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" {
		return "", "", 0, false
	}
	entry, err := strconv.Atoi(parts[2])
	if err != nil || entry < 1 || strconv.Itoa(entry) != parts[2] {
		return "", "", 0, false
	}
	return parts[0], parts[1], entry, true
}

// ReactionWorkflowID is the id of the run of a reaction for one stay,
// <type>/<contact uuid>/<epoch>; the type is the reaction's journey id (B-29).
func ReactionWorkflowID(journeyID, contactID string, epoch int) string {
	return journeyID + "/" + contactID + "/" + strconv.Itoa(epoch)
}

// ReactionFireID is the id of the run of one fire of a repeating dwell, whose timer
// has the id of the stay (B-29).
func ReactionFireID(timerID string, ordinal int) string { return timerID + "/" + strconv.Itoa(ordinal) }

// DwellKey is the outbox key of the timer of a dwell reaction for one stay.
func DwellKey(journeyID, contactID string, epoch int) string {
	return "dwell/" + ReactionWorkflowID(journeyID, contactID, epoch)
}

// StartKey, SignalKey and CancelKey are the outbox keys of what Temporal is told,
// unique per effect so that writing one twice is refused by Postgres (J-51).
func StartKey(journeyID, enrollmentID string) string {
	return "journey/" + journeyID + "/" + enrollmentID
}

// SignalKey is the outbox key of the signal that closes a wait.
func SignalKey(waitID string) string { return "wait/" + waitID }

// CancelKey is the outbox key of the cancel of an exited enrollment.
func CancelKey(enrollmentID string) string { return "cancel/" + enrollmentID }

// RetryKey is the outbox key of the nth retry of an enrollment.
func RetryKey(enrollmentID string, n int) string {
	return "retry/" + enrollmentID + "/" + strconv.Itoa(n)
}

// PauseLogKey is the step key of the log rows of the nth pause that held a step.
func PauseLogKey(stepKey string, n int32) string { return stepKey + ":pause#" + strconv.Itoa(int(n)) }

// CallLogKey is the step key of the log row of a call: each retry of the enrollment that
// calls again has one of its own (J-96).
func CallLogKey(stepKey string, retries int) string {
	if retries == 0 {
		return stepKey
	}
	return stepKey + ":r" + strconv.Itoa(retries)
}

// ReleaseKey is the outbox key of the signal that releases what a pause held.
func ReleaseKey(holdID string) string { return "release/" + holdID }

// CaptureKey is the outbox key of what a step tells PostHog.
func CaptureKey(enrollmentID, stepKey string) string {
	return "capture/" + enrollmentID + ":" + stepKey
}
