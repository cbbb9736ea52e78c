package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/outbox"
	"github.com/hogsend/hogsend/internal/store"
)

// insertFor is insert for another destination than Temporal.
func insertFor(t *testing.T, s *store.Store, contact uuid.UUID, n int, created time.Time) {
	t.Helper()
	_, err := s.Pool.Exec(t.Context(), `
		insert into outbox (id, ordering_key, destination, kind, key, payload, due_at, created_at)
		select gen_random_uuid(), $1::uuid, 'posthog', 'capture', 'posthog/' || $1::text || '/' || i, to_jsonb(i), $3, $3
		from generate_series(1, $2::int) i order by i`, contact, n, created)
	require.NoError(t, err)
}

// P-9, P-14: a destination that hangs or is down holds up no other, not even for the
// same contact, however much waits for it. Each keeps its own order.
func TestADestinationThatIsDownHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	contact := uuid.New()
	insertFor(t, s, contact, 3, time.Now().Add(-time.Hour))
	for range 50 {
		insertFor(t, s, uuid.New(), 2, time.Now().Add(-time.Hour))
	}
	insert(t, s, contact, 1, 3, time.Now())
	hangs := newRecorder(func(ctx context.Context, _ outbox.Row) error {
		<-ctx.Done()
		return fmt.Errorf("%w: %w", outbox.ErrUnavailable, ctx.Err())
	})
	stop := run(t, s, hangs, outbox.Config{Destination: contract.ToPostHog, Poll: time.Millisecond, Grace: time.Millisecond})
	hangs.next(t)
	r := newRecorder(nil)
	run(t, s, r, outbox.Config{Poll: time.Hour})
	for range 3 {
		require.Equal(t, contract.OutboxKind("start"), r.next(t).Kind)
	}
	require.Equal(t, sequence(1, 3), r.payloads(contact))
	stop()
	eventually(t, s, 3, "status = 'delivered'")

	back := newRecorder(nil)
	run(t, s, back, outbox.Config{Destination: contract.ToPostHog, Poll: 5 * time.Millisecond})
	eventually(t, s, 0, "status = 'pending'")
	require.Equal(t, sequence(1, 3), back.payloads(contact))
	require.Len(t, r.rows, 3)
}

// P-18: so many attempts and then a dead letter, later if the destination says so,
// but not more than a day.
func TestAttemptsFollowTheSchedule(t *testing.T) {
	t.Parallel()
	c := &clock{}
	s := dbtest.DB(t)
	contact := uuid.New()
	insertFor(t, s, contact, 2, epoch)
	answers := []error{
		errors.New("no"),
		&outbox.RetryAfterError{After: time.Second, Err: errors.New("no")},
		&outbox.RetryAfterError{After: 48 * time.Hour, Err: fmt.Errorf("no: %w", outbox.ErrUnavailable)},
		errors.New("no, never"),
	}
	calls := 0
	r := newRecorder(func(context.Context, outbox.Row) error {
		if calls++; calls <= len(answers) {
			return answers[calls-1]
		}
		return nil
	})
	run(t, s, r, outbox.Config{
		Destination: contract.ToPostHog, Now: c.Now, Poll: time.Millisecond,
		Retries: []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute},
	})
	for attempt, span := range [][2]time.Duration{
		{4500 * time.Millisecond, 5500 * time.Millisecond},
		{270 * time.Second, 330 * time.Second},
		{24 * time.Hour, 24 * time.Hour},
	} {
		row := r.next(t)
		require.Equal(t, attempt, row.Attempts)
		require.True(t, row.CreatedAt.Equal(epoch))
		eventually(t, s, 1, "attempts = $1 and due_at between $2 and $3 and leased_by is null", attempt+1, c.Now().Add(span[0]), c.Now().Add(span[1]))
		c.Advance(span[1])
	}
	eventually(t, s, 1, "status = 'dead' and attempts = 4")
	eventually(t, s, 1, "status = 'delivered'")
	require.Equal(t, 1, letters(t, s))
	require.Equal(t, []string{"1", "1", "1", "1", "2"}, r.payloads(contact))
}
