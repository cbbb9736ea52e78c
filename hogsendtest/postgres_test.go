package hogsendtest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/activities"
	"github.com/hogsend/hogsend/hogsendtest/internal/virtual"
	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/pause"
	"github.com/hogsend/hogsend/internal/provider/mailbox"
	"github.com/hogsend/hogsend/internal/registry"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/workflows"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// postgres is the stage of production: internal/ingest and the activities on a real
// database, whose clock stands where the virtual one does.
type postgres struct {
	t          *testing.T
	store      *store.Store
	set        func(now time.Time) // the database's clock
	ingester   *ingest.Ingester
	activities *activities.Activities
	server     *virtual.Server
	start      time.Time
	people     map[string]Person
}

var _ stage = (*postgres)(nil)

// onPostgres plays a script on Postgres and returns what came of it.
func onPostgres(t *testing.T, s *Scenario) []string {
	t.Helper()
	p := newPostgres(t)
	p.open(s)
	require.NoError(t, p.play(s))
	return p.outcome()
}

// play plays a script, with the worker lost where losses say.
func (p *postgres) play(s *Scenario, losses ...loss) error {
	h := &host{scenario: s, server: p.server, watcher: newWatcher(), own: map[string]bool{}}
	h.watcher.lost, h.watcher.now, h.watcher.order.progress = h.server.Lost, h.server.Now, h.server.Progress
	h.watcher.activity = func(s step, run func() (any, error)) (any, error) {
		return h.play.lossy(losses, s, func() (any, error) {
			p.clock(0)
			return run()
		})
	}
	c, err := h.server.Client(silent())
	if err != nil {
		return err
	}
	h.worker, err = h.server.StartWorker(c, []interceptor.WorkerInterceptor{h.watcher, workflows.LogFields()}, func(r worker.Registry, withWorkflows bool) {
		if withWorkflows {
			registerWorkflows(r, h.watcher, s.catalog.journeys, s.workflows)
		}
		for name, fn := range p.activities.All() {
			r.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: name})
			h.own[name] = true
		}
	})
	if err != nil {
		return err
	}
	defer h.stop()
	h.server.Reset(s.start)
	h.play = &play{host: h, stage: p, server: h.server, loss: &loss{}, ran: map[string]bool{}}
	return h.play.run()
}

// lossy runs an activity, or loses the worker there if one of the losses is at this step.
func (p *play) lossy(losses []loss, s step, run func() (any, error)) (any, error) {
	p.loss = &loss{}
	for _, l := range losses {
		if l.at == len(p.steps)+1 {
			p.loss = &l
		}
	}
	return p.step(s, run)
}

func newPostgres(t *testing.T) *postgres {
	t.Helper()
	p := &postgres{t: t}
	p.store, p.set = dbtest.Clocked(t, Start())
	return p
}

