package contract

// ResumePolicy says what becomes of the effects that a pause held.
type ResumePolicy string

// The policies of a resume (J-104 to J-106).
const (
	CatchUp    ResumePolicy = "catch_up"
	SkipLate   ResumePolicy = "skip_late"
	Reschedule ResumePolicy = "reschedule"
)

// Valid reports whether the policy is one of the three.
func (p ResumePolicy) Valid() bool { return p == CatchUp || p == SkipLate || p == Reschedule }
