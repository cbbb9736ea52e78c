// Package clock applies what only time changes: edges of windows, memberships that are
// too old, leaves that were held back, dwell timers and recurrences (W-1).
package clock

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/engine"
)

// Clock applies what only time changes. One runs at a time; a second one does no harm
// (W-14).
type Clock struct {
	engine *engine.Engine
	// Background is what Run lets go on besides, one after the other, each until it is
	// done, when it begins and whenever other buckets are in force: a part says how long
	// to wait before it is called again.
	Background []func(ctx context.Context) (done bool, wait time.Duration, err error)
	// Flipped, if not nil, is told of each contact whose edges were applied, with how
	// late the oldest of them was.
	Flipped func(contacts int, late time.Duration)
	// Changed, if not nil, is called when other buckets are in force than before.
	Changed func()

	version int64
	stats   stats
}

// New makes a clock over the engine's database.
func New(e *engine.Engine) *Clock { return &Clock{engine: e} }

// clockNext says when there is something to do next, and up to when nothing can be
// added any more: an open transaction that has written may still add events whose
// edges lie behind its begin (W-8). One query, a few index probes (W-17).
const clockNext = `select s.version, t.now,
	least(t.now, coalesce((
		select min(a.xact_start) from pg_stat_activity a
		where a.datname = current_database() and a.backend_xid is not null and a.pid <> pg_backend_pid()
	), t.now)) as safe,
	least(
		(
			select min(e.occurred_at + (c.within_us + 1) * interval '1 microsecond') from clock_cursors c
			cross join lateral (
				select occurred_at from events
				where name = c.event_name and occurred_at >= c.cursor_at - c.within_us * interval '1 microsecond'
				order by occurred_at limit 1
			) e
		),
		(
			select min(d.at + (c.within_us + 1) * interval '1 microsecond') from clock_cursors c
			cross join lateral (
				select at from property_dates
				where property = substr(c.event_name, length('` + criteria.DatePrefix + `') + 1) and at >= c.cursor_at - c.within_us * interval '1 microsecond'
				order by at limit 1
			) d
			where starts_with(c.event_name, '` + criteria.DatePrefix + `')
		),
		(
			select min(m.due_at) from buckets b
			cross join lateral (
				select due_at from memberships
				where bucket_id = b.id and status = 'active' and due_at is not null
					and not exists (select 1 from clock_retries r where r.contact_id = memberships.contact_id and r.due_at > t.now)
				order by due_at limit 1
			) m
			where b.registered and b.enabled and not b.disabled
		),
		(select min(r.due_at) from clock_retries r)
	) as next,
	(select due_at from date_dues order by due_at limit 1) as date
from registry_state s cross join (select clock_timestamp() as now) t`

// Never is what Round returns when nothing is known to come.
const Never = time.Duration(1<<63 - 1)

// heldBack is the pause while an open transaction holds the cursors back.
const heldBack = 250 * time.Millisecond

// due is what has come for one contact.
type due struct {
	contactID uuid.UUID
	edges     []decide.Edge
	first     time.Time
}