// open sets the scene of a script.
func (p *postgres) open(s *Scenario) {
	t := p.t
	t.Helper()
	p.start, p.people, p.server = s.start, map[string]Person{}, virtual.NewServer(s.start)
	p.set(s.start)
	p.ingester = ingest.New(p.store, ingest.Config{Journeys: s.registry.Journeys, BuildID: buildID, Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(p.ingester.Close)
	renderer, err := email.Compile(s.registry)
	require.NoError(t, err)
	p.activities = &activities.Activities{
		Store: p.store, Ingest: p.ingester, Clock: clock.New(p.ingester.Engine()), Renderer: renderer, Provider: mailbox.New(p.store), Registry: registry.New(s.registry),
		Config: activities.Config{From: sender, PublicURL: publicURL, BuildID: buildID},
	}
	for _, who := range s.people {
		p.add(who)
	}
}

func (p *postgres) exec(statement string, args ...any) {
	p.t.Helper()
	_, err := p.store.Pool.Exec(context.WithoutCancel(p.t.Context()), statement, args...)
	require.NoError(p.t, err, statement)
}

// clock sets the database's clock. An ingester receives the first event of a
// transaction a microsecond after it began, hence the correction.
func (p *postgres) clock(correction time.Duration) { p.set(p.server.Now().Add(correction)) }

func (p *postgres) add(who Person) {
	p.t.Helper()
	name := who.UserID
	if name == "" {
		name = who.Email
	}
	p.people[name] = who
	id := idOf("contact", strings.ToLower(name))
	_, properties, err := asJSON(who.Properties)
	require.NoError(p.t, err)
	p.exec(`insert into contacts (id, external_id, email, email_key, timezone, properties, first_seen_at, last_seen_at, created_at, updated_at)
		values ($1, nullif($2, ''), nullif($3, ''), nullif(lower($3), ''), nullif($4, ''), $5, clock_timestamp(), clock_timestamp(), clock_timestamp(), clock_timestamp())`,
		id, who.UserID, who.Email, who.Timezone, properties)
	kind, key := "user", who.UserID
	if key == "" {
		kind, key = "email", strings.ToLower(who.Email)
	}
	p.exec(`insert into contact_keys (kind, key, contact_id, created_at) values ($1, $2, $3, clock_timestamp())`, kind, key, id)
}

func (p *postgres) id(contact string) string { return idOf("contact", strings.ToLower(contact)) }

func (p *postgres) event(contact string, e Event) error {
	who := p.people[contact]
	ev := ingest.Event{Name: e.Name, UserID: who.UserID}
	if ev.UserID == "" {
		ev.Email = who.Email
	}
	if e.Properties != nil {
		raw, _, err := asJSON(e.Properties)
		if err != nil {
			return err
		}
		ev.Properties = raw
	}
	for key, value := range e.ContactProperties {
		raw, err := json.Marshal(value)
		if err != nil {
			return err
		}
		if ev.ContactProperties == nil {
			ev.ContactProperties = map[string]json.RawMessage{}
		}
		ev.ContactProperties[key] = raw
	}
	if !e.OccurredAt.IsZero() {
		ev.Timestamp = &e.OccurredAt
	}
	p.clock(-time.Microsecond)
	_, err := p.ingester.Ingest(p.t.Context(), ev)
	return err
}

func (p *postgres) change(contact string, properties hogsend.Properties) error {
	p.clock(0)
	p.exec(`update contacts set properties = jsonb_strip_nulls(properties || $2), updated_at = clock_timestamp() where id = $1`, p.id(contact), properties)
	return nil
}

func (p *postgres) move(contact, zone string) error {
	p.clock(0)
	p.exec(`update contacts set timezone = nullif($2, ''), updated_at = clock_timestamp() where id = $1`, p.id(contact), zone)
	return nil
}

func (p *postgres) preference(contact string) {
	p.clock(0)
	p.exec(`insert into preferences (id, email, email_key, contact_id, created_at, updated_at)
		select gen_random_uuid(), email, email_key, id, clock_timestamp(), clock_timestamp() from contacts where id = $1
		on conflict (email_key) do nothing`, p.id(contact))
}

func (p *postgres) prefer(contact string, out bool, categories []string) error {
	p.preference(contact)
	if len(categories) == 0 {
		p.exec(`update preferences set unsubscribed_all = $2 where contact_id = $1`, p.id(contact), out)
	}
	for _, category := range categories {
		p.exec(`update preferences set categories = categories || jsonb_build_object($2::text, $3::bool) where contact_id = $1`, p.id(contact), category, !out)
	}
	return nil
}

func (p *postgres) suppress(contact, reason string) error {
	p.preference(contact)
	p.exec(`update preferences set suppressed = $2 <> '', suppression_reason = nullif($2, '') where contact_id = $1`, p.id(contact), reason)
	return nil
}

func (p *postgres) enter(string, string) error                      { return nil }
func (p *postgres) leave(string, string, hogsend.LeaveReason) error { return nil }

func (p *postgres) due(hogsend.Trigger) error { return nil }

func (p *postgres) engage(string, string, string) error { return nil }

func (p *postgres) cancel(contact, journeyID string) error {
	var id uuid.UUID
	err := p.store.Pool.QueryRow(p.t.Context(), `select id from enrollments where contact_id = $1 and journey_id = $2 and status in ('active', 'waiting')`,
		p.id(contact), journeyID).Scan(&id)
	if err != nil {
		return fmt.Errorf("find enrollment: %w", err)
	}
	p.clock(-time.Microsecond)
	return p.ingester.Exit(p.t.Context(), id, contract.ExitAdmin)
}

func (p *postgres) enable(journeyID string, on bool) error {
	p.clock(0)
	p.exec(`insert into journey_configs (journey_id, enabled, updated_at) values ($1, $2, clock_timestamp())
		on conflict (journey_id) do update set enabled = excluded.enabled`, journeyID, on)
	return nil
}

func (p *postgres) pause(journeyID string) error {
	_, err := pause.Start(p.t.Context(), p.store, []string{journeyID}, "", p.server.Now())
	return err
}

func (p *postgres) resume(journeyID string, policy ResumePolicy) error {
	return pause.Resume(p.t.Context(), p.store, []string{journeyID}, contract.ResumePolicy(policy), time.Hour, p.server.Now())
}

// release is what the releaser does, without its pace.
func (p *postgres) release() (next time.Time, more bool, err error) {
	p.clock(0)
	holds, err := p.store.PausedEffectsDue(p.t.Context(), p.server.Now(), 100)
	if err != nil {
		return next, false, err
	}
	for _, h := range holds {
		if _, err := pause.Release(p.t.Context(), p.store, h.EnrollmentID, h.ID, pause.Outcome{Signal: "wait", Key: "release/" + h.ID.String()}); err != nil {
			return next, false, err
		}
	}
	err = p.store.Pool.QueryRow(p.t.Context(), `select min(h.due_at) from paused_effects h where h.closed_at is null and h.due_at is not null
		and not exists (select from journey_configs c where c.journey_id = h.journey_id and c.paused_at is not null) having count(*) > 0`).Scan(&next)
	if errors.Is(err, pgx.ErrNoRows) {
		return next, false, nil
	}
	return next, err == nil, err
}

func (p *postgres) take() ([]message, error) {
	rows, err := p.store.Pool.Query(p.t.Context(), `update outbox set status = 'delivered' where status = 'pending' returning seq, kind, payload`)
	if err != nil {
		return nil, err
	}
	type row struct {
		Seq     int64
		Kind    string
		Payload json.RawMessage
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b row) int { return cmp.Compare(a.Seq, b.Seq) })
	var told []message
	for _, r := range found {
		var v struct{ WorkflowID, WorkflowType, EnrollmentID, Signal, WaitID, EventID string }
		if err := json.Unmarshal(r.Payload, &v); err != nil {
			return nil, err
		}
		m := message{kind: r.Kind, workflowID: v.WorkflowID, what: v.WorkflowType, enrollment: v.EnrollmentID, waitID: v.WaitID, eventID: v.EventID}
		if r.Kind == tellSignal {
			m.what = v.Signal
		}
		told = append(told, m)
	}
	return told, nil
}

// plain writes the JSON at the end of a line in one way.
func plain(line string) string {
	i := strings.IndexByte(line, '{')
	if i < 0 {
		return line
	}
	var value any
	if json.Unmarshal([]byte(line[i:]), &value) != nil {
		return line
	}
	return line[:i] + detailOf(value)
}

// outcome is what Postgres holds at the end, in the words of the kit.
func (p *postgres) outcome() []string {
	var lines []string
	query := func(prefix, sql string) {
		rows, err := p.store.Pool.Query(p.t.Context(), sql)
		require.NoError(p.t, err, sql)
		found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
			var at *time.Time
			var text string
			if err := row.Scan(&at, &text); err != nil {
				return "", err
			}
			when := "never"
			if at != nil {
				when = "+" + at.Sub(p.start).Round(time.Millisecond).String()
			}
			return plain(prefix + " " + when + " " + text), nil
		})
		require.NoError(p.t, err, sql)
		lines = append(lines, found...)
	}
	query("event", `select e.received_at, c.external_id || ' ' || e.name || ' ' || e.source || ' hops ' || e.hops || ' ' || (e.properties - 'stateId' - 'userId')::text from events e join contacts c on c.id = e.contact_id order by e.seq`)
	query("decision", `select d.at, c.external_id || ' ' || d.journey_id || ' ' || d.event_name || ' ' || coalesce(d.reason, d.outcome) || coalesce(' ' || (d.detail->>'digest'), '')
		from decisions d join contacts c on c.id = d.contact_id join events e on e.id = d.event_id order by d.id`)
	query("log", `select l.at, c.external_id || ' ' || e.journey_id || '#' || e.entry || ' ' || l.action || ' ' || l.to_node || ' ' || case when l.action = 'wait_started' then '' else coalesce(l.detail->>'outcome', l.detail->>'reason', l.detail->>'event', '') || coalesce(' until ' || (l.detail->>'until'), '') end
		from step_logs l join enrollments e on e.id = l.enrollment_id join contacts c on c.id = e.contact_id
		order by c.external_id, e.journey_id, e.entry, l.seq`)
	query("mail", `select case when s.status = 'sent' then s.sent_at else s.updated_at end, c.external_id || ' ' || s.template_key || ' ' || s.status || ' ' || coalesce(s.reason, '') || ' ' || coalesce(s.category, '')
		from sends s join contacts c on c.id = s.contact_id order by c.external_id, s.journey_id, s.created_at, s.id`)
	query("enrollment", `select coalesce(e.completed_at, e.exited_at), c.external_id || ' ' || e.journey_id || '#' || e.entry || ' ' || e.status || ' ' || e.node || ' ' || coalesce(e.exit_reason, '') || ' ' || coalesce(e.error, '') || ' hops ' || e.hops
		from enrollments e join contacts c on c.id = e.contact_id order by c.external_id, e.journey_id, e.entry`)
	query("contact", `select null, external_id || ' ' || coalesce(timezone, '') || ' ' || properties::text from contacts order by external_id`)
	return lines
}

