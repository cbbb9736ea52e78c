package ingest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/ingest"
)

const families = 3 // of keys; contacts of different families never touch

// drawEvents makes a random history. Keys of a family collide often.
func drawEvents(t *rapid.T, start time.Time) [][]ingest.Event {
	history := make([][]ingest.Event, families)
	n := rapid.IntRange(1, 30).Draw(t, "events")
	for i := range n {
		f := rapid.IntRange(0, families-1).Draw(t, "family")
		pick := func(kind string) string {
			k := rapid.IntRange(-3, 2).Draw(t, kind)
			if k < 0 {
				return ""
			}
			return fmt.Sprintf("%s%d%d", kind, f, k)
		}
		ev := ingest.Event{Name: rapid.SampledFrom([]string{"start", "stop", "both", "plain"}).Draw(t, "name"), UserID: pick("u"), AnonymousID: pick("n")}
		if e := pick("e"); e != "" {
			ev.Email = e + "@x.io"
		}
		if ev.UserID == "" && ev.Email == "" && ev.AnonymousID == "" {
			ev.UserID = fmt.Sprintf("u%d0", f)
		}
		if rapid.IntRange(0, 3).Draw(t, "patched") == 0 {
			value := rapid.SampledFrom([]string{"null", "1", `"x"`}).Draw(t, "value")
			ev.ContactProperties = map[string]json.RawMessage{rapid.SampledFrom([]string{"a", "b"}).Draw(t, "property"): json.RawMessage(value)}
		}
		if k := rapid.IntRange(0, 9).Draw(t, "key"); k < 3 {
			ev.Key = fmt.Sprintf("k%d%d", f, k)
		}
		when := start.Add(time.Duration(i) * time.Second)
		if rapid.IntRange(0, 7).Draw(t, "late") == 0 {
			when = when.Add(-48 * time.Hour)
		}
		ev.Timestamp = &when
		ev.Properties = json.RawMessage(fmt.Sprintf(`{"ok":%v}`, rapid.Bool().Draw(t, "ok")))
		history[f] = append(history[f], ev)
	}
	return history
}

// prefixed puts a history into a name space of its own.
func prefixed(events []ingest.Event, prefix string) []ingest.Event {
	out := make([]ingest.Event, len(events))
	for i, ev := range events {
		for _, key := range []*string{&ev.UserID, &ev.Email, &ev.AnonymousID, &ev.Key} {
			if *key != "" {
				*key = prefix + *key
			}
		}
		out[i] = ev
	}
	return out
}

// outcome is everything that is told about the contacts of a name space, without
// ids and instants of reception.
func (b *bundle) outcome(prefix string) string {
	rows := b.texts(`
		select concat_ws(E'\n',
			concat_ws(' ', c.external_id, c.anonymous_id, c.email, c.properties::text, c.first_seen_at, c.last_seen_at),
			(select string_agg(k.kind || ':' || k.key, ' ' order by k.kind, k.key) from contact_keys k where k.contact_id = c.id),
			(select string_agg(concat_ws(',', e.name, case when e.source = 'api' then e.occurred_at end, e.identity_conflict, e.hops, e.properties - 'stateId' - 'userId'), ' ' order by e.seq) from events e where e.contact_id = c.id),
			(select string_agg(concat_ws(',', n.journey_id, n.entry, n.status, n.exit_reason), ' ' order by n.journey_id, n.entry) from enrollments n where n.contact_id = c.id),
			(select string_agg(concat_ws(',', d.journey_id, d.event_name, d.outcome, d.reason), ' ' order by d.at, d.id) from decisions d where d.contact_id = c.id),
			(select string_agg(o.kind || ',' || coalesce(o.payload->>'journeyId', ''), ' ' order by o.seq) from outbox o where o.ordering_key = c.id and o.status = 'pending'))
		from contacts c
		where c.merged_into is null and c.id in (select k.contact_id from contact_keys k where k.key like $1 || '%')`, prefix)
	for i := range rows {
		rows[i] = strings.ReplaceAll(rows[i], prefix, "")
	}
	slices.Sort(rows)
	return strings.Join(rows, "\n\n")
}

func singly(b *bundle, history [][]ingest.Event, prefix string) error {
	for _, events := range history {
		for _, ev := range prefixed(events, prefix) {
			if _, err := b.ingester.Ingest(b.t.Context(), ev); err != nil {
				return err
			}
		}
	}
	return nil
}

func inBatches(b *bundle, history [][]ingest.Event, prefix string, size int) error {
	for _, events := range history {
		for rest := prefixed(events, prefix); len(rest) > 0; {
			n := min(size, len(rest))
			results, err := b.ingester.IngestAll(b.t.Context(), rest[:n])
			if err != nil {
				return err
			}
			for _, r := range results {
				if r.Err != nil {
					return r.Err
				}
			}
			rest = rest[n:]
		}
	}
	return nil
}

// I-17: events applied singly, in batches, and concurrently with those of other
// contacts end in the same state.
func TestAsIfOneByOne(t *testing.T) {
	t.Parallel()
	cfg := ingest.Config{Journeys: []hogsend.Journey{
		journey("a", "start", exitOn("stop")),
		journey("b", "both", exitOn("both", hogsend.Prop("ok").Eq(true)), limit(hogsend.Unlimited)),
		journey("c", "start", limit(hogsend.Once), exitOn("journey:exited")),
		journey("d", "journey:exited", exitOn("start")),
		journey("e", "plain", func(j *hogsend.Journey) { j.Trigger = j.Trigger.Where(hogsend.Prop("ok").Eq(true)) }),
	}}
	b := setupWith(t, cfg)
	second := b.another(cfg)
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		start := b.now().Add(-time.Hour).Truncate(time.Second)
		history := drawEvents(rt, start)
		size := rapid.IntRange(1, 30).Draw(rt, "batch")
		name := func(mode string) string { return fmt.Sprintf("%s%d-", mode, runs) }

		var wg sync.WaitGroup
		errs := make([]error, families+2)
		wg.Go(func() { errs[families] = singly(b, history, name("s")) })
		wg.Go(func() { errs[families+1] = inBatches(b, history, name("b"), size) })
		for f := range history {
			wg.Go(func() { errs[f] = singly([]*bundle{b, second}[f%2], history[f:f+1], name("c")) })
		}
		wg.Wait()
		for _, err := range errs {
			require.NoError(rt, err)
		}
		want := b.outcome(name("s"))
		require.Equal(rt, want, b.outcome(name("b")), "in batches of %d", size)
		require.Equal(rt, want, b.outcome(name("c")), "concurrently")
	})
	b.consistent()
}
