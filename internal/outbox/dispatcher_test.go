package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/outbox"
	"github.com/hogsend/hogsend/internal/store"
)

// clock is a settable clock; the zero value stands at epoch.
type clock struct{ offset atomic.Int64 }

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func (c *clock) Now() time.Time          { return epoch.Add(time.Duration(c.offset.Load())) }
func (c *clock) Advance(d time.Duration) { c.offset.Add(int64(d)) }

// recorder delivers by noting down; answer decides the result.
type recorder struct {
	mu     sync.Mutex
	rows   []outbox.Row
	calls  chan outbox.Row
	answer func(ctx context.Context, row outbox.Row) error
}

func newRecorder(answer func(context.Context, outbox.Row) error) *recorder {
	return &recorder{calls: make(chan outbox.Row, 100_000), answer: answer}
}

func (r *recorder) Deliver(ctx context.Context, row outbox.Row) error {
	r.mu.Lock()
	r.rows = append(r.rows, row)
	r.mu.Unlock()
	r.calls <- row
	if r.answer == nil {
		return nil
	}
	return r.answer(ctx, row)
}

// payloads are the delivered payloads of one contact, in the order of delivery.
func (r *recorder) payloads(contact uuid.UUID) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var payloads []string
	for _, row := range r.rows {
		if row.OrderingKey == contact {
			payloads = append(payloads, string(row.Payload))
		}
	}
	return payloads
}

// patience is for what does not come at all: a busy machine is given its time.
const patience = 5 * time.Minute

func (r *recorder) next(t *testing.T) outbox.Row {
	t.Helper()
	select {
	case row := <-r.calls:
		return row
	case <-time.After(patience):
		require.FailNow(t, "nothing was delivered")
		return outbox.Row{}
	}
}

// run starts a dispatcher and returns how to stop it gracefully.
func run(t *testing.T, s *store.Store, d outbox.Deliverer, cfg outbox.Config) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = outbox.Dispatcher{Store: s, Deliverer: d, Config: cfg}.Run(ctx)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	t.Cleanup(stop)
	return stop
}

// insert writes n rows for contact, payload "1" to "n" from first on, due at created.
func insert(t *testing.T, s *store.Store, contact uuid.UUID, first, n int, created time.Time) {
	t.Helper()
	_, err := s.Pool.Exec(t.Context(), `
		insert into outbox (id, ordering_key, kind, key, payload, due_at, created_at)
		select gen_random_uuid(), $1::uuid, 'start', $1::text || '/' || i, to_jsonb(i), $4, $4
		from generate_series($2::int, $2::int + $3::int - 1) i order by i`, contact, first, n, created)
	require.NoError(t, err)
}

func count(t require.TestingT, s *store.Store, where string, args ...any) int {
	var n int
	require.NoError(t, s.Pool.QueryRow(context.Background(), "select count(*) from outbox where "+where, args...).Scan(&n))
	return n
}

func eventually(t *testing.T, s *store.Store, n int, where string, args ...any) {
	t.Helper()
	require.Eventually(t, func() bool { return count(t, s, where, args...) == n },
		patience, 5*time.Millisecond, "%d rows where %s", n, where)
}

func sequence(from, to int) []string {
	var s []string
	for i := from; i <= to; i++ {
		s = append(s, fmt.Sprint(i))
	}
	return s
}

// Invariant 10: rows of a contact arrive in the order of their commit, one after
// the other, whichever of two dispatchers takes them.
func TestRowsOfAContactKeepTheirOrderUnderTwoDispatchers(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	contacts := make([]uuid.UUID, 20)
	for i := range contacts {
		contacts[i] = uuid.New()
		insert(t, s, contacts[i], 1, 25, time.Now())
	}
	var mu sync.Mutex
	underway := map[uuid.UUID]int{}
	overlaps := 0
	r := newRecorder(func(_ context.Context, row outbox.Row) error {
		mu.Lock()
		underway[row.OrderingKey]++
		if underway[row.OrderingKey] > 1 {
			overlaps++
		}
		mu.Unlock()
		defer func() {
			mu.Lock()
			underway[row.OrderingKey]--
			mu.Unlock()
		}()
		return nil
	})
	run(t, s, r, outbox.Config{Concurrency: 8})
	run(t, s, r, outbox.Config{Concurrency: 8})

	eventually(t, s, 500, "status = 'delivered'")
	for _, contact := range contacts {
		require.Equal(t, sequence(1, 25), r.payloads(contact))
	}
	require.Zero(t, overlaps)
}