// inMemory plays a script in memory and returns what came of it in the same words.
func inMemory(t *testing.T, s *Scenario) []string {
	t.Helper()
	h, err := newHost(s)
	require.NoError(t, err)
	defer h.stop()
	p, err := h.newPlay(nil, nil)
	require.NoError(t, err)
	require.NoError(t, p.run())
	w := p.world
	var lines []string
	add := func(prefix string, at time.Time, text string) {
		when := "never"
		if !at.IsZero() {
			when = "+" + at.Sub(s.start).Round(time.Millisecond).String()
		}
		lines = append(lines, plain(prefix+" "+when+" "+text))
	}
	for _, e := range w.events {
		if strings.HasPrefix(e.Name, "email.") {
			continue
		}
		properties := clone(e.Properties)
		delete(properties, "stateId")
		delete(properties, "userId")
		add("event", e.ReceivedAt, fmt.Sprintf("%s %s %s hops %d %s", e.person.name(), e.Name, e.Source, e.hops, detailOf(properties)))
	}
	for _, d := range w.decisions {
		add("decision", d.At, fmt.Sprintf("%s %s %s %s", d.Contact, d.Journey, d.Event, strings.TrimSpace(cmp.Or(d.Reason, d.Outcome)+" "+d.Digest)))
	}
	enrollments := slices.Clone(w.enrollments)
	slices.SortStableFunc(enrollments, func(a, b *enrollment) int {
		return cmp.Or(strings.Compare(a.person.name(), b.person.name()), strings.Compare(a.journeyID, b.journeyID), cmp.Compare(a.entry, b.entry))
	})
	for _, n := range enrollments {
		for _, row := range w.logs {
			if row.enrollment != n {
				continue
			}
			detail := row.detail
			if slices.Contains([]string{"enrolled", "wait_started", "once", "failed", "paused", "throttled", "variant", "identified"}, row.action) {
				detail = ""
			}
			add("log", row.at, fmt.Sprintf("%s %s#%d %s %s %s", n.person.name(), n.journeyID, n.entry, row.action, row.to, detail))
		}
	}
	sends := slices.Clone(w.sends)
	slices.SortStableFunc(sends, func(a, b *send) int {
		return cmp.Or(strings.Compare(a.contact, b.contact), strings.Compare(a.journeyID, b.journeyID))
	})
	for _, m := range sends {
		add("mail", m.mail.At, fmt.Sprintf("%s %s %s %s %s", m.contact, m.mail.Template, m.status, m.reason, m.mail.Category))
	}
	for _, n := range enrollments {
		at := n.endedAt
		if n.status == contract.EnrollmentFailed {
			at = time.Time{}
		}
		add("enrollment", at, fmt.Sprintf("%s %s#%d %s %s %s %s hops %d", n.person.name(), n.journeyID, n.entry, n.status, n.node, n.exitReason, n.failure, n.hops))
	}
	people := slices.Clone(w.contacts)
	slices.SortFunc(people, func(a, b *person) int { return strings.Compare(a.name(), b.name()) })
	for _, who := range people {
		add("contact", time.Time{}, fmt.Sprintf("%s %s %s", who.name(), who.timezone, detailOf(who.properties)))
	}
	return lines
}
