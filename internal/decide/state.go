package decide

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

// State is what the steps of I-43 look at and change of one contact. A backend loads
// it before each change; what the decider does to it is told once more by the effects.
type State struct {
	// Live are the enrollments that have not ended, in the order of Enter.
	Live []*Enrollment
	// Waits are the open ones, digests included, in the order of Await.
	Waits []*Wait
	// History is what entry limits know, one for each journey ever entered.
	History []*History
	// OptedOut is set by an opt-out from everything that is linked to the contact (E-20).
	OptedOut bool
	// Memberships are the active ones, in buckets that are in force or not, in the order
	// of Join.
	Memberships []*bucket.Membership
	// Pasts are what is left of ended memberships, by bucket.
	Pasts map[string]bucket.Past
	// Known are the stored values of the properties that buckets name.
	Known map[string]json.RawMessage
}

// Enrollment is one that has not ended.
type Enrollment struct {
	ID               uuid.UUID
	JourneyID        string // perhaps a former id
	Key              string // "" for none (J-153)
	Entry            int32
	Hops, Retries    int
	Node, WorkflowID string
	CreatedAt        time.Time
	// Context are the scalars of the event that triggered it, if its exit rules ask for
	// them (J-155).
	Context json.RawMessage

	// Ended is set by the decider that ends it; Cause is what caused it, if that enrolled
	// it.
	Ended bool
	Cause int
}

// Wait is an open wait of an enrollment, or an open digest.
type Wait struct {
	ID, EnrollmentID uuid.UUID
	Label            string
	// EventName and Conditions say what ends it, Alternatives instead of both what ends
	// a wait for the first of several events (J-130). Both are in the JSON of criteria.
	EventName                string
	Conditions, Alternatives json.RawMessage
	Digest                   bool
	RegisteredAt             time.Time
	// Deadline is nil for none.
	Deadline *time.Time

	// Closed is set by the decider that closes it.
	Closed bool

	awaited []steps.Awaited // read when first asked for
}

// Events are what ends the wait: one event, or the first of several (J-130).
func (w *Wait) Events() ([]steps.Awaited, error) {
	if w.awaited != nil {
		return w.awaited, nil
	}
	var alternatives []criteria.Alternative
	if w.Alternatives != nil {
		if err := json.Unmarshal(w.Alternatives, &alternatives); err != nil {
			return nil, fmt.Errorf("read events of wait %s: %w", w.ID, err)
		}
	}
	awaited, err := steps.AwaitedOf(criteria.Alternative{Event: w.EventName, Where: w.Conditions}, alternatives)
	if err != nil {
		return nil, fmt.Errorf("read conditions of wait %s: %w", w.ID, err)
	}
	w.awaited = awaited
	return awaited, nil
}

// History is what entry limits know of one contact and journey, former ids included.
type History struct {
	JourneyID string // the present id
	Entry     int32  // the highest
	Ended     bool   // one of them has ended
	// NewestEnded is when the newest one that has ended was entered.
	NewestEnded time.Time
}

// Enter puts a live enrollment in its place: by the instant of its entry, then journey
// id, then entry. What ends several has its effects in that order (I-43).
func (s *State) Enter(n *Enrollment) {
	i, _ := slices.BinarySearchFunc(s.Live, n, ByEntry)
	s.Live = slices.Insert(s.Live, i, n)
}

// ByEntry is the order of enrollments: by the instant of entry, then journey id, then entry.
func ByEntry(a, b *Enrollment) int {
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.JourneyID, b.JourneyID), cmp.Compare(a.Entry, b.Entry))
}

// Await puts an open wait in its place, by when it was registered, unless it is there.
func (s *State) Await(w *Wait) {
	i, there := slices.BinarySearchFunc(s.Waits, w, func(a, b *Wait) int {
		return cmp.Or(a.RegisteredAt.Compare(b.RegisteredAt), bytes.Compare(a.ID[:], b.ID[:]))
	})
	if !there {
		s.Waits = slices.Insert(s.Waits, i, w)
	}
}

// Join puts an active membership in its place, by bucket id, unless there is one.
func (s *State) Join(m *bucket.Membership) {
	i, there := slices.BinarySearchFunc(s.Memberships, m, func(a, b *bucket.Membership) int { return strings.Compare(a.BucketID, b.BucketID) })
	if !there {
		s.Memberships = slices.Insert(s.Memberships, i, m)
	}
}

// LiveEnrollment is the live one with that id; nil for none.
func (s *State) LiveEnrollment(id uuid.UUID) *Enrollment {
	for _, n := range s.Live {
		if n.ID == id && !n.Ended {
			return n
		}
	}
	return nil
}

// Past is the contact's history in a journey; nil when it never entered.
func (s *State) Past(journeyID string) *History {
	for _, h := range s.History {
		if h.JourneyID == journeyID {
			return h
		}
	}
	return nil
}

// Membership is the contact's active membership of a bucket; nil for none.
func (s *State) Membership(bucketID string) *bucket.Membership {
	for _, m := range s.Memberships {
		if m.BucketID == bucketID {
			return m
		}
	}
	return nil
}

// Remember notes what is left of ended memberships of a bucket.
func (s *State) Remember(bucketID string, past bucket.Past) {
	if s.Pasts == nil {
		s.Pasts = map[string]bucket.Past{}
	}
	s.Pasts[bucketID] = past
}

// Journey is the contact's history in a journey; a new one when there is none.
func (s *State) Journey(journeyID string) *History {
	if h := s.Past(journeyID); h != nil {
		return h
	}
	h := &History{JourneyID: journeyID}
	s.History = append(s.History, h)
	return h
}
