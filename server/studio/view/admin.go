package view

// Suppressions are the addresses that get no mail (U-32).
type Suppressions struct {
	Frame
	Segments []Segment
	Search   string
	Rows     []SuppressionRow
	Empty    *Empty
	Pager    Pager
	MayAdd   bool
	Email    string
	Problem  Problem
}

// SuppressionRow is one address.
type SuppressionRow struct {
	Address Link
	States  []Badge
	Bounces int64
	At      Time
	Lift    *Button
}

// Keys are the API keys (U-39).
type Keys struct {
	Frame
	Rows     []KeyRow
	Scopes   []Choice
	Name     string
	Problem  Problem
	Secret   string // of a new key, shown once
	For      string // its name
	Password bool   // asks for the password again (U-47)
}

// KeyRow is one of them.
type KeyRow struct {
	ID, Name, Prefix, Scopes, By string
	State                        Badge
	Used, Expires                *Time
	Revoke                       string // where that is asked; "" for what is not valid
}

// Lists are what people can choose to get (U-33).
type Lists struct {
	Frame
	Rows  []ListRow
	Empty *Empty
}

// ListRow is one of them.
type ListRow struct {
	ID, Name, Description, Kind string
	Default                     Badge
	Journeys                    []Link
}

// Outbox is what is still to be told (U-34).
type Outbox struct {
	Frame
	Counts []Tile
	Rows   []OutboxRow
	Empty  *Empty
}

// OutboxRow is one message.
type OutboxRow struct {
	ID, Kind, To, Error string
	Contact             Link
	Attempts            int64
	Next, Since         Time
}

// Letters are messages that were given up (U-35).
type Letters struct {
	Frame
	Groups []LetterGroup
	Rows   []LetterRow
	Empty  *Empty
	Pager  Pager
}

// LetterGroup are letters with one error.
type LetterGroup struct {
	Source, Error, URL string
	Total              int64
	Newest             Time
	Retries            bool
}

// LetterRow is one letter.
type LetterRow struct {
	ID, Source, Error, Payload string
	Tries                      int64
	At                         Time
	Retries                    bool
}
