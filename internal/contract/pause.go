package contract

// ResumePolicy says what becomes of the effects that a pause held.
type ResumePolicy string

// The policies of a resume (J-104 to J-106).
const (
	CatchUp    ResumePolicy = "catch_up"
	SkipLate   ResumePolicy = "skip_late"
	Reschedule ResumePolicy = "reschedule"
)

// PauseEntries says what a pause does with new entries (J-168).
type PauseEntries string

// What a pause may do with them: hold them at the start, or refuse them.
const (
	HoldEntries PauseEntries = "hold"
	DropEntries PauseEntries = "drop"
)

// Valid reports whether it is one of the two.
func (e PauseEntries) Valid() bool { return e == HoldEntries || e == DropEntries }

// EntryStep is the step key at which a pause holds an entry, and its node.
const EntryStep = "start"

// Valid reports whether the policy is one of the three.
func (p ResumePolicy) Valid() bool { return p == CatchUp || p == SkipLate || p == Reschedule }
