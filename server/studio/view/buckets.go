package view

// Buckets is the list of buckets (U-26).
type Buckets struct {
	Frame
	Rows  []BucketRow
	Gone  []BucketRow // those that no code has any more
	Empty *Empty
}

// BucketRow is one bucket of the list.
type BucketRow struct {
	URL, Name, ID, Words string
	State                Badge
	Members, Left        string
	Reactions            int64
}

// Said is what a bucket asks for, in words.
type Said struct {
	Text  string
	Below []Said
}

// Bucket is one bucket (U-27).
type Bucket struct {
	Frame
	ID, Description string
	State           Badge
	Change          string // who switched it, when and why
	Criteria        Said
	JSON, Code      string
	WhatIf          string // where it is asked what it would be with other criteria
	Growth          Chart
	Limits          []string
	Counts          []Tile
	Feeds           []Feed
	Segments        []Segment
	Members         []MemberRow
	Empty           *Empty
	Pager           Pager
	Builds          []BuildRow
	Switch, Retire  *Button
}

// Feed is a journey that a bucket starts.
type Feed struct {
	Journey Link
	When    string
	State   Badge
}

// MemberRow is a stay.
type MemberRow struct {
	Contact     Link
	Since       Time
	Left        *Time
	Why, Source string
	Stay        int64 // the number of the stay of this person
}

// BuildRow is one time that a bucket was built.
type BuildRow struct {
	Mode, Joined, Left, Error string
	State                     Badge
	At                        Time
}
