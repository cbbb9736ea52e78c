package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/outbox"
	"github.com/hogsend/hogsend/internal/provider/posthog"
	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/store"
)

// told is one event as PostHog got it.
type told struct {
	UUID       string         `json:"uuid"`
	DistinctID string         `json:"distinct_id"`
	Event      string         `json:"event"`
	Timestamp  time.Time      `json:"timestamp"`
	Properties map[string]any `json:"properties"`
}

// text is what an event says of the person, or its name.
func (e told) text() string {
	if set, ok := e.Properties["$set"].(map[string]any); ok {
		return e.DistinctID + " " + e.Event + " set " + fmt.Sprint(set)
	}
	if unset, ok := e.Properties["$unset"].([]any); ok {
		return e.DistinctID + " " + e.Event + " unset " + fmt.Sprint(unset)
	}
	return e.DistinctID + " " + e.Event
}

// fakePostHog stands in for PostHog; answer, if not nil, says what becomes of a call.
type fakePostHog struct {
	client *posthog.Client
	calls  chan string
	answer func(call int) int

	mu     sync.Mutex
	n      int
	events []told
}

func standInForPostHog(t *testing.T, answer func(call int) int) *fakePostHog {
	t.Helper()
	f := &fakePostHog{answer: answer, calls: make(chan string, 1000)}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	var err error
	f.client, err = posthog.New(posthog.Config{APIKey: "phc", Host: server.URL, Transport: &http.Transport{DisableKeepAlives: true}})
	require.NoError(t, err)
	return f
}

func (f *fakePostHog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct{ Batch []told }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	f.n++
	call := f.n
	f.events = append(f.events, body.Batch...)
	f.mu.Unlock()
	for _, e := range body.Batch {
		f.calls <- e.text()
	}
	if f.answer != nil {
		w.WriteHeader(f.answer(call))
	}
}

// texts are the events told so far of one person.
func (f *fakePostHog) texts(distinctID string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var texts []string
	for _, e := range f.events {
		if e.DistinctID == distinctID {
			texts = append(texts, strings.TrimPrefix(e.text(), distinctID+" "))
		}
	}
	return texts
}

// acceptsAll is a Temporal that takes everything, from anybody at once.
type acceptsAll struct{}

func (acceptsAll) ExecuteWorkflow(context.Context, client.StartWorkflowOptions, any, ...any) (client.WorkflowRun, error) {
	return nil, nil //nolint:nilnil // the dispatcher does not look at the run
}
func (acceptsAll) SignalWorkflow(context.Context, string, string, string, any) error { return nil }
func (acceptsAll) CancelWorkflow(context.Context, string, string) error              { return nil }

