// Package demo fills an empty installation with people in every state, so that each page
// has something to show: what is past is written as rows, what is under way begins with
// real events.
package demo

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/flow"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
)

// Config is where the people go and which journeys they have been through.
type Config struct {
	Store    *store.Store
	Ingest   *ingest.Ingester
	Registry hogsend.Registry
	// Flow is the code of the journeys: people went through its steps. nil invents steps.
	Flow *flow.File
	// PublicURL begins the links of mails.
	PublicURL string
	// People is how many; 0 means 1,000.
	People int
	Now    time.Time
}

// ErrNotEmpty is returned for an installation that has people already: invented ones are
// not mixed with them.
var ErrNotEmpty = errors.New("there are contacts already")

// Fill writes the people, their past and some events of right now. The same configuration
// gives the same people.
func Fill(ctx context.Context, cfg Config) error {
	if cfg.People == 0 {
		cfg.People = 1000
	}
	renderer, err := email.Compile(cfg.Registry)
	if err != nil {
		return fmt.Errorf("compile templates: %w", err)
	}
	p := &past{cfg: cfg, mails: renderer, chance: rand.New(rand.NewPCG(7, 11)), rows: map[string]*rows{}} //nolint:gosec // it invents people, no secrets
	for i := range cfg.People {
		p.person(i)
	}
	if p.err != nil {
		return p.err
	}
	p.givenUp()
	p.mailed()
	err = pgx.BeginFunc(ctx, cfg.Store.Pool, func(tx pgx.Tx) error {
		var some bool
		if err := tx.QueryRow(ctx, "select exists (select from contacts)").Scan(&some); err != nil {
			return err
		}
		if some {
			return ErrNotEmpty
		}
		return p.write(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("write the past: %w", err)
	}
	return p.now(ctx)
}

// now begins what is under way: each journey's event, for a few people.
func (p *past) now(ctx context.Context) error {
	const each = 8
	var events []ingest.Event
	for n, j := range p.journeys() {
		for i := range each {
			who := p.people[(n*each+i)%len(p.people)]
			if i > 1 { // who was in it before may not get in again
				who.user = fmt.Sprintf("new_%d", n*each+i)
				who.email = who.user + "@example.com"
			}
			events = append(events, ingest.Event{
				Name: j.Trigger.Event, UserID: who.user, Email: who.email, Source: "api",
				Properties: json.RawMessage(fmt.Sprintf(`{"plan":%q,"amount":%d,"invoiceId":"INV-%d"}`, who.plan, 19+10*i, 2000+n*each+i)),
			})
		}
	}
	for i := range 3 * each {
		events = append(events, ingest.Event{Name: "app.active", UserID: p.people[i%len(p.people)].user, Source: "api"})
	}
	for len(events) > 0 {
		n := min(len(events), 100)
		results, err := p.cfg.Ingest.IngestAll(ctx, events[:n])
		if err != nil {
			return fmt.Errorf("send events: %w", err)
		}
		for _, r := range results {
			if r.Err != nil {
				return fmt.Errorf("send event: %w", r.Err)
			}
		}
		events = events[n:]
	}
	return nil
}

// journeys are those that an event of the product begins.
func (p *past) journeys() []hogsend.Journey {
	var out []hogsend.Journey
	for _, j := range p.cfg.Registry.Journeys {
		if j.Trigger.Event != "" && !internal(j.Trigger.Event) {
			out = append(out, j)
		}
	}
	return out
}

// id is a version 7 uuid of an instant that is past.
func (p *past) id(at time.Time) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(at.UnixMilli())<<16|uint64(p.chance.Uint32N(1<<16)))
	binary.BigEndian.PutUint64(id[8:], p.chance.Uint64())
	id[6], id[8] = 0x70|id[6]&0x0f, 0x80|id[8]&0x3f
	return id
}
