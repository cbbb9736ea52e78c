package steps

import (
	"cmp"

	"github.com/hogsend/hogsend"
)

// Tracks says what is tracked of a mail: as the mail says, else as its template, else as
// the registry (E-46).
func Tracks(mail, template, registry hogsend.Tracking) (opens, clicks bool) {
	t := cmp.Or(mail, template, registry, hogsend.TrackAll)
	return t == hogsend.TrackAll || t == hogsend.TrackOpens, t == hogsend.TrackAll || t == hogsend.TrackClicks
}
