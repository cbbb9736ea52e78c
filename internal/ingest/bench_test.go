package ingest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/ingest"
)

var benchProperties = json.RawMessage(`{"plan":"pro","seats":5,"page":"/pricing"}`)

func benchJourneys() []hogsend.Journey {
	return []hogsend.Journey{
		journey("welcome", "user.created", limit(hogsend.Once), exitOn("user.deleted")),
		journey("trial", "trial.started", exitOn("user.upgraded")),
	}
}

// people makes n contacts.
func people(b *bundle, n int) {
	for start := 0; start < n; start += 500 {
		var events []ingest.Event
		for i := start; i < min(n, start+500); i++ {
			events = append(events, ingest.Event{Name: "seen", UserID: fmt.Sprintf("user_%d", i), Email: fmt.Sprintf("user_%d@example.com", i)})
		}
		b.sendAll(events...)
	}
	b.exec("analyze")
}

// Batches of 100 events of 10,000 known contacts, next to bare inserts of as many rows.
func BenchmarkIngestBatch100(b *testing.B) {
	for _, c := range []struct {
		name      string
		known, by bool
	}{{"known", true, false}, {"keyed", true, true}, {"new", false, false}} {
		b.Run(c.name, func(b *testing.B) {
			s := setupWith(b, ingest.Config{Journeys: benchJourneys()})
			people(s, 10_000)
			n := 0
			for b.Loop() {
				events := make([]ingest.Event, 100)
				for i := range events {
					n++
					events[i] = ingest.Event{Name: "page.viewed", UserID: fmt.Sprintf("user_%d", (n*7919)%10_000), Properties: benchProperties}
					if !c.known {
						events[i].UserID = fmt.Sprintf("new_%d", n)
						events[i].Email = fmt.Sprintf("new_%d@example.com", n)
					}
					if c.by {
						events[i].Key = fmt.Sprintf("key_%d", n)
					}
				}
				s.sendAll(events...)
			}
			b.ReportMetric(float64(b.N)*100/b.Elapsed().Seconds(), "events/s")
		})
	}
	b.Run("bare", func(b *testing.B) {
		s := setup(b)
		ids := make([]uuid.UUID, 10_000)
		for i := range ids {
			ids[i] = uuid.New()
		}
		n := 0
		for b.Loop() {
			sql := "insert into events (id, contact_id, name, properties, source, occurred_at, received_at) values "
			args := make([]any, 0, 400)
			for i := range 100 {
				n++
				if i > 0 {
					sql += ","
				}
				sql += fmt.Sprintf("($%d,$%d,$%d,$%d,'api',now(),now())", i*4+1, i*4+2, i*4+3, i*4+4)
				args = append(args, uuid.Must(uuid.NewV7()), ids[(n*7919)%10_000], "page.viewed", benchProperties)
			}
			_, err := s.store.Pool.Exec(b.Context(), sql, args...)
			require.NoError(b, err)
		}
		b.ReportMetric(float64(b.N)*100/b.Elapsed().Seconds(), "events/s")
	})
}

// One event per call from 64 callers, next to bare one-row transactions.
func BenchmarkIngestSingle64(b *testing.B) {
	b.Run("ingest", func(b *testing.B) {
		s := setupWith(b, ingest.Config{Journeys: benchJourneys()})
		people(s, 10_000)
		var n atomic.Int64
		b.SetParallelism(32)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				_, err := s.ingester.Ingest(context.Background(), ingest.Event{
					Name: "page.viewed", UserID: fmt.Sprintf("user_%d", (n.Add(1)*7919)%10_000), Properties: benchProperties,
				})
				if err != nil {
					b.Error(err)
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	})
	b.Run("bare", func(b *testing.B) {
		s := setup(b)
		b.SetParallelism(32)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				_, err := s.store.Pool.Exec(context.Background(),
					`insert into events (id, contact_id, name, properties, source, occurred_at, received_at) values ($1,$2,$3,$4,'api',now(),now())`,
					uuid.Must(uuid.NewV7()), uuid.New(), "page.viewed", benchProperties)
				if err != nil {
					b.Error(err)
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	})
}

// hundred are 100 buckets of which each event concerns five.
func hundred() []hogsend.Bucket {
	var all []hogsend.Bucket
	for i := range 100 {
		event := hogsend.Event(fmt.Sprintf("event.%d", i%20))
		var criteria hogsend.Condition
		switch i / 20 {
		case 0:
			criteria = event.Within(7 * hogsend.Day).AtLeast(3)
		case 1:
			criteria = hogsend.All(event.Exists(), hogsend.Prop("plan").Eq("pro"))
		case 2:
			criteria = event.AtLeast(100)
		case 3:
			criteria = hogsend.All(event.Exists(), event.Within(7*hogsend.Day).NotExists())
		case 4:
			criteria = hogsend.Any(event.Within(hogsend.Day).AtLeast(1), hogsend.Prop("plan").Eq("enterprise"))
		}
		all = append(all, segmentOf(fmt.Sprintf("bucket-%d", i), criteria))
	}
	return all
}

// Batches of 500 events with 100 buckets, five of them candidates of each event, in
// turn with the same without buckets.
func BenchmarkIngestBuckets(b *testing.B) {
	batches := map[string]func() time.Duration{}
	for name, buckets := range map[string][]hogsend.Bucket{"none": nil, "hundred": hundred()} {
		s := setupWith(b, ingest.Config{})
		definitions, err := bucket.DescribeAll(buckets)
		require.NoError(b, err)
		require.NoError(b, s.rollout.Register(b.Context(), "bench", "b", definitions))
		for done := false; !done; {
			done, _, err = s.rollout.Backfill(b.Context())
			require.NoError(b, err)
		}
		people(s, 1000)
		n := 0
		batches[name] = func() time.Duration {
			events := make([]ingest.Event, 500)
			for i := range events {
				n++
				events[i] = ingest.Event{Name: fmt.Sprintf("event.%d", (n/1000)%20), UserID: fmt.Sprintf("user_%d", (n*7919)%1000), Properties: benchProperties}
			}
			began := time.Now()
			s.sendAll(events...)
			return time.Since(began)
		}
		for range 160 { // everybody has done everything three times
			batches[name]()
		}
		s.exec("analyze")
	}
	var none, hundred time.Duration
	for b.Loop() {
		none += batches["none"]()
		hundred += batches["hundred"]()
	}
	b.ReportMetric(float64(b.N)*500/none.Seconds(), "none/s")
	b.ReportMetric(float64(b.N)*500/hundred.Seconds(), "hundred/s")
	b.ReportMetric(none.Seconds()/hundred.Seconds(), "ratio")
}
