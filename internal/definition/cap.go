package definition

import (
	"slices"

	"github.com/hogsend/hogsend"
)

// Transactional is the category of mails that nobody can unsubscribe from (E-16).
const Transactional = "transactional"

// Exempts reports whether mails of a category pass caps, send gaps and send
// windows (E-16).
func Exempts(c hogsend.FrequencyCap, category string) bool {
	if c.ExemptCategories == nil {
		return category == Transactional
	}
	return slices.Contains(c.ExemptCategories, category)
}

// CapOf is the cap that a mail of a category is held to, the zero value for none, and
// whether it is the category's own, which counts mails of that category only (E-23).
func CapOf(c hogsend.FrequencyCap, category string) (limit hogsend.CategoryCap, own bool) {
	switch limit, own = c.ByCategory[category]; {
	case Exempts(c, category):
		return hogsend.CategoryCap{}, false
	case own:
		return limit, true
	}
	return hogsend.CategoryCap{Count: c.Count, Window: c.Window}, false
}