func TestTenThousandRowsAreDeliveredOnceEach(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	_, err := s.Pool.Exec(t.Context(), `
		insert into outbox (id, ordering_key, kind, key, payload, due_at, created_at)
		select gen_random_uuid(), md5((i % 4000)::text)::uuid, 'start', i::text, to_jsonb(i), now(), now()
		from generate_series(1, 10000) i`)
	require.NoError(t, err)
	r := newRecorder(nil)
	run(t, s, r, outbox.Config{})
	run(t, s, r, outbox.Config{})

	eventually(t, s, 0, "status = 'pending'")
	require.Equal(t, 10_000, count(t, s, "status = 'delivered' and attempts = 0 and delivered_at is not null and leased_by is null"))
	require.Len(t, r.rows, 10_000)
}

// A notification starts delivery; the next row of the contact follows at once.
// With a poll of an hour, nothing else could.
func TestANotificationWakesTheDispatcher(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	r := newRecorder(nil)
	run(t, s, r, outbox.Config{Poll: time.Hour})
	notifier := outbox.NewNotifier(s.Pool, nil)
	defer notifier.Close()
	contact := uuid.New()
	for i := range 5 {
		insert(t, s, contact, 1+10*i, 10, time.Now())
		notifier.Notify()
		for range 10 {
			r.next(t)
		}
	}
	require.Equal(t, sequence(1, 50), r.payloads(contact))
}

// J-97b: the destination accepted and the process died before the acknowledgment:
// the row is delivered again once its lease is over, and not before.
func TestARowIsRedeliveredWhenItsLeaseExpires(t *testing.T) {
	t.Parallel()
	c := &clock{}
	s := dbtest.DB(t)
	contact := uuid.New()
	insert(t, s, contact, 1, 2, epoch)

	dying, err := store.Open(t.Context(), store.Config{URL: s.Pool.Config().ConnString()})
	require.NoError(t, err)
	accepted := make(chan struct{})
	first := newRecorder(func(context.Context, outbox.Row) error {
		go func() { // the process loses its database with the row delivered
			dying.Close()
			close(accepted)
		}()
		<-accepted
		return nil
	})
	stopFirst := run(t, dying, first, outbox.Config{Now: c.Now, Grace: time.Millisecond})
	first.next(t)
	<-accepted
	stopFirst()

	second := newRecorder(nil)
	run(t, s, second, outbox.Config{Now: c.Now, Poll: time.Millisecond})
	c.Advance(29 * time.Second)
	eventually(t, s, 2, "status = 'pending'")
	require.Empty(t, second.payloads(contact))
	c.Advance(2 * time.Second)
	eventually(t, s, 2, "status = 'delivered'")
	require.Equal(t, sequence(1, 2), second.payloads(contact))
}

// A dispatcher that overran its lease acknowledges late: delivered stays delivered,
// a late failure changes nothing, and the row behind goes on once.
func TestALateSettlementDoesNoHarm(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]error{"acknowledgment": nil, "failure": errors.New("late"), "verdict": outbox.ErrPermanent} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &clock{}
			s := dbtest.DB(t)
			contact := uuid.New()
			insert(t, s, contact, 1, 2, epoch)
			release := make(chan struct{})
			free := sync.OnceFunc(func() { close(release) })
			var calls atomic.Int64
			r := newRecorder(func(context.Context, outbox.Row) error {
				if calls.Add(1) > 1 {
					return nil
				}
				<-release // ignores its context
				return late
			})
			stopSlow := run(t, s, r, outbox.Config{Now: c.Now, Poll: time.Hour})
			t.Cleanup(free)
			r.next(t)
			c.Advance(31 * time.Second)
			run(t, s, r, outbox.Config{Now: c.Now, Poll: time.Millisecond})
			eventually(t, s, 2, "status = 'delivered'")
			free()
			stopSlow()
			require.Equal(t, 2, count(t, s, "status = 'delivered' and attempts = 0 and last_error is null"))
			require.Equal(t, []string{"1", "1", "2"}, r.payloads(contact))
			require.Zero(t, letters(t, s))
		})
	}
}

