package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/tracking"
)

// Names of the internal events of what people do with mails (E-75).
const (
	EventOpened  = "email.opened"
	EventClicked = "email.link_clicked"
)

// Hit is that a mail was opened, or one of its links followed, by a person or a machine.
type Hit struct {
	tracking.Hit
	SendID uuid.UUID
	// URL is that of the link; "" says that the mail was opened.
	URL string
	// Source and MessageID name the message of a provider that tells of it, which is applied
	// once (E-61); "" for our own routes. ProviderID is its id of the mail.
	Source, MessageID, ProviderID string
}

// maxHits bounds the hits that are kept of one mail: what a person does first counts beyond
// it, too.
const maxHits = 1000

// Hit keeps a hit. The first one of a person sets the time and the status of the send, lets
// the buckets that look at its template see it, and is told to journeys by an event, in one
// transaction: email.opened once for a send, email.link_clicked once for each of its links
// (E-48, E-49). A machine's does nothing else, and of a mail that is not known none does.
func (g *Ingester) Hit(ctx context.Context, c tracking.Classifier, h Hit) error {
	for {
		if h.MessageID != "" {
			seen, err := g.engine.Store.WebhookSeen(ctx, h.Source, h.MessageID)
			if err != nil {
				return fmt.Errorf("look for webhook message: %w", err)
			}
			if seen {
				return nil
			}
		}
		err := g.hit(ctx, c, h)
		switch {
		case errors.Is(err, errSeen):
			return nil
		case err != nil && !errors.Is(err, errMoved):
			return fmt.Errorf("keep hit: %w", err)
		case err == nil:
			return nil
		}
	}
}

// ReportHit is Hit for a mail that a provider's report names (E-63).
func (g *Ingester) ReportHit(ctx context.Context, c tracking.Classifier, h Hit, r Report) error {
	sends, err := g.engine.Store.ReportedSend(ctx, optionalText(r.ProviderID), r.SendID)
	if err != nil {
		return fmt.Errorf("find send of report: %w", err)
	}
	if len(sends) == 0 {
		return nil
	}
	h.SendID = sends[0].ID
	return g.Hit(ctx, c, h)
}

func (g *Ingester) hit(ctx context.Context, c tracking.Classifier, h Hit) error {
	s := g.engine.Store
	h.At = h.At.UTC().Truncate(time.Microsecond)
	h.IP, h.Agent = clip.Stored(h.IP, tracking.MaxIP), clip.Stored(h.Agent, tracking.MaxAgent)
	var link *uuid.UUID
	if h.URL != "" {
		id := tracking.LinkID(h.SendID, h.URL)
		link = &id
	}
	sends, err := s.HitSend(ctx, storedb.HitSendParams{ID: h.SendID, LinkID: link, IpAddress: h.IP, Since: h.At.Add(-tracking.Burst), Most: maxHits})
	if err != nil || len(sends) == 0 {
		return err
	}
	known := false
	firstClick := link != nil
	if link != nil {
		rows, err := s.LinkGet(ctx, *link)
		if err != nil {
			return err
		}
		known = len(rows) > 0
		firstClick = !known || rows[0].ClickedAt == nil
	}
	d := &hitChange{Hit: h, send: sends[0], link: link, now: time.Now().UTC().Truncate(time.Microsecond), firstClick: firstClick}
	if link != nil && !known { // a provider's, of a link that we did not track
		d.write(func(q *storedb.Queries) error {
			return q.LinksInsert(ctx, []uuid.UUID{*link}, h.SendID, []string{h.URL})
		})
	}
	events, err := d.decide(ctx, c)
	if err != nil {
		return err
	}
	return g.applyHit(ctx, d, events)
}

// applyHit writes a hit, and lets buckets and journeys see what is new by it.
func (g *Ingester) applyHit(ctx context.Context, d *hitChange, events []decide.Announced) error {
	if d.send.ContactID != nil && len(events) > 0 {
		change := g.engine.ChangeOf(*d.send.ContactID, &decide.Announcement{Events: events, Template: d.send.TemplateKey, Attached: attached(d.writes)})
		if err := g.engine.Apply(ctx, change); err != nil || !change.Missing {
			return err
		}
	}
	return g.engine.Store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		for _, write := range d.writes {
			if err := write(q); err != nil {
				return err
			}
		}
		return nil
	})
}

// hitChange is what a hit changes.
type hitChange struct {
	Hit
	send       storedb.HitSendRow
	link       *uuid.UUID
	firstClick bool // of the link
	now        time.Time
	writes     []Write
}

