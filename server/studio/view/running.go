package view

// Overview is the first page (U-16).
type Overview struct {
	Frame
	AsOf Time
	// Counting and CountingRefusals say why the figures of mails, or those of refusals, are
	// not there; "" when they are.
	Counting, CountingRefusals string
	Steps                      []Step // what a new installation has still to do
	Needs                      []Need
	Tiles                      []Tile
	Chart                      Chart
	Refusals                   []Count
	Changes                    []ChangeLine
}

// Step is one of the things that a new installation begins with.
type Step struct {
	Done       bool
	Text, Hint string
}

// Need is something that somebody should look at.
type Need struct {
	Tone, Count, Text string
	Where             Link
}

// Count is a number of something.
type Count struct{ Label, Value, URL string }

// Rate is a share, with what it was made of.
type Rate struct{ Text, Title string }

// ChangeLine is what somebody switched or paused.
type ChangeLine struct {
	What Link
	Text string
}

// Chart is a picture of bars, and the same as a table.
type Chart struct {
	Width, Height int
	Caption       string
	Legend        []Badge
	Ticks         []Tick
	Bars          []Bar
	Rows          []ChartRow
}

// Tick is a line of the axis.
type Tick struct {
	Y, Left int
	Label   string
}

// Bar is one of them, made of parts.
type Bar struct {
	X, Width, Middle, Foot int
	Label, Title, URL      string
	Parts                  []BarPart
}

// BarPart is a part of a bar.
type BarPart struct {
	Y, Height int
	Tone      string
}

// ChartRow is a bar as a row of the table.
type ChartRow struct {
	Label  string
	Values []string
}

// Health is what the installation stands on (U-36).
type Health struct {
	Frame
	State     Badge
	Parts     []Part
	Workers   []WorkerRow
	Backfills []BackfillRow
	Command   string
}

// Part is a component.
type Part struct {
	Name        string
	State       Badge
	Value, Note string
}

// WorkerRow is a worker that gave a sign within a day.
type WorkerRow struct {
	ID, Build, Queue string
	State            Badge
	Since, Seen      Time
}

// BackfillRow is a bucket that is being built.
type BackfillRow struct {
	Bucket            Link
	Mode, Done, Error string
	State             Badge
	Since             Time
}
