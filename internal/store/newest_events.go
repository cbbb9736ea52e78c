package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// NewestEvents tells, by membership, when the nth newest event, counted from 0, of a name
// occurred that satisfies a condition on the event e whose arguments begin at $4. Of
// memberships that ended or whose leave is held back it tells nothing.
func (s *Store) NewestEvents(ctx context.Context, memberships []uuid.UUID, name string, nth int32, condition string, args ...any) (map[uuid.UUID]time.Time, error) {
	rows, err := s.Pool.Query(ctx, fmt.Sprintf(newestEvents, condition), append([]any{memberships, name, nth}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("read newest events: %w", err)
	}
	found := map[uuid.UUID]time.Time{}
	var id uuid.UUID
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, &at}, func() error {
		found[id] = at
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read newest events: %w", err)
	}
	return found, nil
}

const newestEvents = `select m.id, n.occurred_at
from memberships m
cross join lateral (
	select e.occurred_at from events e
	where e.contact_id = m.contact_id and e.name = (select $2::text) and %s
	order by e.occurred_at desc limit 1 offset $3::int
) n
where m.id = any($1::uuid[]) and m.status = 'active' and m.leave_at is null`
