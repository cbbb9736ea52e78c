package why

import (
	"fmt"
	"strings"

	"github.com/hogsend/hogsend/internal/contract"
)

// guard is the sentence of a reason not to enter; ok is false for one that is not known.
func (q Question) guard(d Decision) (sentence string, ok bool) {
	came := d.Event + " came on " + q.When(d.At)
	switch d.Reason {
	case "trigger_conditions_not_met":
		return came + ", but " + conditions(d) + ".", true
	case "not_in_audience":
		return fmt.Sprintf("%s, but %s was not among those whom %s takes.", came, q.Person, d.Journey), true
	case "key_missing":
		return fmt.Sprintf("%s without what %s tells its runs apart by.", came, d.Journey), true
	case "too_many_active":
		return fmt.Sprintf("%s, but %s had as many runs of %s open as one person may.", came, q.Person, d.Journey), true
	case "already_entered_once":
		return fmt.Sprintf("%s, but %s had been in %s before, and it takes each person once.", came, q.Person, d.Journey), true
	case "period_not_elapsed":
		text := fmt.Sprintf("%s, but %s had been in %s too short a time before", came, q.Person, d.Journey)
		if d.EntryPeriod > 0 {
			text += ", and it takes a person every " + duration(d.EntryPeriod)
		}
		return text + ".", true
	case "already_active":
		return fmt.Sprintf("%s, but %s was in %s already.", came, q.Person, d.Journey), true
	case "overlap_skip":
		return fmt.Sprintf("%s, but an earlier run of %s was still under way for %s.", came, d.Journey, q.Person), true
	case "user_unsubscribed":
		return fmt.Sprintf("%s, but %s had unsubscribed from what %s sends.", came, q.Person, d.Journey), true
	case "journey_paused":
		return fmt.Sprintf("%s while %s was paused and took nobody.", came, d.Journey), true
	case "journey_disabled":
		return fmt.Sprintf("%s while %s was off in code.", came, d.Journey), true
	case "journey_disabled_by_admin":
		return fmt.Sprintf("%s while %s was switched off by an operator.", came, d.Journey), true
	case "late_event":
		return fmt.Sprintf("%s too long after it happened: a late event starts nothing.", came), true
	case "loop_guard":
		return fmt.Sprintf("%s as one of a circle of events that cause each other, which was stopped.", came), true
	case "contact_deleted":
		return fmt.Sprintf("%s when the contact was deleted.", came), true
	case "first_entry_only":
		return fmt.Sprintf("%s, but it was not the first time, and %s takes only that.", came, d.Journey), true
	case "reason_filter":
		return fmt.Sprintf("%s, but for a reason that %s does not listen to.", came, d.Journey), true
	}
	return fmt.Sprintf("%s, but %s did not enter %s (%s).", came, q.Person, d.Journey, d.Reason), false
}

// conditions says what an event had and what was asked for.
func conditions(d Decision) string {
	var parts []string
	for _, c := range d.Failed {
		has, known := d.Properties[c.Property]
		if !known {
			has = "missing"
		}
		parts = append(parts, fmt.Sprintf("%s was %s and %s asks for %s %s", c.Property, has, d.Journey, c.Property, asked(c)))
	}
	if len(parts) == 0 {
		return "not as " + d.Journey + " asks for"
	}
	return strings.Join(parts, ", ")
}

func asked(c Condition) string {
	switch c.Operator {
	case "eq":
		return "= " + c.Value
	case "neq":
		return "≠ " + c.Value
	case "gt":
		return "> " + c.Value
	case "gte":
		return "≥ " + c.Value
	case "lt":
		return "< " + c.Value
	case "lte":
		return "≤ " + c.Value
	case "exists":
		return "to be there"
	case "not_exists":
		return "not to be there"
	}
	return strings.ReplaceAll(c.Operator, "_", " ") + " " + c.Value
}

// gate is the sentence of a reason not to send; ok is false for one that is not known,
// which may be what a provider said.
func (q Question) gate(s Send) (sentence string, ok bool) {
	switch s.Reason {
	case "enrollment_ended":
		return "The journey had ended a moment before.", true
	case "no_email":
		return q.Person + " has no address.", true
	case "no_recipient":
		return "It was for somebody else, whom no contact stands for.", true
	case "unsubscribed_all":
		return q.Person + " wants no mail at all.", true
	case "category_opt_out":
		return q.Person + " wants no mail of this kind.", true
	case "deferred":
		return "It waits for a moment at which it may go.", true
	case "canceled":
		return "The campaign was canceled before.", true
	case "duplicate":
		return "Somebody who is the same person, or has the same address, got it.", true
	case "paused_late":
		return "It was held by a pause, and left out on resume because it had become late.", true
	case "outside_window":
		return "It was outside the hours at which such mails go, and could not wait longer.", true
	case "suppress_gap":
		return "The same journey had mailed " + q.Person + " too short a time before.", true
	case "frequency_capped":
		return q.Person + " had got as many mails as the limit allows.", true
	case "priority":
		return "The last place under the limit was kept for a mail that comes first.", true
	case "unknown_outcome":
		return "The provider never answered clearly within a day. It may have arrived.", true
	case "idempotency_conflict":
		return "The provider had other content under the same key. That is a defect of ours: tell the author the key.", true
	case "test_mode":
		return "Test mode is on, and no test address is set.", true
	case "bounce":
		return s.To + " is blocked: an earlier mail to it came back for good.", true
	case "complaint":
		return s.To + " is blocked: it reported a mail as spam.", true
	case "manual":
		return s.To + " is blocked: an operator did that.", true
	case "import":
		return s.To + " is blocked: it was on a list of suppressions that was imported.", true
	}
	return s.Reason, false
}

// exit is why a run ended from outside; ok is false for the author's own words.
func exit(reason string) (sentence string, ok bool) {
	if name, is := strings.CutPrefix(reason, "event:"); is {
		return "because " + name + " came", true
	}
	switch contract.ExitReason(reason) {
	case contract.ExitAdmin:
		return "because an operator canceled it", true
	case contract.ExitDeleted:
		return "because the contact was deleted", true
	case contract.ExitErased:
		return "because the contact was erased", true
	case contract.ExitMerged:
		return "because two contacts turned out to be one person", true
	case contract.ExitRetired:
		return "because the journey was retired", true
	case contract.ExitSuperseded:
		return "because a newer run took its place", true
	case contract.ExitCanceled:
		return "because its workflow was canceled in Temporal", true
	case contract.ExitPausedLate:
		return "because a pause had made it late", true
	case contract.ExitCode, "":
		return "by its own code", true
	}
	return "by its own code: " + reason, false
}
