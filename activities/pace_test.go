package activities_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

var noon = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

// verdict is what becomes of a send, in two words.
func (w *world) verdict(r contract.SendRequest) string {
	w.t.Helper()
	result, err := w.Send(w.t.Context(), r)
	require.NoError(w.t, err)
	switch {
	case result.Ended:
		return "ended"
	case result.Held != nil:
		return "held"
	case result.Deferred != nil:
		return "deferred " + result.Deferred.Until.Format(time.RFC3339Nano)
	}
	return string(result.Verdict.Status) + " " + result.Verdict.Reason
}

// earlier is a send of the past.
type earlier struct {
	contact          uuid.UUID // zero means "ada"
	to, journey      string    // "" means ada@example.com, welcome
	category, status string    // "" means journey, sent
	reason, key      string
	at               time.Time
}

func (w *world) sentEarlier(sends ...earlier) {
	w.t.Helper()
	for i, s := range sends {
		for field, fallback := range map[*string]string{
			&s.to: "ada@example.com", &s.journey: "welcome", &s.category: "journey", &s.status: "sent", &s.key: fmt.Sprint("earlier ", i, uuid.New()),
		} {
			if *field == "" {
				*field = fallback
			}
		}
		if s.contact == uuid.Nil {
			w.scan(&s.contact, `select id from contacts where external_id = 'ada'`)
		}
		w.exec(`insert into sends (id, key, contact_id, journey_id, template_key, category, status, reason, to_email, claimed_at, created_at, updated_at)
			values (gen_random_uuid(), $1, $2, $3, 'hello', $4, $5, nullif($6, ''), $7, $8, $8, $8)`,
			s.key, s.contact, s.journey, s.category, s.status, s.reason, s.to, s.at)
	}
}

