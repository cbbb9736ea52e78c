package tests

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// crashSize is how much the crash test does: HOGSEND_TEST_CRASH=long asks for more.
type crashSize struct {
	contacts, killsEach int
	patience            time.Duration
}

func sizeOfCrash() crashSize {
	if os.Getenv("HOGSEND_TEST_CRASH") == "long" {
		return crashSize{contacts: 2000, killsEach: 5, patience: 25 * time.Minute}
	}
	return crashSize{contacts: 200, killsEach: 2, patience: 5 * time.Minute}
}

// crashSeed makes a run repeatable: HOGSEND_TEST_SEED sets it.
func crashSeed(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano()) // any number will do
	if given := os.Getenv("HOGSEND_TEST_SEED"); given != "" {
		var err error
		seed, err = strconv.ParseUint(given, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("HOGSEND_TEST_SEED=%d", seed)
	return seed
}

// story is what every contact of the crash test does, in this order.
func story(i int) []event {
	user := fmt.Sprintf("user-%04d", i)
	did := func(name string, properties map[string]any) event {
		return event{Name: name, UserID: user, Email: user + "@example.com", Properties: properties, Key: user + "/" + name}
	}
	events := []event{did("user.created", nil), did("order.completed", map[string]any{"amount": 12.5})}
	if i%2 == 0 {
		events = append(events, did("feature.used", nil))
	}
	if i%5 == 0 {
		events = append(events, did("payment.failed", map[string]any{"amount": 49, "invoiceId": "I-1"}), did("payment.succeeded", map[string]any{"invoiceId": "I-1"}))
	}
	if dormant(i) {
		// A week ago in a while: the clock is to notice, killed or not.
		active := did("app.active", nil)
		active.Timestamp = occurred(7*day - time.Duration(2+i%30)*time.Second)
		events = append(events, active)
	}
	return events
}

// dormant says of whom the clock finds that a week has passed.
func dormant(i int) bool { return i%4 == 1 }

// Invariants 1 to 3, J-97, E-30: every process is killed again and again while people
// come and go; afterwards each event is stored once, each enrollment exists once, and
// each mail was accepted once.
func TestNothingIsLostAndNothingIsDoubled(t *testing.T) { //nolint:paralleltest // it needs the machine for itself
	size, rng := sizeOfCrash(), rand.New(rand.NewPCG(crashSeed(t), 0)) // repeatable on purpose
	r := newRig(t)
	r.patience = size.patience
	ctx, cancel := context.WithTimeout(t.Context(), size.patience)
	defer cancel()

	stories, total := make([][]event, size.contacts), 0
	for i := range stories {
		stories[i] = story(i)
		total += len(stories[i])
	}
	var accepted, next atomic.Int64
	var senders sync.WaitGroup
	failures := make(chan error, 64)
	for range 16 {
		senders.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(stories); i = int(next.Add(1)) - 1 {
				for _, e := range stories[i] {
					if err := r.insist(ctx, e); err != nil {
						failures <- err
						return
					}
					accepted.Add(1)
				}
			}
		})
	}
	killed := r.killAllTheTime(ctx, rng, size.killsEach, total, &accepted)
	senders.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
	t.Logf("killed %v while %d events were accepted", killed, total)
	r.afterCommitBeforeDispatch()
	r.converged(size.contacts)
}

// killAllTheTime kills each part killsEach times, at moments drawn from the progress
// of the load, and starts it again at once.
func (r *rig) killAllTheTime(ctx context.Context, rng *rand.Rand, killsEach, total int, accepted *atomic.Int64) map[string]int {
	r.t.Helper()
	var victims []string
	for _, name := range []string{"postgres", "temporal", "api", "worker"} {
		victims = append(victims, slices.Repeat([]string{name}, killsEach)...)
	}
	rng.Shuffle(len(victims), func(i, j int) { victims[i], victims[j] = victims[j], victims[i] })
	moments := make([]int, len(victims))
	for i := range moments {
		moments[i] = rng.IntN(total * 9 / 10)
	}
	slices.Sort(moments)
	killed := map[string]int{}
	for i, victim := range victims {
		for accepted.Load() < int64(moments[i]) {
			require.NoError(r.t, tick(ctx), "the load stands still at %d of %d events", accepted.Load(), total)
		}
		require.NoError(r.t, r.killAndStart(victim))
		killed[victim]++
	}
	return killed
}

