// Package ask reads what the engine of answers has to know of a person and a mail, a journey
// or a bucket, and asks it: the same for a page, the API and the command line (U-22, U-45).
package ask

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/why"
)

// Reader reads and asks. Texts that come from outside are made visible (clip.Visible).
type Reader struct {
	Q *storedb.Queries
	// Store is asked what criteria say of a person.
	Store    *store.Store
	Journeys Journeys
	// When writes an instant as who asks reads it.
	When func(time.Time) string
	Now  time.Time
}

// Journeys are those that are served, by all their ids.
type Journeys map[string]hogsend.Journey

// ByID are journeys by their ids, those of before included.
func ByID(all []hogsend.Journey) Journeys {
	k := Journeys{}
	for _, j := range all {
		k[j.ID] = j
		for _, id := range j.Aliases {
			k[id] = j
		}
	}
	return k
}

// Name is what a journey is called; one that no code has is called by its id.
func (k Journeys) Name(id string) string {
	if j, ok := k[id]; ok && j.Name != "" {
		return j.Name
	}
	return id
}

// ids are those under which enrollments of a journey are stored.
func ids(j hogsend.Journey) []string { return append([]string{j.ID}, j.Aliases...) }

// Name is what a contact is called: the address, else the id of the product, else ours.
func Name(c storedb.Contact) string {
	switch {
	case c.Email != nil && *c.Email != "":
		return clip.Visible(*c.Email)
	case c.ExternalID != nil:
		return clip.Visible(*c.ExternalID)
	case c.AnonymousID != nil:
		return "anonymous " + clip.Visible(*c.AnonymousID)
	}
	return c.ID.String()[:8]
}

// Asked is a question with its answer.
type Asked struct {
	Question string
	why.Answer
}

// Question is one about a contact.
func (r Reader) Question(c storedb.Contact, thing string) why.Question {
	return why.Question{Person: Name(c), Thing: thing, Now: r.Now, When: r.When}
}

// Mail says whether and why a contact got the mail of a template (U-45).
func (r Reader) Mail(ctx context.Context, c storedb.Contact, template string) (Asked, error) {
	q := r.Question(c, "“"+clip.Visible(template)+"”")
	m, err := r.mail(ctx, c, template)
	return Asked{fmt.Sprintf("Did %s get the mail %s?", q.Person, q.Thing), q.OfMail(m)}, err
}

// Journey says whether and why a contact got into a journey.
func (r Reader) Journey(ctx context.Context, c storedb.Contact, j hogsend.Journey) (Asked, error) {
	q := r.Question(c, r.Journeys.Name(j.ID))
	facts, err := r.journey(ctx, c, j)
	return Asked{fmt.Sprintf("Did %s get into %s?", q.Person, q.Thing), q.OfJourney(facts)}, err
}

func (r Reader) mail(ctx context.Context, c storedb.Contact, template string) (why.Mail, error) {
	var m why.Mail
	sends, err := r.Q.StudioSendsOfTemplate(ctx, &c.ID, template, text(c.Email))
	if err != nil {
		return m, fmt.Errorf("read mails: %w", err)
	}
	for _, row := range sends {
		m.Sends = append(m.Sends, Send(row))
	}
	if len(sends) > 0 {
		return m, nil
	}
	for id, j := range r.Journeys {
		if id != j.ID || !slices.Contains(j.Templates, template) {
			continue
		}
		facts, err := r.journey(ctx, c, j)
		if err != nil {
			return m, err
		}
		m.Programs = append(m.Programs, facts)
	}
	slices.SortFunc(m.Programs, func(a, b why.Journey) int { return strings.Compare(a.ID, b.ID) })
	campaigns, err := r.Q.StudioCampaignsOfTemplate(ctx, template)
	if err != nil {
		return m, fmt.Errorf("read campaigns: %w", err)
	}
	for _, row := range campaigns {
		one, err := r.campaign(ctx, c, row)
		if err != nil {
			return m, err
		}
		m.Campaigns = append(m.Campaigns, one)
	}
	return m, nil
}

func (r Reader) campaign(ctx context.Context, c storedb.Contact, row storedb.Campaign) (why.Campaign, error) {
	out := why.Campaign{
		ID: row.ID.String(), Name: clip.Visible(row.Name), Audience: string(row.AudienceKind) + " " + clip.Visible(row.AudienceID), Status: row.Status,
		Frozen: row.StartedAt, Scheduled: row.ScheduledAt, To: clip.Visible(text(c.Email)),
	}
	found, err := r.Q.RecipientGet(ctx, row.ID, c.ID)
	if err != nil {
		return out, fmt.Errorf("read recipient: %w", err)
	}
	for _, one := range found {
		out.Among, out.Outcome, out.Due = true, one.Status, one.DueAt
		if one.Reason != nil {
			out.Reason = clip.Visible(*one.Reason)
		}
	}
	return out, nil
}

