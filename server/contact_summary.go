package server

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// maxSummary bounds each list of R-119.
const maxSummary = 50

// summaryState is a State with what it waits for.
type summaryState struct {
	stateReply
	Waits []waitReply `json:"waits"`
}

// waitReply is what an enrollment waits for: an event, a deadline, or both.
type waitReply struct {
	Label    string  `json:"label"`
	Event    *string `json:"event"`
	Deadline *ts     `json:"deadline"`
}

// summarySend is what became of a mail to the contact.
type summarySend struct {
	ID          uuid.UUID           `json:"id"`
	TemplateKey string              `json:"templateKey"`
	Subject     string              `json:"subject"`
	ToEmail     string              `json:"toEmail"`
	Category    string              `json:"category"`
	Status      contract.SendStatus `json:"status"`
	Reason      *string             `json:"reason"`
	JourneyID   *string             `json:"journeyId"`
	StateID     *uuid.UUID          `json:"journeyStateId"`
	SentAt      *ts                 `json:"sentAt"`
	CreatedAt   ts                  `json:"createdAt"`
}

// summaryMembership is a bucket that the contact is in.
type summaryMembership struct {
	BucketID   string `json:"bucketId"`
	EntryCount int32  `json:"entryCount"`
	EnteredAt  ts     `json:"enteredAt"`
	ExpiresAt  *ts    `json:"expiresAt"`
}

// contactSummary is R-119.
func (s *Server) contactSummary(r *request) error {
	c, err := s.contact(r)
	if err != nil {
		return err
	}
	out := struct {
		Contact     contactReply        `json:"contact"`
		Preferences *preferencesReply   `json:"preferences"`
		States      []summaryState      `json:"states"`
		Emails      []summarySend       `json:"emails"`
		Refusals    []decisionReply     `json:"refusals"`
		Memberships []summaryMembership `json:"memberships"`
	}{}
	contacts, err := s.contactReplies(r.ctx(), []storedb.Contact{c})
	if err != nil {
		return err
	}
	out.Contact = contacts[0]
	preferences, ok, err := s.store.PreferenceFind(r.ctx(), c.Email, &c.ID)
	if err != nil {
		return err
	}
	if ok {
		out.Preferences = preferencesOf(preferences, &c)
	}
	if out.States, err = s.summaryStates(r, c); err != nil {
		return err
	}
	if out.Emails, err = s.summarySends(r, c.ID); err != nil {
		return err
	}
	refusals, err := s.store.SummaryRefusals(r.ctx(), c.ID, maxSummary)
	if err != nil {
		return err
	}
	out.Refusals = decisionsOf(refusals)
	memberships, err := s.store.SummaryMemberships(r.ctx(), c.ID, maxSummary)
	if err != nil {
		return err
	}
	out.Memberships = make([]summaryMembership, len(memberships))
	for i, m := range memberships {
		out.Memberships[i] = summaryMembership{BucketID: m.BucketID, EntryCount: m.Epoch, EnteredAt: ts(m.EnteredAt), ExpiresAt: tsOrNull(sooner(m.LeaveAt, m.MaxDwellAt))}
	}
	return reply(r, http.StatusOK, out)
}

func (s *Server) summaryStates(r *request, c storedb.Contact) ([]summaryState, error) {
	rows, err := s.store.SummaryStates(r.ctx(), c.ID, maxSummary)
	if err != nil {
		return nil, err
	}
	states, ids := make([]summaryState, len(rows)), make([]uuid.UUID, len(rows))
	place := map[uuid.UUID]int{}
	for i, e := range rows {
		states[i], ids[i] = summaryState{stateOf(e, c), []waitReply{}}, e.ID
		place[e.ID] = i
	}
	waits, err := s.store.SummaryWaits(r.ctx(), ids)
	if err != nil {
		return nil, err
	}
	for _, w := range waits {
		state := &states[place[w.EnrollmentID]]
		state.Waits = append(state.Waits, waitReply{Label: w.Label, Event: w.EventName, Deadline: tsOrNull(w.Deadline)})
	}
	return states, nil
}

func (s *Server) summarySends(r *request, contact uuid.UUID) ([]summarySend, error) {
	rows, err := s.store.SummarySends(r.ctx(), &contact, maxSummary)
	if err != nil {
		return nil, err
	}
	sends := make([]summarySend, len(rows))
	for i, e := range rows {
		sends[i] = summarySend{
			ID: e.ID, TemplateKey: e.TemplateKey, Subject: e.Subject, ToEmail: e.ToEmail, Category: e.Category, Status: e.Status,
			JourneyID: e.JourneyID, StateID: e.EnrollmentID, SentAt: tsOrNull(e.SentAt), CreatedAt: ts(e.CreatedAt),
		}
		if e.Reason != nil {
			reason := string(*e.Reason)
			sends[i].Reason = &reason
		}
	}
	return sends, nil
}

// sooner is the earlier of two instants that may not be.
func sooner(a, b *time.Time) *time.Time {
	if a == nil || b != nil && b.Before(*a) {
		return b
	}
	return a
}
