package steps

import (
	"fmt"
	"strconv"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// Verdict is what a send that is no longer queued means to its journey (E-14). ended says
// that the enrollment was over at the claim; a send that failed is a *hogsend.SendError.
// at is when the provider accepted it, or else when the row took its status.
func Verdict(id string, status contract.SendStatus, reason contract.SendReason, at time.Time) (v hogsend.Verdict, ended bool, err error) {
	v = hogsend.Verdict{SendID: id, Reason: string(reason), At: at.UTC()}
	switch status {
	case contract.SendSent, contract.SendDelivered, contract.SendOpened, contract.SendClicked, contract.SendBounced, contract.SendComplained:
		// The provider took it; what it reports later is no verdict any more.
		v.Status, v.Reason = hogsend.SendSent, ""
	case contract.SendSuppressed:
		v.Status = hogsend.SendSuppressed
		if reason == contract.SendUnsubscribedAll || reason == contract.SendCategoryOptOut {
			v.Status = hogsend.SendUnsubscribed
		}
	case contract.SendSkipped:
		if reason == contract.SendEnrollmentEnded {
			return hogsend.Verdict{}, true, nil
		}
		v.Status = hogsend.SendSkipped
	case contract.SendFailed:
		kind := hogsend.SendPermanent
		if reason == contract.SendUnknownOutcome {
			kind = hogsend.SendUnknownOutcome
		}
		return hogsend.Verdict{}, false, &hogsend.SendError{SendID: id, Kind: kind, Reason: string(reason)}
	default:
		return hogsend.Verdict{}, false, fmt.Errorf("send %s has status %q", id, status)
	}
	return v, false, nil
}

// keyMargin is how long before the provider forgets a key the last call is made (E-31).
const keyMargin = 10 * time.Minute

// Attempts is how the calls to the provider for one send went so far.
type Attempts struct {
	// First is when the first call began, zero if there was none before.
	First time.Time
	// Unclear says that one ended without a clear answer, or without any because its process
	// died. Reason is how the last one ended.
	Unclear bool
	Reason  contract.SendReason
}

// patience is how long a mail is tried with a provider that knows no keys: as long as with
// one that knows them for a day.
const patience = 24 * time.Hour

// GiveUp reports that no further call may be made, because it could be a second mail, and
// the reason: what is not known to have failed is unknown, and never sent again. A provider
// without keys gets no call after an unclear one (E-31, E-35).
func (a Attempts) GiveUp(now time.Time, keyLifetime time.Duration) (reason contract.SendReason, over bool) {
	end := a.End()
	switch {
	case a.First.IsZero():
		return "", false
	case keyLifetime == 0 && end == contract.SendUnknownOutcome:
		return end, true
	case keyLifetime == 0:
		keyLifetime = patience
	}
	if now.Sub(a.First) < keyLifetime-keyMargin {
		return "", false
	}
	return end, true
}

// End is the reason of a mail that is not tried any more: that of the last call, unless one
// of them may have been accepted.
func (a Attempts) End() contract.SendReason {
	if a.Unclear || a.Reason == "" {
		return contract.SendUnknownOutcome
	}
	return a.Reason
}

// AbandonedAfter is how long after its first call a mail without an outcome is looked for
// whose activity has gone (E-33).
const AbandonedAfter = 24 * time.Hour

// FailedForGood reports that the mail did not go out and never will: after a retry of its
// enrollment it is tried anew. One whose outcome is unknown never is (J-96).
func FailedForGood(status contract.SendStatus, reason contract.SendReason) bool {
	return status == contract.SendFailed && reason != contract.SendUnknownOutcome
}

// SendKeys are the keys of a send by the retries of its enrollment, the first one first.
func SendKeys(key string, retries int) []string {
	keys := []string{key}
	for n := range retries {
		keys = append(keys, key+":r"+strconv.Itoa(n+1))
	}
	return keys
}
