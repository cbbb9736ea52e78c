// Package view is what the pages of Studio show: a struct for each template, filled in by
// package studio. Nothing is looked up by name.
package view

// Frame is what every page has around it.
type Frame struct {
	// Title is that of the tab: what kind of page it is, never whose (U-54).
	Title string
	// Heading is the h1.
	Heading string
	User    *User // nil when nobody is signed in
	Nav     []NavGroup
	Flash   string
	Find    string // what the search box holds
	// Environment says which installation this is, such as development.
	Environment string
	Theme       string // auto, light or dark
	Compact     bool
	Keys        bool // shortcuts are on
	Banners     []Banner
	Dot         *Badge // whether all is well
	// Live is where the page's main part is asked for again, every five seconds; "" is never.
	Live string
	// Polls is set where something of the page is asked for again: then there is a button
	// that stops it.
	Polls  bool
	Copies []Copy
	Assets Assets
	Foot   Foot
}

// User is who is signed in.
type User struct{ Name, Email, Role string }

// NavGroup is a group of the rail.
type NavGroup struct {
	Label string
	Items []NavItem
}

// NavItem is a page of the rail; Key is its shortcut after g.
type NavItem struct {
	Label, URL, Key string
	Here            bool
	// Count is how many there need somebody, "" for none, and Counts says what is counted.
	Count, Counts string
}

// Copy is something to take along: a link, a request, a command.
type Copy struct{ Label, Text string }

// Assets are the addresses of what pages load.
type Assets struct{ CSS, JS, HTMX string }

// Foot is the line at the bottom.
type Foot struct{ Version, Build, RequestID, Took string }

// Time is an instant as a user reads it.
type Time struct {
	Text  string // in the user's zone
	Wire  string // for datetime
	Title string // with the zone
	Ago   string
}

// Link is words that lead somewhere; without a URL they are plain.
type Link struct{ Text, URL string }

// Badge is a state: a word, a shape and a color, never color alone.
type Badge struct{ Word, Shape, Tone string }

// Field is a name with a value, as properties are shown.
type Field struct {
	Name, Value string
	Mono        bool
}

// Pager are the ways to the pages before and after, "" for none, and how many rows there
// are in all, "" where nobody counts.
type Pager struct{ Newer, Older, Total string }

// Chip is a filter in force and the address without it.
type Chip struct{ Text, Without string }

// Empty says what would be here, why it is not, and what to do.
type Empty struct {
	Title, Text string
	Next        Link
	Command     string
}

// Error is a page about what went wrong.
type Error struct {
	Frame
	Status int
	Text   string
	Next   Link
}

// Found is what a search found, where it is not one thing alone (U-3).
type Found struct {
	Frame
	Query  string
	Groups []FoundGroup
	Empty  *Empty
}

// FoundGroup is what was found of a kind; More leads to all of it.
type FoundGroup struct {
	Label string
	Items []FoundItem
	More  Link
}

// FoundItem is one of them.
type FoundItem struct {
	Link
	Detail string
}

// Help is the page of the keys and of the words (U-11, U-13).
type Help struct {
	Frame
	Keys, Words []Field
}

// SignIn is the page on which one signs in.
type SignIn struct {
	Frame
	Email, Problem, Next string
}

// Setup is the page on which the first admin or an invited user chooses a password.
type Setup struct {
	Frame
	// Closed says that the page was not reached by its link.
	Closed        bool
	Action, Token string
	Intro, Submit string
	Name, Email   string
	AsksEmail     bool
	Problem       Problem
}

// Problem is what is wrong with a form, and in which field.
type Problem struct{ Field, Text string }

// Confirm asks before something is done (U-8).
type Confirm struct {
	Frame
	Action string
	Points []string
	// Reason asks why; Choices asks how.
	Reason     bool
	Choices    []Choice
	Verb, Back string
	Hidden     []Field
	Problem    string
	// Typed is an id that has to be typed, where nothing can be undone.
	Typed string
	// Password asks for the password again (U-47).
	Password bool
}

// Choice is one of several ways.
type Choice struct {
	Value, Label, Hint string
	On                 bool
}

// Banner says on every page what is wrong with the installation (U-2).
type Banner struct{ Tone, Text string }

// Tile is a figure with a name; Title says what it was made of.
type Tile struct{ Label, Value, Title, URL string }

// Button leads to a question; Refused says why it cannot be used.
type Button struct {
	Label, URL, Refused string
	Page                bool // it leads to a page of its own, not to a question
}
