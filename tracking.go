package hogsend

// Tracking says what is told of a mail once it has arrived: that it was opened, and which
// of its links were clicked. A mail of which nothing is tracked has no trace of it. The
// environment can switch either off for all mails.
type Tracking string

// The choices. "" leaves it to whoever is asked next: a mail to its template, a template to
// [Defaults].Track, which tracks everything unless said otherwise.
const (
	TrackAll     Tracking = "all"
	TrackOpens   Tracking = "opens"
	TrackClicks  Tracking = "clicks"
	TrackNothing Tracking = "nothing"
)

// Valid reports whether t is one of the choices, or "".
func (t Tracking) Valid() bool {
	return t == "" || t == TrackAll || t == TrackOpens || t == TrackClicks || t == TrackNothing
}