// E-21, E-22, E-23, E-15, E-16: which sends a cap counts, and which it holds.
func TestFrequencyCap(t *testing.T) {
	t.Parallel()
	day := hogsend.Day
	somebody := uuid.New()
	one := hogsend.FrequencyCap{Count: 1, Window: day}
	byCategory := hogsend.FrequencyCap{Count: 2, Window: day, ByCategory: map[string]hogsend.CategoryCap{"news": {Count: 1, Window: 2 * day}, "transactional": {Count: 1, Window: day}}}
	ago := func(d time.Duration) earlier { return earlier{at: noon.Add(-d)} }
	of := func(change func(*earlier)) []earlier {
		e := ago(time.Hour)
		change(&e)
		return []earlier{e}
	}
	w, _ := newClockedWorld(t, noon)
	for name, tt := range map[string]struct {
		cap      hogsend.FrequencyCap
		earlier  []earlier
		category string
		skips    bool
		held     bool
	}{
		"no cap":                               {earlier: []earlier{ago(0), ago(0), ago(0)}},
		"2 of 3":                               {cap: hogsend.FrequencyCap{Count: 3, Window: day}, earlier: []earlier{ago(1), ago(2)}},
		"3 of 3":                               {cap: hogsend.FrequencyCap{Count: 3, Window: day}, earlier: []earlier{ago(1), ago(2), ago(3)}, held: true},
		"4 of 3":                               {cap: hogsend.FrequencyCap{Count: 3, Window: day}, earlier: []earlier{ago(1), ago(2), ago(3), ago(4)}, held: true},
		"exactly the window old":               {cap: one, earlier: []earlier{ago(day)}, held: true},
		"1 µs older":                           {cap: one, earlier: []earlier{ago(day + time.Microsecond)}},
		"queued":                               {cap: one, earlier: of(func(e *earlier) { e.status = "queued" }), held: true},
		"an unknown outcome":                   {cap: one, earlier: of(func(e *earlier) { e.status, e.reason = "failed", "unknown_outcome" }), held: true},
		"failed":                               {cap: one, earlier: of(func(e *earlier) { e.status, e.reason = "failed", "no such domain" })},
		"suppressed":                           {cap: one, earlier: of(func(e *earlier) { e.status, e.reason = "suppressed", "bounce" })},
		"skipped":                              {cap: one, earlier: of(func(e *earlier) { e.status, e.reason = "skipped", "frequency_capped" })},
		"a test mail":                          {cap: one, earlier: of(func(e *earlier) { e.key = "test:1" })},
		"another journey's":                    {cap: one, earlier: of(func(e *earlier) { e.journey = "billing" }), held: true},
		"to a former address":                  {cap: one, earlier: of(func(e *earlier) { e.to = "old@example.com" }), held: true},
		"somebody else at this address":        {cap: one, earlier: of(func(e *earlier) { e.contact, e.to = somebody, "ADA@example.com" }), held: true},
		"somebody else":                        {cap: one, earlier: of(func(e *earlier) { e.contact, e.to = somebody, "bob@example.com" })},
		"the exempt count":                     {cap: one, earlier: of(func(e *earlier) { e.category = "transactional" }), held: true},
		"the exempt are not held":              {cap: one, earlier: []earlier{ago(1)}, category: "transactional"},
		"the exempt are not held by their own": {cap: byCategory, earlier: of(func(e *earlier) { e.category = "transactional" }), category: "transactional"},
		"other exempt categories": {
			cap: hogsend.FrequencyCap{Count: 1, Window: day, ExemptCategories: []string{"receipts"}}, earlier: []earlier{ago(1)}, category: "receipts",
		},
		"which replace the default": {
			cap: hogsend.FrequencyCap{Count: 1, Window: day, ExemptCategories: []string{"receipts"}}, earlier: []earlier{ago(1)}, category: "transactional", held: true,
		},
		"no exempt category":        {cap: hogsend.FrequencyCap{Count: 1, Window: day, ExemptCategories: []string{}}, earlier: []earlier{ago(1)}, category: "transactional", held: true},
		"a category of its own":     {cap: byCategory, earlier: of(func(e *earlier) { e.category, e.at = "news", noon.Add(-2*day) }), category: "news", held: true},
		"counts that category only": {cap: byCategory, earlier: []earlier{ago(1), ago(2)}, category: "news"},
		"the others count all":      {cap: byCategory, earlier: append(of(func(e *earlier) { e.category = "news" }), ago(1)), held: true},
		"only categories are capped": {
			cap: hogsend.FrequencyCap{ByCategory: byCategory.ByCategory}, earlier: []earlier{ago(1), ago(2), ago(3)},
		},
		"checks are skipped": {cap: one, earlier: []earlier{ago(1)}, skips: true},
	} {
		w.exec(`truncate sends, step_logs, enrollments cascade`)
		w.define(func(r *hogsend.Registry) { r.Defaults.FrequencyCap = tt.cap })
		w.provider.calls = nil
		claim := w.enroll("start")
		w.sentEarlier(tt.earlier...)
		r := hello(claim, 1)
		r.Category, r.SkipPreferenceCheck = tt.category, tt.skips
		if !tt.held {
			require.Equal(t, "sent ", w.verdict(r), name)
			continue
		}
		require.Equal(t, "skipped frequency_capped", w.verdict(r), name)
		require.Empty(t, w.provider.calls)
		require.Equal(t, 1, w.count(`sends where key = $1 and status = 'skipped' and reason = 'frequency_capped' and claimed_at is null and html = ''`, r.Key)) // E-17
		require.Equal(t, 1, w.count(`step_logs where action = 'send_gated' and detail = '{"template": "hello", "reason": "frequency_capped"}'`))
		w.define(func(r *hogsend.Registry) { r.Defaults.FrequencyCap = hogsend.FrequencyCap{} })
		require.Equal(t, "skipped frequency_capped", w.verdict(r), "the same key finds the same row (E-17)")
	}
}

// E-15: a send that passes the cap counts for later ones.
func TestASendThatSkipsTheCapCounts(t *testing.T) {
	t.Parallel()
	w, _ := newClockedWorld(t, noon)
	w.define(func(r *hogsend.Registry) {
		r.Defaults.FrequencyCap = hogsend.FrequencyCap{Count: 1, Window: hogsend.Day}
	})
	claim := w.enroll("start")
	first := hello(claim, 1)
	first.SkipPreferenceCheck = true
	require.Equal(t, "sent ", w.verdict(first))
	require.Equal(t, "skipped frequency_capped", w.verdict(hello(claim, 2)))
}

