package studio

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/internal/why/ask"
	"github.com/hogsend/hogsend/server/studio/view"
)

// showContact is U-20: everything about one person.
func (s *Studio) showContact(r *request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	c, ok, err := s.cfg.Store.ContactFind(r.ctx(), id.String())
	if err != nil {
		return err
	}
	if !ok {
		return &problem{status: http.StatusNotFound, heading: "No such person", text: "Nobody has this id, or the contact was deleted.", next: [2]string{"Go to the contacts", "/studio/contacts"}}
	}
	if c.ID != id {
		return r.see(contactURL(c.ID) + "?done=merged")
	}
	journeys, err := s.known(r.ctx())
	if err != nil {
		return err
	}
	v := view.Contact{ID: c.ID.String(), ExternalID: visible(textOf(c.ExternalID)), Email: visible(textOf(c.Email)), Properties: fieldsOf(c.Properties)}
	v.First, v.Last = s.moment(r, c.FirstSeenAt), s.moment(r, c.LastSeenAt)
	v.Clock = s.clockOf(c)
	t := timeline{r: r, s: s, journeys: journeys, contact: c, before: farAhead(), seq: math.MaxInt64, shown: shownOf(r)}
	if at, err := time.Parse(time.RFC3339Nano, r.query("before")); err == nil {
		t.before = at
		if seq, err := strconv.ParseInt(r.query("seq"), 10, 64); err == nil {
			t.seq = seq
		}
	}
	err = s.read(r.ctx(), func(q *storedb.Queries) error {
		if err := s.whereIs(r, q, c, journeys, &v); err != nil {
			return err
		}
		if about := r.query("about"); about != "" {
			answer, err := s.ask(r, q, c, journeys, about)
			if err != nil {
				return err
			}
			v.Answer = answer
		}
		return t.load(q)
	})
	if err != nil {
		return err
	}
	v.Timeline, v.Pager.Older = t.page(contactURL(c.ID))
	v.Filters, v.Ask = t.toggles(), s.questions(c, journeys, r.query("about"))
	if len(v.Timeline) == 0 {
		v.Empty = &view.Empty{Text: "Nothing of what you chose to see has happened yet."}
	}
	s.contactButtons(r, c, &v)
	if may(users.Role(r.session.User.Role), users.Operator) {
		v.Enroll = enrollments(journeys)
	}
	v.Frame = s.frame(r, "Contact", nameOf(c))
	return s.show(r, http.StatusOK, "contact", v)
}

// clockOf is what a clock shows where the contact is (S-1).
func (s *Studio) clockOf(c storedb.Contact) string {
	name := textOf(c.Timezone)
	if name == "" {
		return "time zone not known"
	}
	zone, err := hogsend.LoadZone(name)
	if err != nil {
		return "time zone " + visible(name)
	}
	return s.cfg.Now().In(zone).Format("15:04") + " there (" + visible(name) + ")"
}

// whereIs is what somebody is in, and whether they may get mail.
func (s *Studio) whereIs(r *request, q *storedb.Queries, c storedb.Contact, journeys known, v *view.Contact) error {
	keys, err := q.StudioContactKeys(r.ctx(), c.ID)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.Kind == "anonymous" && len(v.Anonymous) < 5 {
			v.Anonymous = append(v.Anonymous, cut(visible(k.Key), 40))
		}
	}
	preferences, err := q.StudioPreferences(r.ctx(), []uuid.UUID{c.ID})
	if err != nil {
		return err
	}
	v.MayGetMail = ok("may get mail")
	if c.Email == nil {
		v.MayGetMail, v.MailReason = off("no address"), "No mail can go to this person: there is no address."
	}
	for _, p := range preferences {
		badge, blocked := mailBadge(p)
		if !blocked {
			continue
		}
		v.MayGetMail, v.Unsubscribed = badge, p.UnsubscribedAll
		v.MailReason = "No mail but receipts and the like: this person unsubscribed from everything."
		if p.Suppressed {
			v.MailReason = "No mail goes to " + visible(p.Email) + ": the address is blocked (" + textOf(p.SuppressionReason) + ")"
			if p.SuppressedAt != nil {
				v.MailReason += " since " + s.moment(r, *p.SuppressedAt).Text
			}
			v.MailReason += "."
		}
	}
	live, waits, err := s.live(r, q, c.ID)
	if err != nil {
		return err
	}
	question := s.question(r, c, "")
	for _, e := range live {
		row := view.ContactJourney{Journey: view.Link{Text: journeys.name(e.JourneyID), URL: enrollmentURL(e.ID)}, State: enrollmentBadge(e.Status), Since: s.moment(r, e.CreatedAt)}
		row.Stands = question.Stands(ask.Enrollment(e, ask.Journeys(journeys), waits[e.ID], false))
		v.Journeys = append(v.Journeys, row)
	}
	members, err := q.StudioActiveMemberships(r.ctx(), c.ID)
	if err != nil {
		return err
	}
	for _, m := range members {
		row := view.ContactBucket{Bucket: s.bucketLink(m.BucketID), Since: s.moment(r, m.EnteredAt)}
		switch {
		case m.LeaveAt != nil:
			row.Until = "leaves " + s.moment(r, *m.LeaveAt).Text
		case m.MaxDwellAt != nil:
			row.Until = "at the latest until " + s.moment(r, *m.MaxDwellAt).Text
		}
		v.Buckets = append(v.Buckets, row)
	}
	return nil
}

// questions are what can be asked about a person: each mail, each journey, each bucket.
func (s *Studio) questions(c storedb.Contact, journeys known, chosen string) view.Ask {
	ask := view.Ask{Action: contactURL(c.ID)}
	mails := view.AskGroup{Label: "This mail"}
	for _, t := range s.cfg.Registry.Templates {
		value := "mail:" + t.Key
		mails.Options = append(mails.Options, view.Choice{Value: value, Label: t.Key, On: value == chosen})
	}
	in := view.AskGroup{Label: "This journey"}
	for id, j := range journeys {
		if id != j.ID {
			continue
		}
		value := "journey:" + id
		in.Options = append(in.Options, view.Choice{Value: value, Label: journeys.name(id), On: value == chosen})
	}
	buckets := view.AskGroup{Label: "This bucket"}
	for i := range s.cfg.Registry.Buckets {
		b := &s.cfg.Registry.Buckets[i]
		value := "bucket:" + b.ID
		buckets.Options = append(buckets.Options, view.Choice{Value: value, Label: s.bucketName(b.ID), On: value == chosen})
	}
	for _, g := range []*view.AskGroup{&mails, &in, &buckets} {
		slices.SortFunc(g.Options, func(a, b view.Choice) int { return compare(a.Label+a.Value, b.Label+b.Value) })
		if len(g.Options) > 0 {
			ask.Groups = append(ask.Groups, *g)
		}
	}
	return ask
}