func (d *hitChange) write(w Write) { d.writes = append(d.writes, w) }

// decide finds who it was, and what is to be written and told.
func (d *hitChange) decide(ctx context.Context, c tracking.Classifier) ([]decide.Announced, error) {
	if d.MessageID != "" {
		d.write(func(q *storedb.Queries) error { return once(q.WebhookKeep(ctx, d.Source, d.MessageID, d.now))(errSeen) })
	}
	class := c.Class(d.Hit.Hit, d.sent(), int(d.send.Others))
	if class == tracking.Human {
		d.write(func(q *storedb.Queries) error { return q.HitLock(ctx, d.SendID) })
	}
	after, news := d.send, class == tracking.Human
	if news {
		after = d.engaged()
		news = d.link == nil && d.send.OpenedAt == nil || d.link != nil && d.firstClick
	}
	if int(d.send.Kept) < maxHits || news {
		d.keep(ctx, class)
	}
	if class == tracking.Machine {
		return nil, nil
	}
	if d.link != nil {
		d.write(func(q *storedb.Queries) error {
			return once(q.LinkClick(ctx, d.At, *d.link, d.firstClick))(errMoved)
		})
	}
	if !same(after.OpenedAt, d.send.OpenedAt) || !same(after.ClickedAt, d.send.ClickedAt) || after.Status != d.send.Status {
		params := storedb.HitSendWriteParams{
			Status: after.Status, Reason: after.Reason, SentAt: after.SentAt, OpenedAt: after.OpenedAt, ClickedAt: after.ClickedAt, Now: d.now,
			ProviderID: optionalText(d.ProviderID), ID: d.send.ID, WasStatus: d.send.Status, WasUpdatedAt: d.send.UpdatedAt,
		}
		d.write(func(q *storedb.Queries) error { return once(q.HitSendWrite(ctx, params))(errMoved) })
	}
	if !news {
		return nil, nil
	}
	return d.events()
}

// keep stores the hit. Of a person's it is looked again whether it is one of too many.
func (d *hitChange) keep(ctx context.Context, class tracking.Class) {
	row := storedb.HitInsertParams{
		ID: uuid.Must(uuid.NewV7()), SendID: d.SendID, LinkID: d.link, Class: string(class), IpAddress: optionalText(d.IP), UserAgent: optionalText(d.Agent),
		At: d.At, Since: d.At.Add(-tracking.Burst), Others: tracking.BurstLinks,
	}
	d.write(func(q *storedb.Queries) error { return once(q.HitInsert(ctx, row))(errMoved) })
}

// sent is when the mail was handed over at the earliest: a process may die before it notes
// that it was (E-30).
func (d *hitChange) sent() time.Time {
	for _, at := range []*time.Time{d.send.SentAt, d.send.FirstAttemptAt} {
		if at != nil {
			return *at
		}
	}
	return time.Time{}
}

// engaged is the send after a person's hit: the earliest time stays, the status only moves
// up (E-43, E-44). A provider's word is late proof, too (E-33).
func (d *hitChange) engaged() storedb.HitSendRow {
	s := d.send
	field, status := &s.OpenedAt, contract.SendOpened
	if d.link != nil {
		field, status = &s.ClickedAt, contract.SendClicked
	}
	if *field == nil || d.At.Before(**field) {
		*field = &d.At
	}
	s.Status, s.Reason = raised(s.Status, s.Reason, status, d.Source != "")
	if rank(s.Status) > 0 && s.SentAt == nil {
		s.SentAt = &d.At
	}
	return s
}

// events are what journeys hear of it (E-75).
func (d *hitChange) events() ([]decide.Announced, error) {
	name, key := EventOpened, EventOpened+":"+d.send.ID.String()
	properties := mailProperties(d.send.ID, d.send.TemplateKey, d.send.Category, d.send.JourneyID, d.send.EnrollmentID, d.send.CampaignID)
	if d.link != nil {
		name, key = EventClicked, EventClicked+":"+d.send.ID.String()+":"+d.link.String()
		properties["linkId"], properties["linkUrl"] = d.link, d.URL
	}
	raw, err := json.Marshal(properties)
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	return []decide.Announced{{Name: name, Properties: raw, Key: key, OccurredAt: d.At}}, nil
}

func same(a, b *time.Time) bool { return a == b || a != nil && b != nil && a.Equal(*b) }