// E-24, J-13, J-133: the gap to the journey's last claim, in any enrollment, exactly.
func TestSuppressGap(t *testing.T) {
	t.Parallel()
	day, ms := hogsend.Day, time.Millisecond
	w, set := newClockedWorld(t, noon)
	w.define(func(r *hogsend.Registry) { r.Journeys[0].MinSendGap = day })
	w.define(func(r *hogsend.Registry) { r.Journeys[0].Aliases = []string{"hello-there"} })
	w.define(func(r *hogsend.Registry) { r.Defaults.OnBlocked = hogsend.Defer }) // not of gaps (J-133)
	n := 0
	try := func(at time.Time, changes ...func(*contract.SendRequest)) string {
		set(at)
		claim := w.enroll("start") // in an enrollment of its own
		n++
		r := hello(claim, n)
		for _, change := range changes {
			change(&r)
		}
		said := w.verdict(r)
		_, err := w.Ingest.Finish(t.Context(), mustParse(claim), completed)
		require.NoError(t, err)
		return said
	}
	category := func(c string) func(*contract.SendRequest) {
		return func(r *contract.SendRequest) { r.Category = c }
	}
	require.Equal(t, "sent ", try(noon))
	require.Equal(t, "skipped suppress_gap", try(noon.Add(day-ms)))
	require.Equal(t, "sent ", try(noon.Add(day)), "exactly the gap later; what was skipped does not count")
	require.Equal(t, "sent ", try(noon.Add(day+ms), category("transactional")), "exempt (E-16)")
	require.Equal(t, "skipped suppress_gap", try(noon.Add(2*day)), "but it counts")
	require.Equal(t, "sent ", try(noon.Add(2*day), func(r *contract.SendRequest) { r.SkipPreferenceCheck = true }))

	at := noon.Add(30 * day)
	w.sentEarlier(
		earlier{journey: "billing", at: at}, earlier{contact: uuid.New(), at: at}, // of another journey, to somebody else at the address
		earlier{status: "failed", reason: "no such domain", at: at}, earlier{status: "suppressed", reason: "bounce", at: at}, earlier{key: "test:1", at: at},
	)
	require.Equal(t, "sent ", try(at))
	for i, counts := range []earlier{{journey: "hello-there"}, {status: "queued"}, {status: "failed", reason: "unknown_outcome"}, {to: "old@example.com"}} {
		at = at.Add(10 * day)
		counts.at = at.Add(-time.Hour)
		w.sentEarlier(counts)
		require.Equal(t, "skipped suppress_gap", try(at), i)
	}
	require.Equal(t, "sent ", try(at, func(*contract.SendRequest) { w.define(func(r *hogsend.Registry) { r.Journeys[0].MinSendGap = 0 }) }), "no gap")
}

// J-133: of two coroutines at once, exactly one sends.
func TestTwoSendsRaceForAGap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.define(func(r *hogsend.Registry) { r.Journeys[0].MinSendGap = time.Hour })
	for range 10 {
		claim := w.enroll("start")
		w.exec(`update sends set claimed_at = claimed_at - interval '1 hour'`)
		require.Equal(t, map[string]int{"sent ": 1, "skipped suppress_gap": 1}, w.race([]contract.SendRequest{hello(claim, 1), hello(claim, 2)}))
		_, err := w.Ingest.Finish(t.Context(), mustParse(claim), completed)
		require.NoError(t, err)
	}
}

// race asks for all at once and counts the answers.
func (w *world) race(requests []contract.SendRequest) map[string]int {
	w.t.Helper()
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		said  = map[string]int{}
	)
	for _, r := range requests {
		group.Go(func() {
			result, err := w.Send(w.t.Context(), r)
			if err != nil {
				w.t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			said[string(result.Verdict.Status)+" "+result.Verdict.Reason]++
		})
	}
	group.Wait()
	return said
}