func (r *rig) killAndStart(name string) error {
	if name == "postgres" {
		if err := r.database.Kill(); err != nil {
			return err
		}
		return r.startDatabase()
	}
	for _, p := range r.processes() {
		if p.name != name {
			continue
		}
		if err := p.kill(); err != nil {
			return err
		}
		return p.start()
	}
	return fmt.Errorf("no process %s", name)
}

// afterCommitBeforeDispatch accepts an event while nobody can deliver it, then kills
// everything at once (I-2, J-52, J-97a).
func (r *rig) afterCommitBeforeDispatch() {
	r.t.Helper()
	require.NoError(r.t, r.worker.kill())
	require.NoError(r.t, r.temporal.kill())
	r.until("the late event is not accepted", func() bool { // Postgres may just have been restarted
		got, err := r.post(r.t.Context(), event{Name: "user.created", UserID: "late", Email: "late@example.com", Key: "late/user.created"})
		return err == nil && got.Status == 202
	})
	require.NoError(r.t, r.api.kill())
	require.NoError(r.t, r.database.Kill())
	require.NoError(r.t, r.startDatabase())
	for _, p := range r.processes() {
		require.NoError(r.t, p.start())
	}
	r.eventually(1, `select count(*) from sends where to_email = 'late@example.com' and status = 'sent'`)
	require.Equal(r.t, 1, r.resend.perRecipient("welcome")["late@example.com"])
}

// converged waits until everything that was accepted has had its effect, and checks
// that it had it once.
func (r *rig) converged(contacts int) {
	t := r.t
	t.Helper()
	live := `select count(*) from enrollments e join contacts c on c.id = e.contact_id where c.external_id like 'user-%' and `
	r.eventually(contacts, live+`e.journey_id = 'order-thanks' and e.status = 'completed'`)
	r.eventually((contacts+1)/2, live+`e.journey_id = 'activation-welcome' and e.status = 'completed'`)
	r.eventually(contacts/2, live+`e.journey_id = 'activation-welcome' and e.status = 'waiting'`)
	r.eventually((contacts+4)/5, live+`e.journey_id = 'payment-failed' and e.status = 'exited'`)
	r.eventually(0, `select count(*) from outbox where status <> 'delivered'`)
	r.eventually(0, `select count(*) from sends where status = 'queued'`)

	stored := 0
	for i := range contacts {
		stored += len(story(i))
	}
	require.Equal(t, stored, r.count(`select count(*) from events e join contacts c on c.id = e.contact_id
		where c.external_id like 'user-%' and e.source = 'api'`), "every accepted event is stored once")
	require.Equal(t, contacts, r.count(`select count(*) from contacts where external_id like 'user-%'`))
	sleepers := (contacts + 2) / 4
	r.eventually(sleepers, live+`e.journey_id = 'bucket-went-dormant-on-enter' and e.status = 'completed'`)
	require.Equal(t, contacts*2+(contacts+4)/5+sleepers, r.count(live+"true"), "every enrollment exists once")
	require.Equal(t, sleepers, r.count(`select count(*) from memberships where bucket_id = 'went-dormant' and status = 'active' and epoch = 1`))
	require.Equal(t, sleepers, r.count(`select count(*) from memberships`), "nobody entered twice")
	require.Equal(t, sleepers, r.count(`select count(*) from events e join memberships m on m.contact_id = e.contact_id
		where e.name = 'bucket:entered:went-dormant' and e.occurred_at = m.entered_at`), "W-7: each once, at its own instant")
	require.Zero(t, r.count(`select count(*) from (select enrollment_id from step_logs where action in ('completed', 'failed', 'exited')
		group by enrollment_id having count(*) > 1) d`), "nobody ended twice")
	require.Zero(t, r.count(`select count(*) from sends where status = 'failed'`))

	for _, template := range []string{"welcome", "order-thanks"} {
		counts := r.resend.perRecipient(template)
		for i := range contacts {
			require.Equal(t, 1, counts[fmt.Sprintf("user-%04d@example.com", i)], "%s to user %d", template, i)
		}
	}
	require.Len(t, r.resend.perRecipient("win-back"), sleepers)
	for address, n := range r.resend.perRecipient("win-back") {
		require.Equal(t, 1, n, address)
	}
	for address, n := range r.resend.perRecipient("payment-failed") {
		require.Equal(t, 1, n, address)
	}
	require.Empty(t, r.resend.perRecipient("nudge"))
	r.resend.noConflicts(t)
	require.Equal(t, len(r.resend.mails), r.count(`select count(*) from sends where status = 'sent'`), "what was accepted is what is recorded")
}