// deliver runs the worker's dispatchers, with pauses of no length.
func deliver(t *testing.T, s *store.Store, client *posthog.Client) {
	t.Helper()
	w := &Worker{cfg: Config{Store: s, PostHog: client}.withDefaults()}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for _, d := range w.dispatchers() {
		d.Config.Poll, d.Config.Grace = 5*time.Millisecond, 50*time.Millisecond
		if d.Config.Retries != nil {
			d.Config.Retries = slices.Repeat([]time.Duration{time.Millisecond}, len(d.Config.Retries))
		}
		if _, ok := d.Deliverer.(temporalDeliverer); ok {
			d.Deliverer = temporalDeliverer{client: acceptsAll{}}
		}
		running.Go(func() { _ = d.Run(ctx) })
	}
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

func allTold(t *testing.T, s *store.Store, destination string) {
	t.Helper()
	require.Eventually(t, func() bool {
		var n int
		require.NoError(t, s.Pool.QueryRow(context.Background(), `select count(*) from outbox where status = 'pending' and destination = $1`, destination).Scan(&n))
		return n == 0
	}, 5*time.Minute, 5*time.Millisecond)
}

func journey(workflow.Context, hogsend.Run) error { return nil }

// ingester has one bucket, mirrored, and one journey that clicks start.
func ingester(t *testing.T, s *store.Store) *ingest.Ingester {
	t.Helper()
	g := ingest.New(s, ingest.Config{
		Mirror:   true,
		Journeys: []hogsend.Journey{{ID: "welcome", Trigger: hogsend.On("click"), EntryLimit: hogsend.Unlimited, Run: journey}},
	})
	t.Cleanup(g.Close)
	definitions, err := bucket.DescribeAll([]hogsend.Bucket{{
		ID: "pro", Name: "Pro", Criteria: hogsend.Prop("plan").Eq("pro"), SyncToPostHog: true,
	}})
	require.NoError(t, err)
	require.NoError(t, rollout.New(g.Engine()).Register(t.Context(), "digest", "build", definitions))
	return g
}

func plan(t *testing.T, g *ingest.Ingester, user, name, plan string) {
	t.Helper()
	_, err := g.Ingest(t.Context(), ingest.Event{Name: name, UserID: user, ContactProperties: map[string]json.RawMessage{"plan": json.RawMessage(`"` + plan + `"`)}})
	require.NoError(t, err)
}

// B-54, B-55, P-10, P-12: every join sets the property, every leave removes it, in the
// order of the contact, at least once and with the uuid of the first attempt.
func TestAMembershipIsMirrored(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	g := ingester(t, s)
	f := standInForPostHog(t, func(call int) int { return []int{500, 200, 429, 302, 200}[min(call-1, 4)] })
	deliver(t, s, f.client)
	const set, unset = "$set set map[hogsend_bucket_pro:true]", "$set unset [hogsend_bucket_pro]"
	plan(t, g, "ada", "changed", "pro")
	allTold(t, s, contract.ToPostHog)
	plan(t, g, "ada", "changed", "free")
	allTold(t, s, contract.ToPostHog)
	require.Equal(t, []string{set, set, unset, unset, unset}, f.texts("ada"))
	require.Equal(t, f.events[0], f.events[1])
	require.Equal(t, f.events[2], f.events[4])
	require.NotEqual(t, f.events[0].UUID, f.events[2].UUID)
	require.Equal(t, "hogsend", f.events[0].Properties["$lib"])
	require.WithinDuration(t, time.Now(), f.events[0].Timestamp, time.Minute)

	// A silent leave is one as well.
	plan(t, g, "ada", "changed", "pro")
	allTold(t, s, contract.ToPostHog)
	definitions, err := bucket.DescribeAll(nil)
	require.NoError(t, err)
	_, err = s.Pool.Exec(t.Context(), `update registries set first_seen_at = first_seen_at - interval '1 hour'`)
	require.NoError(t, err)
	require.NoError(t, rollout.New(g.Engine()).Register(t.Context(), "empty", "build", definitions))
	left, err := rollout.New(g.Engine()).Retire(t.Context(), "pro")
	require.NoError(t, err)
	require.EqualValues(t, 1, left)
	for done := false; !done; {
		done, _, err = rollout.New(g.Engine()).LetLeave(t.Context())
		require.NoError(t, err)
	}
	allTold(t, s, contract.ToPostHog)
	require.Equal(t, []string{set, unset}, f.texts("ada")[5:])
}

// P-12: what is sent is the membership at delivery, however late that is.
func TestALateMirrorTellsWhatHolds(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	g := ingester(t, s)
	plan(t, g, "ada", "changed", "pro")
	plan(t, g, "ada", "changed", "free")
	f := standInForPostHog(t, nil)
	deliver(t, s, f.client)
	allTold(t, s, contract.ToPostHog)
	require.Equal(t, []string{"$set unset [hogsend_bucket_pro]", "$set unset [hogsend_bucket_pro]"}, f.texts("ada"))
}

// P-9: PostHog being down or slow delays no journey, not even of the same contact, and
// what was for it arrives when it is back.
func TestAnOutageOfPostHogDelaysNoJourney(t *testing.T) {
	t.Parallel()
	for name, down := range map[string]func(back chan struct{}) int{
		"down": func(back chan struct{}) int {
			select {
			case <-back:
				return http.StatusOK
			default:
				return http.StatusServiceUnavailable
			}
		},
		"hanging": func(back chan struct{}) int {
			<-back
			return http.StatusOK
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := dbtest.DB(t)
			g := ingester(t, s)
			back := make(chan struct{})
			up := sync.OnceFunc(func() { close(back) })
			f := standInForPostHog(t, func(int) int { return down(back) })
			t.Cleanup(up)
			for i := range 30 {
				plan(t, g, fmt.Sprint("user ", i), "changed", "pro")
			}
			deliver(t, s, f.client)
			<-f.calls
			for i := range 30 {
				plan(t, g, fmt.Sprint("user ", i), "click", "pro")
			}
			allTold(t, s, contract.ToTemporal)
			var starts int
			require.NoError(t, s.Pool.QueryRow(t.Context(), `select count(*) from outbox where kind = 'start' and status = 'delivered'`).Scan(&starts))
			require.Equal(t, 30, starts)
			var waiting int
			require.NoError(t, s.Pool.QueryRow(t.Context(), `select count(*) from outbox where kind = 'mirror' and status <> 'delivered'`).Scan(&waiting))
			require.Positive(t, waiting)
			up()
			allTold(t, s, contract.ToPostHog)
		})
	}
}

// P-18: what was written for PostHog blocks nothing when PostHog is configured no more.
func TestWithoutPostHogItsRowsBecomeDeadLetters(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	g := ingester(t, s)
	plan(t, g, "ada", "click", "pro")
	deliver(t, s, nil)
	allTold(t, s, contract.ToPostHog)
	allTold(t, s, contract.ToTemporal)
	var source, text string
	require.NoError(t, s.Pool.QueryRow(t.Context(), `select source, error from dead_letters`).Scan(&source, &text))
	require.Equal(t, "outbox.mirror", source)
	require.Contains(t, text, "destination_removed")
}