// E-22: 50 at once under a cap of 3: 3 are claimed, 47 are capped; the same where two
// contacts have one address.
func TestFiftySendsRaceForThreePlaces(t *testing.T) {
	t.Parallel()
	for _, shared := range []bool{false, true} {
		w := newWorld(t)
		w.define(func(r *hogsend.Registry) {
			r.Defaults.FrequencyCap = hogsend.FrequencyCap{Count: 3, Window: hogsend.Day}
		})
		claims := []contract.Claim{w.enroll("start"), w.enroll("bill")}
		if shared {
			claims[1] = w.enrollOf("bob", "start")
			w.exec(`update contacts set email = 'ada@example.com', email_key = 'ada@example.com'`)
		}
		var requests []contract.SendRequest
		for i := range 50 {
			requests = append(requests, hello(claims[i%2], i))
		}
		require.Equal(t, map[string]int{"sent ": 3, "skipped frequency_capped": 47}, w.race(requests))
		require.Equal(t, 3, w.count(`sends where claimed_at is not null`))
		require.Len(t, w.provider.accepted, 3)
	}
}

// E-22: sends to others do not wait for one that is being decided.
func TestSendsToOthersDoNotWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.define(func(r *hogsend.Registry) {
		r.Defaults.FrequencyCap = hogsend.FrequencyCap{Count: 1, Window: hogsend.Day}
	})
	held := hello(w.enroll("start"), 1)
	var requests []contract.SendRequest
	for i := range 50 {
		requests = append(requests, hello(w.enrollOf(fmt.Sprint("user", i), "start"), 1))
	}
	tx, err := w.store.Pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `select from contacts where external_id = 'ada' for update`)
	require.NoError(t, err)
	var decided atomic.Bool
	done := make(chan string)
	go func() {
		result, err := w.Send(t.Context(), held)
		decided.Store(true)
		done <- fmt.Sprint(result.Verdict.Status, err)
	}()
	require.Equal(t, map[string]int{"sent ": 50}, w.race(requests))
	require.False(t, decided.Load())
	require.NoError(t, tx.Rollback(t.Context()))
	require.Equal(t, "sent<nil>", <-done)
	require.ErrorIs(t, tx.Rollback(t.Context()), pgx.ErrTxClosed)
}

// E-13: rows 6, 8, 9 and 10 all apply, then one less each time.
func TestTheFirstRowDecides(t *testing.T) {
	t.Parallel()
	w, set := newClockedWorld(t, noon)
	w.define(func(r *hogsend.Registry) {
		r.Defaults.FrequencyCap = hogsend.FrequencyCap{Count: 1, Window: hogsend.Day}
	})
	w.define(func(r *hogsend.Registry) { r.Journeys[0].MinSendGap = hogsend.Day })
	w.define(func(r *hogsend.Registry) { r.Defaults.SendWindow = hogsend.Window{Start: "09:00", End: "11:00"} })
	claim := w.enroll("start")
	w.sentEarlier(earlier{at: noon.Add(-time.Hour)})
	w.optOut("ada@example.com", "unsubscribed_all", "true")
	require.Equal(t, "unsubscribed unsubscribed_all", w.verdict(hello(claim, 1)))
	w.exec(`update preferences set unsubscribed_all = false`)
	require.Equal(t, "skipped outside_window", w.verdict(hello(claim, 2)))
	set(noon.Add(-2 * time.Hour))
	w.exec(`update sends set claimed_at = $1 where claimed_at is not null`, noon.Add(-3*time.Hour))
	require.Equal(t, "skipped suppress_gap", w.verdict(hello(claim, 3)))
	w.define(func(r *hogsend.Registry) { r.Journeys[0].MinSendGap = 0 })
	require.Equal(t, "skipped frequency_capped", w.verdict(hello(claim, 4)))
	w.define(func(r *hogsend.Registry) { r.Defaults.FrequencyCap = hogsend.FrequencyCap{} })
	require.Equal(t, "sent ", w.verdict(hello(claim, 5)))
}