func letters(t *testing.T, s *store.Store) int {
	t.Helper()
	var n int
	require.NoError(t, s.Pool.QueryRow(t.Context(), "select count(*) from dead_letters").Scan(&n))
	return n
}

// O-17: 1 s, doubling to 1 min, without limit.
func TestAFailureBacksOff(t *testing.T) {
	t.Parallel()
	c := &clock{}
	s := dbtest.DB(t)
	contact := uuid.New()
	insert(t, s, contact, 1, 1, epoch)
	r := newRecorder(func(context.Context, outbox.Row) error { return errors.New("not\x00 now") })
	run(t, s, r, outbox.Config{Now: c.Now, Poll: time.Millisecond})
	for attempt, seconds := range []int{1, 2, 4, 8, 16, 32, 60, 60, 60} {
		wait := time.Duration(seconds) * time.Second
		r.next(t)
		due := c.Now().Add(wait)
		eventually(t, s, 1, "attempts = $1 and due_at = $2 and status = 'pending' and last_error = 'not now' and leased_by is null", attempt+1, due)
		c.Advance(wait - time.Microsecond)
		eventually(t, s, 1, "attempts = $1", attempt+1)
		c.Advance(time.Microsecond)
	}
}

// O-17: a poisoned row delays no other contact, and its own only until it is dead.
func TestAPoisonedRowBecomesADeadLetterAndItsContactGoesOn(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	poisoned, other := uuid.New(), uuid.New()
	insert(t, s, poisoned, 1, 3, time.Now())
	insert(t, s, other, 1, 3, time.Now())
	r := newRecorder(func(_ context.Context, row outbox.Row) error {
		if row.OrderingKey == poisoned && string(row.Payload) == "1" {
			return outbox.Decode(row, &contract.CancelPayload{})
		}
		return nil
	})
	run(t, s, r, outbox.Config{Poll: time.Hour})
	eventually(t, s, 5, "status = 'delivered'")
	eventually(t, s, 1, "status = 'dead' and attempts = 1 and leased_by is null and ordering_key = $1", poisoned)
	require.Equal(t, sequence(1, 3), r.payloads(poisoned))

	var source, id, payload, message string
	require.NoError(t, s.Pool.QueryRow(t.Context(),
		"select source, source_id, payload::text, error from dead_letters where status = 'pending'").Scan(&source, &id, &payload, &message))
	require.Equal(t, "outbox.start", source)
	require.Equal(t, "1", payload)
	require.Contains(t, message, "can never be delivered")
	require.Equal(t, 1, count(t, s, "id = $1::uuid and status = 'dead'", id))
}

// O-18: what is retried is delivered under its key, or is the same dead letter again.
func TestADeadLetterIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	key := uuid.New()
	insert(t, s, key, 1, 1, time.Now())
	var broken atomic.Bool
	broken.Store(true)
	r := newRecorder(func(context.Context, outbox.Row) error {
		if broken.Load() {
			return outbox.ErrPermanent
		}
		return nil
	})
	run(t, s, r, outbox.Config{Poll: 20 * time.Millisecond})
	again := func() {
		eventually(t, s, 1, "status = 'dead'")
		var id, row uuid.UUID
		require.NoError(t, s.Pool.QueryRow(t.Context(), "select id, source_id::uuid from dead_letters where status = 'pending'").Scan(&id, &row))
		letters, err := s.LettersRetried(t.Context(), []uuid.UUID{id})
		require.NoError(t, err)
		require.Len(t, letters, 1)
		due, err := s.OutboxNow(t.Context(), []uuid.UUID{row})
		require.NoError(t, err)
		require.Len(t, due, 1)
	}
	letter := func() (text string) {
		require.NoError(t, s.Pool.QueryRow(t.Context(), "select string_agg(status || ' ' || retry_count, ', ') from dead_letters").Scan(&text))
		return text
	}
	again()
	eventually(t, s, 1, "status = 'dead' and attempts = 1")
	require.Equal(t, "pending 1", letter())
	broken.Store(false)
	again()
	eventually(t, s, 1, "status = 'delivered'")
	require.Equal(t, "retried 1", letter())
}