func person(t *testing.T, s *store.Store, externalID, anonymousID string, mergedInto uuid.UUID) uuid.UUID {
	t.Helper()
	var id uuid.UUID
	require.NoError(t, s.Pool.QueryRow(t.Context(), `insert into contacts (id, external_id, anonymous_id, email, merged_into, first_seen_at, last_seen_at, created_at, updated_at)
		values (gen_random_uuid(), nullif($1, ''), nullif($2, ''), 'x@example.com', nullif($3, '00000000-0000-0000-0000-000000000000'::uuid), now(), now(), now(), now())
		returning id`, externalID, anonymousID, mergedInto).Scan(&id))
	return id
}

// P-10, J-137: the contact's key, never an address; the survivor of a merge; numbers
// as they were written; nobody who was erased.
func TestACaptureIsTold(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	f := standInForPostHog(t, nil)
	d := posthogDeliverer{store: s, client: f.client}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	capture := func(contact uuid.UUID) outbox.Row {
		return row(t, contract.OutboxCapture, contract.CapturePayload{
			UUID: "0195f0a0-0000-7000-8000-000000000001", ContactID: contact.String(), Event: "trial extended",
			Properties: json.RawMessage(`{"n": 12345678901234567, "$lib": "web"}`), Timestamp: at,
		})
	}
	ada, anonymous := person(t, s, "ada", "a1", uuid.Nil), person(t, s, "", "a2", uuid.Nil)
	nameless := person(t, s, "", "", uuid.Nil)
	merged := person(t, s, "", "", ada)
	for _, contact := range []uuid.UUID{ada, anonymous, nameless, merged, uuid.New()} {
		require.NoError(t, d.Deliver(t.Context(), capture(contact)))
	}
	var people []string
	for _, e := range f.events {
		people = append(people, e.DistinctID)
	}
	require.Equal(t, []string{"ada", "a2", nameless.String(), "ada"}, people)
	require.Equal(t, "trial extended", f.events[0].Event)
	require.Equal(t, "0195f0a0-0000-7000-8000-000000000001", f.events[0].UUID)
	require.True(t, at.Equal(f.events[0].Timestamp))
	require.Equal(t, "hogsend", f.events[0].Properties["$lib"])
}

// P-18, O-17.
func TestAnswersOfPostHogAreClassified(t *testing.T) {
	t.Parallel()
	require.NoError(t, answered(nil))
	permanent := answered(&posthog.Error{Kind: posthog.Permanent, Err: errors.New("400")})
	require.ErrorIs(t, permanent, outbox.ErrPermanent)
	for _, err := range []error{
		answered(context.DeadlineExceeded),
		answered(&posthog.Error{Kind: posthog.Unavailable, Err: errors.New("503")}),
		answered(&posthog.Error{Kind: posthog.Unavailable, RetryAfter: time.Minute, Err: errors.New("429")}),
	} {
		require.ErrorIs(t, err, outbox.ErrUnavailable)
		require.NotErrorIs(t, err, outbox.ErrPermanent)
	}
	var later *outbox.RetryAfterError
	require.ErrorAs(t, answered(&posthog.Error{Kind: posthog.Unavailable, RetryAfter: time.Minute, Err: errors.New("429")}), &later)
	require.Equal(t, time.Minute, later.After)
}

func TestARowForPostHogThatCannotBeUnderstoodIsDead(t *testing.T) {
	t.Parallel()
	id := uuid.NewString()
	for name, r := range map[string]outbox.Row{
		"unknown kind":         row(t, "start", struct{}{}),
		"payload not decoded":  row(t, contract.OutboxMirror, []int{1}),
		"mirror of nobody":     row(t, contract.OutboxMirror, contract.MirrorPayload{StayID: id, Property: "p"}),
		"mirror of a name":     row(t, contract.OutboxMirror, contract.MirrorPayload{ContactID: "ada", StayID: id, Property: "p"}),
		"mirror of no stay":    row(t, contract.OutboxMirror, contract.MirrorPayload{ContactID: id, Property: "p"}),
		"mirror of no name":    row(t, contract.OutboxMirror, contract.MirrorPayload{ContactID: id, StayID: id}),
		"capture of nothing":   row(t, contract.OutboxCapture, contract.CapturePayload{ContactID: id, UUID: id}),
		"properties not a map": row(t, contract.OutboxCapture, contract.CapturePayload{ContactID: id, UUID: id, Event: "e", Properties: json.RawMessage(`[1]`)}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorIs(t, posthogDeliverer{}.Deliver(t.Context(), r), outbox.ErrPermanent)
		})
	}
}

// P-18: eight attempts, the last of them after some 28 hours.
func TestTheScheduleOfAttempts(t *testing.T) {
	t.Parallel()
	var all time.Duration
	for _, pause := range outsideRetries() {
		all += pause
	}
	require.Len(t, outsideRetries(), 7)
	require.Equal(t, 27*time.Hour+35*time.Minute+5*time.Second, all)
	require.ErrorIs(t, removed{}.Deliver(t.Context(), outbox.Row{}), outbox.ErrPermanent)
}
