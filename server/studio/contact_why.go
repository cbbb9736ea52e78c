package studio

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/why"
	"github.com/hogsend/hogsend/server/studio/view"
)

// question is who asks about whom.
func (s *Studio) question(r *request, c storedb.Contact, thing string) why.Question {
	return why.Question{Person: nameOf(c), Thing: thing, Now: s.cfg.Now(), When: func(t time.Time) string { return t.In(r.zone).Format("2 Jan 2006, 15:04:05") }}
}

// ask answers why a person got a mail or got into a journey, and why not (U-22, U-45).
func (s *Studio) ask(r *request, q *storedb.Queries, c storedb.Contact, journeys known, about string) (*view.Answer, error) {
	kind, id, _ := strings.Cut(about, ":")
	switch kind {
	case "mail":
		question := s.question(r, c, "“"+visible(id)+"”")
		mail, err := s.mailFacts(r, q, c, journeys, id)
		if err != nil {
			return nil, err
		}
		return s.answer(r, fmt.Sprintf("Did %s get the mail %s?", question.Person, question.Thing), question.OfMail(mail)), nil
	case "journey":
		j, known := journeys[id]
		if !known {
			return nil, lost("No journey that is served has this id.")
		}
		question := s.question(r, c, journeys.name(id))
		facts, err := s.journeyFacts(r, q, c, journeys, j)
		if err != nil {
			return nil, err
		}
		return s.answer(r, fmt.Sprintf("Did %s get into %s?", question.Person, question.Thing), question.OfJourney(facts)), nil
	}
	return nil, lost("This cannot be asked.")
}

// mailFacts are what is known of a person and a template.
func (s *Studio) mailFacts(r *request, q *storedb.Queries, c storedb.Contact, journeys known, template string) (why.Mail, error) {
	var m why.Mail
	sends, err := q.StudioSendsOfTemplate(r.ctx(), &c.ID, template)
	if err != nil {
		return m, err
	}
	for _, row := range sends {
		m.Sends = append(m.Sends, sendOf(row))
	}
	if len(sends) > 0 {
		return m, nil
	}
	for id, j := range journeys {
		if id != j.ID || !slices.Contains(j.Templates, template) {
			continue
		}
		facts, err := s.journeyFacts(r, q, c, journeys, j)
		if err != nil {
			return m, err
		}
		m.Programs = append(m.Programs, facts)
	}
	slices.SortFunc(m.Programs, func(a, b why.Journey) int { return compare(a.ID, b.ID) })
	return m, nil
}

// journeyFacts are what is known of a person and a journey.
func (s *Studio) journeyFacts(r *request, q *storedb.Queries, c storedb.Contact, journeys known, j hogsend.Journey) (why.Journey, error) {
	out := why.Journey{ID: j.ID, Name: journeys.name(j.ID), Trigger: j.Trigger.Event, Disabled: j.Disabled}
	ids := operate.IDs(j)
	for _, id := range ids {
		configs, err := q.PauseConfig(r.ctx(), id)
		if err != nil {
			return out, err
		}
		for _, row := range configs {
			out.Paused = out.Paused || row.PausedAt != nil
			out.Disabled = out.Disabled || id == j.ID && !row.Enabled
		}
	}
	runs, err := q.StudioNewestEnrollment(r.ctx(), c.ID, ids)
	if err != nil {
		return out, err
	}
	for _, e := range runs {
		_, waits, err := s.live(r, q, c.ID)
		if err != nil {
			return out, err
		}
		newest := enrollmentOf(e, journeys, waits[e.ID], out.Paused)
		out.Newest = &newest
	}
	decisions, err := q.StudioNewestDecision(r.ctx(), c.ID, ids)
	if err != nil {
		return out, err
	}
	for _, row := range decisions {
		d, err := s.decisionOf(r, q, row, journeys)
		if err != nil {
			return out, err
		}
		out.Decision = &d
	}
	events, err := q.StudioNewestEvent(r.ctx(), c.ID, j.Trigger.Event)
	if err != nil {
		return out, err
	}
	for i := range events {
		out.Seen = &events[i].ReceivedAt
	}
	return out, nil
}

// decisionOf is a decision with what of its event decided it.
func (s *Studio) decisionOf(r *request, q *storedb.Queries, row storedb.Decision, journeys known) (why.Decision, error) {
	d := why.Decision{
		JourneyID: row.JourneyID, Journey: journeys.name(row.JourneyID), Outcome: row.Outcome, Reason: reasonOf(row.Reason),
		EventID: row.EventID.String(), Event: visible(row.EventName), At: row.At, Properties: map[string]string{},
	}
	if j := journeys[row.JourneyID]; j.EntryLimit == hogsend.OncePerPeriod {
		d.EntryPeriod = j.EntryPeriod
	}
	var detail struct {
		Failed []struct {
			Property, Operator string
			Value              json.RawMessage
		}
	}
	if err := json.Unmarshal(row.Detail, &detail); err != nil {
		return d, fmt.Errorf("read decision %s: %w", row.ID, err)
	}
	if len(detail.Failed) == 0 {
		return d, nil
	}
	for _, c := range detail.Failed {
		d.Failed = append(d.Failed, why.Condition{Property: visible(c.Property), Operator: c.Operator, Value: visible(string(c.Value))})
	}
	events, err := q.StudioEvent(r.ctx(), row.EventID)
	if err != nil {
		return d, err
	}
	for _, e := range events {
		var properties map[string]json.RawMessage
		if json.Unmarshal(e.Event.Properties, &properties) == nil {
			for name, value := range properties {
				d.Properties[name] = cut(visible(string(value)), 100)
			}
		}
	}
	return d, nil
}

// sendOf is a mail as the engine of answers takes it.
func sendOf(row storedb.Send) why.Send {
	s := why.Send{
		ID: row.ID.String(), Template: row.TemplateKey, To: visible(row.ToEmail), Status: row.Status, Reason: visible(reasonOf(row.Reason)),
		BounceReason: visible(textOf(row.BounceReason)), At: row.CreatedAt, Sent: row.SentAt, Delivered: row.DeliveredAt, Opened: row.OpenedAt,
		Clicked: row.ClickedAt, Bounced: row.BouncedAt, Complained: row.ComplainedAt, Attempt: row.FirstAttemptAt,
	}
	return s
}

// answer is an answer with its links.
func (s *Studio) answer(r *request, question string, a why.Answer) *view.Answer {
	v := &view.Answer{Verdict: verdictBadge(a.Verdict), Question: question, Sentence: a.Sentence}
	for _, f := range a.Facts {
		fact := view.Fact{Text: f.Text, At: s.momentOrNil(r, f.At)}
		if f.Ref != nil {
			fact.Link = linkOf(*f.Ref)
		}
		v.Facts = append(v.Facts, fact)
	}
	for _, ref := range a.Next {
		v.Next = append(v.Next, linkOf(ref))
	}
	return v
}

func linkOf(ref why.Ref) view.Link {
	l := view.Link{Text: ref.Text}
	switch ref.Kind {
	case why.KindMail:
		l.URL = "/studio/mails/" + ref.ID
	case why.KindEvent:
		l.URL = "/studio/events/" + ref.ID
	case why.KindJourney:
		l.URL = "/studio/journeys/" + ref.ID
	}
	return l
}
