package view

// Mails is the list of mails (U-31).
type Mails struct {
	Frame
	Segments []Segment
	Search   string
	Template string
	Chips    []Chip
	Range    string
	Rows     []MailRow
	Empty    *Empty
	Pager    Pager
}

// Segment is one of a few views of the same list.
type Segment struct {
	Label, URL string
	Here       bool
}

// MailRow is one mail of a list.
type MailRow struct {
	URL, Template, Subject, To string
	Contact, Journey           Link
	State                      Badge
	Why                        string
	At                         Time
}

// Mail is one mail (U-31).
type Mail struct {
	Frame
	ID, Key, Subject, From, To, ReplyTo string
	Category, ProviderID                string
	State                               Badge
	Answer                              Answer
	Track                               []Stop
	Contact, Journey                    Link
	Template                            string
	Body                                string // the address of the frame; "" for none
	Images                              string // the address with remote images
	Text                                string
	Headers                             []Field
	NoBody                              string // why there is none
	Again                               *Button
}

// Stop is one of the stations of a delivery.
type Stop struct {
	Label string
	At    *Time
	Gap   string
	Tone  string
}

// Events is the feed (U-17).
type Events struct {
	Frame
	Name, Contact string
	Names         []string
	Chips         []Chip
	Internal      bool
	Rows          []EventRow
	Empty         *Empty
	Pager         Pager
	Feed          string // the address that the rows are asked for again; "" for a page that stands still
}

// EventRow is one event of the feed.
type EventRow struct {
	URL, Name, Properties, Source string
	Contact                       Link
	At                            Time
	Effects                       []Badge
	Marks                         []Badge
}

// Event is one event and what it caused (U-18).
type Event struct {
	Frame
	ID, Name, Source string
	Contact          Link
	Occurred         Time
	Received         Time
	Marks            []Badge
	Properties       []Field
	JSON             string
	Effects          []Moment
	Again            *Button
	Empty            *Empty
}
