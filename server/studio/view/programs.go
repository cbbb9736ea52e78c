package view

// Journeys is the list of journeys (U-23).
type Journeys struct {
	Frame
	Rows  []JourneyRow
	Empty *Empty
}

// JourneyRow is one journey of the list.
type JourneyRow struct {
	URL, Name, ID, Trigger string
	State                  Badge
	Note                   string
	InFlight               int64
	Completed              int64
	Failed                 int64
}

// Journey is one journey (U-24).
type Journey struct {
	Frame
	Counting        string // why it is not told where people are; "" when it is
	ID, Description string
	State           Badge
	Change          string // who switched or paused it, when and why
	Words           []string
	Counts          []Tile
	Tabs            []Segment
	Flow            *Flow // nil while nothing is known of its steps
	Sent            []Tile
	Troubles        []Trouble
	Due             []Tile
	Recent          []PersonRow
	Pause, Resume   *Button
	Mails           string // the list of its mails
	Empty           *Empty
}

// Trouble is a group of people who need somebody.
type Trouble struct {
	Text   string
	URL    string // who they are
	Retry  string // where it is asked whether to try them again
	People int64
	Tone   string
}

// PersonRow is an enrollment of a list.
type PersonRow struct {
	URL     string
	Contact Link
	State   Badge
	Node    string
	Why     string
	At      Time
}

// Audit is the log (U-41).
type Audit struct {
	Frame
	Actor, Resource string
	CSV             string // where the same is a file
	Rows            []AuditRow
	Empty           *Empty
	Pager           Pager
}

// AuditRow is one entry.
type AuditRow struct {
	At              Time
	Who, What       string
	Of              Link
	Changes         []string
	From, RequestID string
}

// Users are those who may use Studio (U-40).
type Users struct {
	Frame
	Rows    []UserRow
	Name    string
	Email   string
	Role    string
	Problem Problem
	Link    string // an invitation, shown once
	For     string // whom it is for
}

// UserRow is one of them.
type UserRow struct {
	ID, Name, Email, Role string
	State                 Badge
	Sessions              int64
	Seen                  *Time
	Roles                 []Choice
	Self                  bool
}

// Profile is how a user wants to see Studio, and where they are signed in (U-40).
type Profile struct {
	Frame
	Clock        string // what a clock shows in the zone
	Name, Zone   string
	Themes, Rows []Choice
	Shortcuts    bool
	Problem      Problem
	SignedInAt   []SessionRow
}

// SessionRow is one place where a user is signed in.
type SessionRow struct {
	Device, Address string
	Since           Time
	Here            bool
}

// People are those of a journey (U-24).
type People struct {
	Frame
	Back     Link
	Segments []Segment
	Chips    []Chip
	Rows     []PersonRow
	Empty    *Empty
	Pager    Pager
	Retry    *Button
	Cancel   *Button
	Tabs     []Segment
}

// Refused are those whom a journey did not take, by why (U-24).
type Refused struct {
	Frame
	Back  Link
	Tabs  []Segment
	Range string
	Total string
	Rows  []RefusedRow
	Empty *Empty
}

// RefusedRow is a reason.
type RefusedRow struct {
	Reason, Code string
	Total        string
	Share        Rate
	Newest       Time
	Who, Event   Link
}

// Deploy is how the builds of a journey stand (U-24).
type Deploy struct {
	Frame
	Back    Link
	Tabs    []Segment
	Gate    Badge
	GateAt  *Time
	Found   string // what the replay gate said last
	Lines   []string
	Rows    []DeployRow
	Command string
	Empty   *Empty
}

// DeployRow is a build with its people.
type DeployRow struct {
	Build, Version, People, Nodes string
	State                         Badge
	First, Last                   *Time // when the first and the last wait end
}

// Enrollment is one person's way through a journey (U-25).
type Enrollment struct {
	Frame
	ID, Key, Event, Version, Build string
	Workflow, Command              string
	Contact, Journey               Link
	State                          Badge
	Entry, Retries                 int64
	Began                          Time
	Sentence, Error                string
	Issues                         []string
	Steps                          []StepRow
	Mails                          []EnrollmentMail
	Context                        []Field
	Action                         *Button
}

// StepRow is a row of the step log.
type StepRow struct {
	At                        Time
	Text, Detail, Took, Build string
	State                     Badge
}

// EnrollmentMail is a mail that an enrollment sent, or was to send.
type EnrollmentMail struct {
	Mail  Link
	State Badge
	At    Time
}
