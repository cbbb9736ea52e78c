package steps

import (
	"cmp"
	"slices"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// Preference is a preference record: of the address that a mail goes to, or linked to
// its contact (E-20).
type Preference struct {
	EmailKey        string
	UnsubscribedAll bool
	// Categories are the opt-ins and opt-outs by category and list.
	Categories map[string]bool
	Suppressed bool
	// Suppression is why the address is suppressed.
	Suppression contract.SendReason
}

// Category is that of a journey's mail: the first that is given by the send, the journey
// and the template (E-19).
func Category(send, journey, template string) string {
	return cmp.Or(send, journey, template, "journey")
}

// DirectCategory is that of a mail that no journey sends: the first that is given by the
// send, the template and the list that it is for (E-19).
func DirectCategory(send, template, list string) string { return cmp.Or(send, template, list) }

// IsSubscribed reports whether rows 5 and 6 of the gate and, with a category, row 7
// would let a mail pass. emailKey is that of the contact's address; "" for none (J-140).
func IsSubscribed(records []Preference, emailKey, category string, lists []hogsend.List) bool {
	return suppressed(records, emailKey) == nil && optedOut(records, category, lists) == nil
}

// suppressed is row 5 of the gate: a suppression counts for the exact address only.
func suppressed(records []Preference, emailKey string) *Refusal {
	for _, p := range records {
		if p.Suppressed && p.EmailKey == emailKey && emailKey != "" {
			return &Refusal{Status: contract.SendSuppressed, Reason: p.Suppression}
		}
	}
	return nil
}

// optedOut is row 6 and, with a category, row 7 of the gate. Opt-outs follow person and
// address: any of the records may hold one (E-20).
func optedOut(records []Preference, category string, lists []hogsend.List) *Refusal {
	for _, p := range records {
		if p.UnsubscribedAll {
			return &Refusal{Status: contract.SendSuppressed, Reason: contract.SendUnsubscribedAll}
		}
	}
	if category != "" && !subscribed(records, category, lists) {
		return &Refusal{Status: contract.SendSuppressed, Reason: contract.SendCategoryOptOut}
	}
	for _, l := range lists { // whoever does not want to be reached by mail (E-59)
		if l.Kind == hogsend.Channel && l.ID == emailChannel && !subscribed(records, l.ID, lists) {
			return &Refusal{Status: contract.SendSuppressed, Reason: contract.SendCategoryOptOut}
		}
	}
	return nil
}

// emailChannel is the list that stands for being reached by mail at all.
const emailChannel = "email"

// subscribed reports whether none of the records says no, and one says yes where a list
// asks for it (E-20).
func subscribed(records []Preference, category string, lists []hogsend.List) bool {
	said := false
	for _, p := range records {
		on, given := p.Categories[category]
		if given && !on {
			return false
		}
		said = said || given
	}
	i := slices.IndexFunc(lists, func(l hogsend.List) bool { return l.ID == category })
	return said || i < 0 || lists[i].DefaultOptIn
}
