package ingest_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/ingest"
)

// parallel calls fn n times at once.
func parallel(n int, fn func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = fn(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

func requireNone(t *testing.T, errs []error) {
	t.Helper()
	for _, err := range errs {
		require.NoError(t, err)
	}
}

// I-23, J-46: events of one unknown contact racing in two processes make one contact
// and one enrollment.
func TestRacingEventsOfOneContact(t *testing.T) {
	t.Parallel()
	for _, keys := range []string{"user", "email", "anonymous", "mixed"} {
		for _, n := range []int{2, 10, 50} {
			t.Run(fmt.Sprintf("%s/%d", keys, n), func(t *testing.T) {
				t.Parallel()
				cfg := ingest.Config{Journeys: []hogsend.Journey{journey("j", "e")}}
				a := setupWith(t, cfg)
				processes := []*bundle{a, a.another(cfg)}
				requireNone(t, parallel(n, func(i int) error {
					ev := named("u", "", "")
					switch keys {
					case "email":
						ev = named("", "e@x", "")
					case "anonymous":
						ev = named("", "", "n")
					case "mixed":
						ev = []ingest.Event{named("u", "e@x", ""), named("", "e@x", "")}[i%2]
					}
					_, err := processes[i/2%2].ingester.Ingest(t.Context(), ev)
					return err
				}))
				require.Equal(t, 1, a.count(`select count(*) from contacts where merged_into is null`))
				require.Equal(t, n, a.count(`select count(*) from events`))
				require.Equal(t, 1, a.count(`select count(*) from enrollments`))
				require.Equal(t, 1, a.count(`select count(*) from decisions where outcome = 'enrolled'`))
				require.Equal(t, n-1, a.count(`select count(*) from decisions where reason = 'already_active'`))
				a.consistent()
			})
		}
	}
}

// I-37: of simultaneous requests with one key exactly one is stored.
func TestRacingKeys(t *testing.T) {
	t.Parallel()
	a := setup(t)
	processes := []*bundle{a, a.another(ingest.Config{})}
	results := make([]ingest.Result, 20)
	requireNone(t, parallel(20, func(i int) (err error) {
		ev := named(fmt.Sprint(i), "", "")
		ev.Key = "k"
		results[i], err = processes[i%2].ingester.Ingest(t.Context(), ev)
		return err
	}))
	stored := 0
	for _, r := range results {
		require.Equal(t, results[0].ContactID, r.ContactID)
		if r.Stored {
			stored++
		}
	}
	require.Equal(t, 1, stored)
	require.Equal(t, 1, a.count(`select count(*) from events`))
	require.Equal(t, 1, a.count(`select count(*) from contacts`))
}

// I-29: merges racing over the same contacts end in one survivor.
func TestRacingMerges(t *testing.T) {
	t.Parallel()
	a := setup(t, journey("j", "e"))
	processes := []*bundle{a, a.another(ingest.Config{Journeys: []hogsend.Journey{journey("j", "e")}})}
	for i := range 6 {
		a.send(named("", "", fmt.Sprint("n", i)))
	}
	a.send(named("", "e@x", ""))
	requireNone(t, parallel(24, func(i int) error {
		ev := named("u", "", fmt.Sprint("n", i%6))
		if i%4 == 0 {
			ev = named("u", "e@x", fmt.Sprint("n", i%6))
		}
		_, err := processes[i%2].ingester.Ingest(t.Context(), ev)
		return err
	}))
	require.Equal(t, []string{"u"}, a.texts(`select external_id from contacts where merged_into is null`))
	require.Equal(t, 31, a.count(`select count(*) from events where source = 'api'`))
	require.Equal(t, 1, a.count(`select count(*) from enrollments where status = 'active'`))
	a.consistent()
}

// J-65: of many ends of one enrollment one stands, and one internal event exists.
func TestRacingEnds(t *testing.T) {
	t.Parallel()
	cfg := ingest.Config{Journeys: []hogsend.Journey{journey("j", "e", exitOn("x"))}}
	a := setupWith(t, cfg)
	processes := []*bundle{a, a.another(cfg)}
	a.send(user("e", "u"))
	id := a.enrollment("j")
	statuses := make([]contract.EnrollmentStatus, 20)
	requireNone(t, parallel(20, func(i int) (err error) {
		if i%4 == 0 {
			statuses[i] = "exited"
			r, err := processes[i%2].ingester.Ingest(t.Context(), user("x", "u"))
			if err == nil && (len(r.Exits) == 0) {
				statuses[i] = "" // it came second
			}
			return err
		}
		statuses[i], err = processes[i%2].ingester.Finish(t.Context(), id, ingest.End{Status: []contract.EnrollmentStatus{"completed", "failed", "exited"}[i%3]})
		return err
	}))
	stands := contract.EnrollmentStatus(a.texts(`select status from enrollments`)[0])
	for _, s := range statuses {
		if s != "" {
			require.Equal(t, stands, s)
		}
	}
	require.Equal(t, 1, a.count(`select count(*) from events where name like 'journey:%'`))
}

// I-5, I-6, J-47: overlapping batches of several processes never deadlock, and nothing is lost.
func TestOverlappingBatches(t *testing.T) {
	t.Parallel()
	cfg := ingest.Config{Journeys: []hogsend.Journey{journey("j", "e0", exitOn("e1")), journey("k", "journey:exited")}, Lanes: 2}
	a := setupWith(t, cfg)
	processes := []*bundle{a, a.another(cfg), a.another(cfg)}
	const workers, batches, size = 9, 8, 25
	requireNone(t, parallel(workers, func(i int) error {
		random := rand.New(rand.NewPCG(7, uint64(i)))
		for range batches {
			events := make([]ingest.Event, size)
			for j := range events {
				n := random.IntN(12)
				events[j] = ingest.Event{Name: fmt.Sprint("e", random.IntN(3))}
				if random.IntN(4) > 0 {
					events[j].UserID = fmt.Sprint("u", n)
				}
				if random.IntN(3) == 0 {
					events[j].Email = fmt.Sprint(random.IntN(12), "@x")
				}
				if random.IntN(3) == 0 || events[j].UserID == "" && events[j].Email == "" {
					events[j].AnonymousID = fmt.Sprint("n", random.IntN(12))
				}
			}
			results, err := processes[i%3].ingester.IngestAll(t.Context(), events)
			if err != nil {
				return err
			}
			for _, r := range results {
				if r.Err != nil {
					return r.Err
				}
			}
		}
		return nil
	}))
	require.Equal(t, workers*batches*size, a.count(`select count(*) from events where source = 'api'`))
	require.Zero(t, a.count(`select deadlocks from pg_stat_database where datname = current_database()`))
	a.consistent()
}
