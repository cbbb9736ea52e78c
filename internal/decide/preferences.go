package decide

import (
	"cmp"

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

// IsSubscribed reports whether rows 5 and 6 of the gate and, with a category, row 7
// would let a mail pass. emailKey is that of the contact's address; "" for none (J-140).
func IsSubscribed(records []Preference, emailKey, category string) bool {
	return suppressed(records, emailKey) == nil && optedOut(records, category) == nil
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
func optedOut(records []Preference, category string) *Refusal {
	for _, p := range records {
		if p.UnsubscribedAll {
			return &Refusal{Status: contract.SendSuppressed, Reason: contract.SendUnsubscribedAll}
		}
	}
	for _, p := range records {
		if on, given := p.Categories[category]; category != "" && given && !on {
			return &Refusal{Status: contract.SendSuppressed, Reason: contract.SendCategoryOptOut}
		}
	}
	return nil
}
