// Package why says in a sentence why somebody got a mail or got into a journey, and why
// not: from rows to an answer, without asking anybody (U-44).
package why

import (
	"time"

	"github.com/hogsend/hogsend/internal/contract"
)

// Verdict is the answer in one word.
type Verdict string

// The verdicts.
const (
	Yes     Verdict = "yes"
	No      Verdict = "no"
	NotYet  Verdict = "not_yet"
	Unknown Verdict = "unknown"
)

// Kinds of what a fact leads to.
const (
	KindEvent      = "event"
	KindMail       = "mail"
	KindJourney    = "journey"
	KindEnrollment = "enrollment"
	KindCampaign   = "campaign"
	KindBucket     = "bucket"
	KindContact    = "contact"
)

// Ref names something that can be looked at; the zero value is nothing.
type Ref struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Text string `json:"text"`
}

// Fact is one thing that decided.
type Fact struct {
	Text string     `json:"text,omitempty"`
	At   *time.Time `json:"at,omitempty"`
	Ref  *Ref       `json:"ref,omitempty"`
}

// Answer is what became of a question.
type Answer struct {
	Verdict  Verdict `json:"verdict"`
	Sentence string  `json:"sentence"`
	Facts    []Fact  `json:"facts,omitempty"`
	// Next is what to look at or to do then.
	Next []Ref `json:"next,omitempty"`
}

// Question is who asks about whom, and how instants are written for them.
type Question struct {
	// Person is what the contact is called, Thing what the mail or the journey is called.
	Person, Thing string
	When          func(time.Time) string
	Now           time.Time
}

// Send is one mail as it stands.
type Send struct {
	ID, Template, To                                               string
	Status                                                         contract.SendStatus
	Reason                                                         string
	BounceReason                                                   string
	At                                                             time.Time // when it was decided
	Sent, Delivered, Opened, Clicked, Bounced, Complained, Attempt *time.Time
	JourneyID, EnrollmentID                                        string
}

// Enrollment is one run of a journey.
type Enrollment struct {
	ID, JourneyID, Journey string
	Status                 contract.EnrollmentStatus
	Node                   string
	Began, Ended           time.Time // Ended is zero for one that goes on
	Error, ExitReason      string
	Paused                 bool
	// Wait is what it waits for; nil if it waits for nothing.
	Wait *Wait
}

// Wait is what an enrollment waits for: an event, a deadline or both.
type Wait struct {
	Event    string
	Deadline *time.Time
}

// Decision is what was decided when an event came.
type Decision struct {
	JourneyID, Journey string
	Outcome            contract.DecisionOutcome
	Reason             string
	EventID, Event     string
	At                 time.Time
	Failed             []Condition
	Properties         map[string]string // of the event, as JSON
	EntryPeriod        time.Duration
}

// Condition is one that an event did not meet.
type Condition struct{ Property, Operator, Value string }

// Journey is what is known of a person and a journey; nil parts are not there.
type Journey struct {
	ID, Name, Trigger string
	Newest            *Enrollment
	Decision          *Decision
	// Seen is when an event that starts it came last.
	Seen *time.Time
	// Disabled and Paused are how it stands now.
	Disabled, Paused bool
	// Near is the name of an event there is that looks like the trigger; "" for none.
	Near string
	// Namesakes are others with the same address who did what starts it.
	Namesakes []Namesake
}

// Namesake is somebody else who has the same address.
type Namesake struct {
	ID, Name string
	At       time.Time // of their event
}

// Mail is what is known of a person and a template.
type Mail struct {
	Sends []Send // the newest first
	// Programs are the journeys that may send it.
	Programs []Journey
	// Campaigns are those that sent it or will, the newest first.
	Campaigns []Campaign
}

// Campaign is what is known of a person and a campaign.
type Campaign struct {
	ID, Name, Audience string
	Status             contract.CampaignStatus
	// Frozen is when it was settled who gets it; nil while it is not.
	Frozen, Scheduled *time.Time
	// Among is set for somebody who is in its ledger, with how they fared and why.
	Among           bool
	Outcome, Reason string
	Due             time.Time
	To              string
}

// Bucket is what is known of a person and a bucket.
type Bucket struct {
	ID, Name string
	// Off says that nobody is settled: by code or by an operator. Building says that not
	// everybody has been looked at yet.
	Off, Building bool
	// Once says that it takes each person once.
	Once bool
	// Holds is what the criteria say now, and Leaves what each part of them says.
	Holds  bool
	Leaves []Leaf
	// Stay is the newest one; nil for somebody who was never in it.
	Stay *Stay
}

// Leaf is one of the criteria, in words.
type Leaf struct {
	Words string
	Holds bool
}

// Stay is a time in a bucket.
type Stay struct {
	Entered     time.Time
	Left        *time.Time
	Reason      string
	Leave, Most *time.Time // when it ends by a delay, and at the latest
}

func (q Question) when(t *time.Time) string {
	if t == nil {
		return ""
	}
	return q.When(*t)
}
