package view

// Contacts is the list of contacts (U-19).
type Contacts struct {
	Frame
	Search, Order string
	Chips         []Chip
	Total         string
	Rows          []ContactRow
	Empty         *Empty
	Pager         Pager
}

// ContactRow is one contact of a list.
type ContactRow struct {
	URL, Name, Detail string
	Seen              Time
	Journeys, Buckets int64
	Mail              *Badge
}

// Contact is everything about one person (U-20).
type Contact struct {
	Frame
	ID, ExternalID, Email string
	Anonymous             []string
	Clock                 string // the contact's wall clock, with its zone
	MayGetMail            Badge
	MailReason            string
	First, Last           Time
	Journeys              []ContactJourney
	Buckets               []ContactBucket
	Properties            []Field
	Unsubscribed          bool
	Mail, Delete          *Button
	Edit, Erase           *Button
	Merge                 string   // where another one is named; "" for who may not
	Enroll                []Choice // the journeys that they can be sent into; none for who may not
	Ask                   Ask
	Answer                *Answer
	Filters               []Toggle
	Timeline              []Moment
	Empty                 *Empty
	Pager                 Pager
}

// ContactJourney is a journey that somebody is in.
type ContactJourney struct {
	Journey Link
	State   Badge
	Stands  string
	Since   Time
}

// ContactBucket is a bucket that somebody is in.
type ContactBucket struct {
	Bucket Link
	Since  Time
	Until  string
}

// Ask is the question of the page: why did they get this, and why not.
type Ask struct {
	Action string
	Groups []AskGroup
}

// AskGroup are questions of a kind.
type AskGroup struct {
	Label   string
	Options []Choice
}

// Answer is what the engine says, for people (U-44).
type Answer struct {
	Verdict  Badge
	Question string
	Sentence string
	Facts    []Fact
	Next     []Link
}

// Fact is something that decided.
type Fact struct {
	Text string
	At   *Time
	Link Link
}

// Toggle is a part of the timeline that is shown or not.
type Toggle struct {
	Name, Label string
	On          bool
}

// Moment is something that happened to a contact.
type Moment struct {
	At     Time
	Kind   string // Event, Decision, Journey, Bucket, Mail, Change
	Tone   string
	Text   string
	URL    string
	Detail string
	By     string
	Under  []Moment
}

// ContactEdit is the form of who somebody is.
type ContactEdit struct {
	Frame
	Action, Back                            string
	UserID, Email, Zone, Properties, Before string
	Problem                                 Problem
}