// E-30, J-97e: the provider accepted the mail and the worker dies before it can say so.
func TestAWorkerKilledAfterAcceptanceSendsOneMail(t *testing.T) { //nolint:paralleltest // it needs the machine for itself
	r := newRig(t)
	var first acceptedMail
	died := make(chan error, 1)
	r.resend.atNextMail(func(m acceptedMail) {
		first = m
		died <- r.worker.killNow()
	})
	r.mustPost(event{Name: "user.created", UserID: "ada", Email: "ada@example.com"})
	require.NoError(t, <-died)
	require.NoError(t, r.worker.kill())
	require.Equal(t, 1, r.count(`select count(*) from sends where status = 'queued' and first_attempt_at is not null`))

	require.NoError(t, r.worker.start())
	r.eventually(1, `select count(*) from sends where status = 'sent' and provider_id = $1`, first.ID)
	require.Equal(t, 2, r.resend.callsOf(first.Key), "the same key was asked for again")
	require.Equal(t, map[string]int{"ada@example.com": 1}, r.resend.perRecipient("welcome"))
	r.resend.noConflicts(t)
}

// E-30: the claim is committed and the worker dies before the first call.
func TestAWorkerKilledBetweenClaimAndCallSendsTheStoredMail(t *testing.T) { //nolint:paralleltest // it needs the machine for itself
	r := newRig(t)
	// The first write after the claim waits for a lock that this test holds.
	_, err := r.pool.Exec(t.Context(), `
		create function hold() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(4711); return new; end $$;
		create trigger hold before update of first_attempt_at on sends for each row execute function hold()`)
	require.NoError(t, err)
	holder, err := pgx.Connect(t.Context(), r.database.URL())
	require.NoError(t, err)
	_, err = holder.Exec(t.Context(), "select pg_advisory_lock(4711)")
	require.NoError(t, err)

	r.mustPost(event{Name: "user.created", UserID: "ada", Email: "ada@example.com"})
	r.eventually(1, `select count(*) from pg_locks where locktype = 'advisory' and objid = 4711 and not granted`)
	require.NoError(t, r.worker.kill())
	require.NoError(t, holder.Close(t.Context()))
	require.Equal(t, 1, r.count(`select count(*) from sends where status = 'queued'`))
	var stored string
	require.NoError(t, r.pool.QueryRow(t.Context(), `select html from sends`).Scan(&stored))

	require.NoError(t, r.worker.start())
	r.eventually(1, `select count(*) from sends where status = 'sent'`)
	require.Equal(t, map[string]int{"ada@example.com": 1}, r.resend.perRecipient("welcome"))
	require.Equal(t, 1, r.count(`select count(*) from sends where html = $1`, stored), "the bytes of the claim were sent")
}