// journey is what is known of a contact and a journey.
func (r Reader) journey(ctx context.Context, c storedb.Contact, j hogsend.Journey) (why.Journey, error) {
	out := why.Journey{ID: j.ID, Name: r.Journeys.Name(j.ID), Trigger: clip.Visible(j.Trigger.Event), Disabled: j.Disabled}
	ids := ids(j)
	for _, id := range ids {
		configs, err := r.Q.PauseConfig(ctx, id)
		if err != nil {
			return out, fmt.Errorf("read switch: %w", err)
		}
		for _, row := range configs {
			out.Paused = out.Paused || row.PausedAt != nil
			out.Disabled = out.Disabled || id == j.ID && !row.Enabled
		}
	}
	runs, err := r.Q.StudioNewestEnrollment(ctx, c.ID, ids)
	if err != nil {
		return out, fmt.Errorf("read enrollment: %w", err)
	}
	for _, e := range runs {
		waits, err := r.Q.StudioOpenWaits(ctx, []uuid.UUID{e.ID})
		if err != nil {
			return out, fmt.Errorf("read waits: %w", err)
		}
		var wait *storedb.Wait
		if len(waits) > 0 {
			wait = &waits[len(waits)-1]
		}
		newest := Enrollment(e, r.Journeys, wait, out.Paused)
		out.Newest = &newest
	}
	decisions, err := r.Q.StudioNewestDecision(ctx, c.ID, ids)
	if err != nil {
		return out, fmt.Errorf("read decision: %w", err)
	}
	for _, row := range decisions {
		d, err := r.Decision(ctx, row)
		if err != nil {
			return out, err
		}
		out.Decision = &d
	}
	events, err := r.Q.StudioNewestEvent(ctx, c.ID, j.Trigger.Event)
	if err != nil {
		return out, fmt.Errorf("read event: %w", err)
	}
	for i := range events {
		out.Seen = &events[i].ReceivedAt
	}
	if out.Newest != nil || out.Decision != nil || out.Seen != nil {
		return out, nil
	}
	return out, r.near(ctx, c, j, &out)
}

// Decision is a decision with what of its event decided it.
func (r Reader) Decision(ctx context.Context, row storedb.Decision) (why.Decision, error) {
	d := why.Decision{
		JourneyID: row.JourneyID, Journey: r.Journeys.Name(row.JourneyID), Outcome: row.Outcome,
		EventID: row.EventID.String(), Event: clip.Visible(row.EventName), At: row.At, Properties: map[string]string{},
	}
	if row.Reason != nil {
		d.Reason = string(*row.Reason)
	}
	if j := r.Journeys[row.JourneyID]; j.EntryLimit == hogsend.OncePerPeriod {
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
		d.Failed = append(d.Failed, why.Condition{Property: clip.Visible(c.Property), Operator: c.Operator, Value: clip.Visible(string(c.Value))})
	}
	events, err := r.Q.StudioEvent(ctx, row.EventID)
	if err != nil {
		return d, fmt.Errorf("read event of decision: %w", err)
	}
	for _, e := range events {
		var properties map[string]json.RawMessage
		if json.Unmarshal(e.Event.Properties, &properties) == nil {
			for name, value := range properties {
				d.Properties[clip.Visible(name)] = clip.Short(clip.Visible(string(value)), 100)
			}
		}
	}
	return d, nil
}

// near looks for what may have been meant where nothing is stored: an event of a similar
// name, or of somebody else with the same address.
func (r Reader) near(ctx context.Context, c storedb.Contact, j hogsend.Journey, out *why.Journey) error {
	names, err := r.Q.StudioEventNames(ctx)
	if err != nil {
		return fmt.Errorf("read names of events: %w", err)
	}
	if !slices.Contains(names, j.Trigger.Event) {
		out.Near = clip.Visible(nearest(j.Trigger.Event, names))
	}
	if c.EmailKey == nil || *c.EmailKey == "" {
		return nil
	}
	others, err := r.Q.StudioNamesakes(ctx, j.Trigger.Event, c.EmailKey, c.ID)
	if err != nil {
		return fmt.Errorf("read others with the address: %w", err)
	}
	for _, o := range others {
		name := Name(o.Contact)
		if o.Contact.ExternalID != nil {
			name = clip.Visible(*o.Contact.ExternalID)
		}
		out.Namesakes = append(out.Namesakes, why.Namesake{ID: o.Contact.ID.String(), Name: name, At: o.ReceivedAt})
	}
	return nil
}