// A contact that backs off holds back its own rows and nobody else's.
func TestAFailingContactDoesNotDelayOthers(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	failing := uuid.New()
	insert(t, s, failing, 1, 200, time.Now().Add(-time.Minute))
	r := newRecorder(func(_ context.Context, row outbox.Row) error {
		if row.OrderingKey == failing {
			return errors.New("not now")
		}
		return nil
	})
	run(t, s, r, outbox.Config{Poll: time.Hour, Concurrency: 2})
	for range 50 {
		insert(t, s, uuid.New(), 1, 1, time.Now())
	}
	notifier := outbox.NewNotifier(s.Pool, nil)
	defer notifier.Close()
	notifier.Notify()
	eventually(t, s, 50, "status = 'delivered'")
	require.Equal(t, 200, count(t, s, "ordering_key = $1 and status = 'pending'", failing))
	for _, payload := range r.payloads(failing) {
		require.Equal(t, "1", payload)
	}
}

// While the destination is away it is probed by one row at a time; afterwards
// everything arrives, in order.
func TestAnOutageIsProbedAndOutlived(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	contacts := make([]uuid.UUID, 100)
	for i := range contacts {
		contacts[i] = uuid.New()
		insert(t, s, contacts[i], 1, 2, time.Now())
	}
	var up atomic.Bool
	r := newRecorder(func(context.Context, outbox.Row) error {
		if up.Load() {
			return nil
		}
		return fmt.Errorf("dial: %w", outbox.ErrUnavailable)
	})
	run(t, s, r, outbox.Config{Concurrency: 4, Poll: 10 * time.Millisecond})
	for range 7 {
		r.next(t)
	}
	require.Less(t, len(r.calls), 10, "an outage is not hammered")
	up.Store(true)
	eventually(t, s, 200, "status = 'delivered'")
	for _, contact := range contacts {
		got := r.payloads(contact)
		require.Equal(t, "2", got[len(got)-1])
	}
}

// O-40: deliveries under way finish and are recorded; nothing stays leased.
func TestAGracefulStopFinishesAndGivesLeasesBack(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	finishes, hangs := uuid.New(), uuid.New()
	insert(t, s, finishes, 1, 2, time.Now())
	insert(t, s, hangs, 1, 2, time.Now())
	stopping := make(chan struct{})
	r := newRecorder(func(ctx context.Context, row outbox.Row) error {
		if row.OrderingKey == finishes {
			<-stopping
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = outbox.Dispatcher{Store: s, Deliverer: r, Config: outbox.Config{Poll: time.Hour, Grace: 3 * time.Second}}.Run(ctx)
	}()
	r.next(t)
	r.next(t)
	cancel()
	close(stopping)
	<-stopped
	require.Equal(t, 1, count(t, s, "status = 'delivered' and ordering_key = $1", finishes))
	require.Zero(t, count(t, s, "leased_by is not null"))
	require.Equal(t, 3, count(t, s, "status = 'pending' and attempts = 0"))
	require.Equal(t, 1, count(t, s, "ordering_key = $1 and due_at <= now() and payload = '1'", hangs))

	next := newRecorder(nil)
	run(t, s, next, outbox.Config{Poll: 5 * time.Millisecond})
	eventually(t, s, 4, "status = 'delivered'")
	require.Equal(t, sequence(1, 2), next.payloads(hangs))
}
