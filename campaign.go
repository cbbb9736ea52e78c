package hogsend

import "time"

// Campaign is one mail to many people, declared in code. It is created once, by the first
// start of a program that has it, and never again: what changes in it later, or that it is
// taken out, changes nothing. Campaigns are also created over HTTP and by
// `hogsend campaigns create`.
type Campaign struct {
	// ID is what it is created once by: lower-case letters, digits and "-".
	ID string
	// Name is shown to operators; "" means the ID.
	Name string
	// List or Bucket says whom it is for: subscribers of a list, or members of a bucket as
	// they are when it starts. Exactly one of them is given.
	List, Bucket string
	// Template is the key of the mail, Props a value of its props type; nil is the zero value.
	Template string
	Props    any
	// From and Subject replace those of the environment and the template; "" keeps them.
	From, Subject string
	// SendAt is when it starts, at most a year ahead of its creation; the zero time is at
	// once. One that could not start within 24 hours of it expires (E-73).
	SendAt time.Time
	// RatePerMinute bounds how many mails go in a minute; 0 does not.
	RatePerMinute int
	// Sample is how many people are mailed first: then it pauses until somebody resumes it.
	// 0 is for no sample.
	Sample int
}
