package ingest_test

import (
	"encoding/json"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/store"
)

// bundle is an ingester on a database of the test's own.
type bundle struct {
	t        testing.TB
	store    *store.Store
	ingester *ingest.Ingester
	rollout  *rollout.Rollout
	clock    *clock.Clock
	notified *atomic.Int64
}

func nothing(workflow.Context, hogsend.Run) error { return nil }

// journey is an unlimited journey on the event; the changes are applied to it.
func journey(id, event string, changes ...func(j *hogsend.Journey)) hogsend.Journey {
	j := hogsend.Journey{ID: id, Name: "Journey " + id, Trigger: hogsend.On(event), EntryLimit: hogsend.Unlimited, Run: nothing}
	for _, change := range changes {
		change(&j)
	}
	return j
}

func exitOn(event string, where ...hogsend.Condition) func(*hogsend.Journey) {
	return func(j *hogsend.Journey) { j.ExitOn = append(j.ExitOn, hogsend.Exit{Event: event, Where: where}) }
}

func limit(l hogsend.EntryLimit) func(*hogsend.Journey) {
	return func(j *hogsend.Journey) { j.EntryLimit = l }
}

func setup(t testing.TB, journeys ...hogsend.Journey) *bundle {
	t.Helper()
	return setupWith(t, ingest.Config{Journeys: journeys})
}

func setupWith(t testing.TB, cfg ingest.Config) *bundle {
	t.Helper()
	return (&bundle{t: t, store: dbtest.DB(t)}).another(cfg)
}

// another is one more ingester, as of another process, on the same database.
func (b *bundle) another(cfg ingest.Config) *bundle {
	b.t.Helper()
	n := &bundle{t: b.t, store: b.store, notified: new(atomic.Int64)}
	cfg.Notify = func() { n.notified.Add(1) }
	if cfg.BuildID == "" {
		cfg.BuildID = "test-build"
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	n.ingester = ingest.New(b.store, cfg)
	n.rollout = rollout.New(n.ingester.Engine())
	n.clock = n.rollout.Clock()
	b.t.Cleanup(n.ingester.Close)
	return n
}

func (b *bundle) send(ev ingest.Event) ingest.Result {
	b.t.Helper()
	r, err := b.ingester.Ingest(b.t.Context(), ev)
	require.NoError(b.t, err)
	return r
}

func (b *bundle) sendAll(events ...ingest.Event) []ingest.Result {
	b.t.Helper()
	results, err := b.ingester.IngestAll(b.t.Context(), events)
	require.NoError(b.t, err)
	for _, r := range results {
		require.NoError(b.t, r.Err)
	}
	return results
}

// user is an event of a user id.
func user(name, userID string) ingest.Event { return ingest.Event{Name: name, UserID: userID} }

func with(ev ingest.Event, properties string) ingest.Event {
	ev.Properties = json.RawMessage(properties)
	return ev
}

func at(ev ingest.Event, when time.Time) ingest.Event {
	ev.Timestamp = &when
	return ev
}

// texts is the first column of a query, as text.
func (b *bundle) texts(sql string, args ...any) []string {
	b.t.Helper()
	rows, err := b.store.Pool.Query(b.t.Context(), sql, args...)
	require.NoError(b.t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(b.t, err)
	return found
}

func (b *bundle) count(sql string, args ...any) int {
	b.t.Helper()
	var n int
	require.NoError(b.t, b.store.Pool.QueryRow(b.t.Context(), sql, args...).Scan(&n))
	return n
}

func (b *bundle) exec(sql string, args ...any) {
	b.t.Helper()
	_, err := b.store.Pool.Exec(b.t.Context(), sql, args...)
	require.NoError(b.t, err)
}

func (b *bundle) now() time.Time {
	b.t.Helper()
	var now time.Time
	require.NoError(b.t, b.store.Pool.QueryRow(b.t.Context(), "select clock_timestamp()").Scan(&now))
	return now
}

// outcomes of the guards, in order: "enrolled" or the reason.
func (b *bundle) outcomes(journeyID string) []string {
	b.t.Helper()
	return b.texts(`select coalesce(reason, outcome) from decisions where journey_id = $1 order by at, id`, journeyID)
}

// statuses of the enrollments of a journey, by entry.
func (b *bundle) statuses(journeyID string) []string {
	b.t.Helper()
	return b.texts(`select status || coalesce(' ' || exit_reason, '') from enrollments where journey_id = $1 order by contact_id, entry`, journeyID)
}

// enrollment is the id of the newest enrollment of a journey.
func (b *bundle) enrollment(journeyID string) uuid.UUID {
	b.t.Helper()
	var id uuid.UUID
	require.NoError(b.t, b.store.Pool.QueryRow(b.t.Context(),
		`select id from enrollments where journey_id = $1 order by created_at desc, entry desc limit 1`, journeyID).Scan(&id))
	return id
}

// waiting registers a wait as the activity does.
func (b *bundle) waiting(enrollmentID uuid.UUID, event, conditions string, deadline *time.Time) uuid.UUID {
	b.t.Helper()
	id := uuid.New()
	var where *string
	if conditions != "" {
		where = &conditions
	}
	b.exec(`insert into waits (id, enrollment_id, contact_id, step_key, label, event_name, conditions, deadline, status, registered_at)
		select $1::uuid, e.id, e.contact_id, $1::uuid::text, $3::text, $3::text, $4::jsonb, $5, 'open', clock_timestamp() from enrollments e where e.id = $2::uuid`,
		id, enrollmentID, event, where, deadline)
	return id
}

func (b *bundle) finish(id uuid.UUID, status string) string {
	b.t.Helper()
	got, err := b.ingester.Finish(b.t.Context(), id, ingest.End{Status: contract.EnrollmentStatus(status)})
	require.NoError(b.t, err)
	return string(got)
}
