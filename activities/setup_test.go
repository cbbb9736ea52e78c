package activities_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/activities"
	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/definition"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/registry"
	"github.com/hogsend/hogsend/internal/store"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func journeyFunc(workflow.Context, hogsend.Run) error { return nil }

var defined = hogsend.Registry{
	Journeys: []hogsend.Journey{
		{ID: "welcome", Name: "Welcome", Trigger: hogsend.On("start"), EntryLimit: hogsend.Unlimited, ExitOn: []hogsend.Exit{{Event: "stop"}}, Run: journeyFunc},
		{ID: "billing", Name: "Billing", Trigger: hogsend.On("bill"), EntryLimit: hogsend.Unlimited, Category: "billing", Run: journeyFunc},
	},
	Templates: []hogsend.Template{
		{Key: "hello", Subject: "Hello {{.Name}}", HTML: "<p>Hello {{.Name}} {{.Props.Word}}</p>", Props: helloProps{}},
		{Key: "links", Subject: "Links", HTML: `<p><a href="{{.UnsubscribeURL}}">Unsubscribe</a> <a href="{{.PreferencesURL}}">Choose</a></p>`},
		{Key: "numbers", Subject: "{{with .Contact.Properties}}{{.seats}} of {{.order}} at {{.price}}{{end}}", HTML: "<p>"},
		{Key: "receipt", Subject: "Receipt", HTML: "<p>Thanks</p>", Category: "transactional"},
	},
}

type helloProps struct {
	Word string `json:"word"`
}

// world is the activities on a database of the test's own, with a scripted provider.
type world struct {
	*activities.Activities
	t        *testing.T
	store    *store.Store
	provider *provider
	defined  hogsend.Registry
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOn(t, dbtest.DB(t))
}

// newClockedWorld is a world whose clock stands where set puts it.
func newClockedWorld(t *testing.T, now time.Time) (w *world, set func(time.Time)) {
	t.Helper()
	s, set := dbtest.Clocked(t, now)
	return newWorldOn(t, s), set
}

func newWorldOn(t *testing.T, s *store.Store) *world {
	t.Helper()
	ingester := ingest.New(s, ingest.Config{Journeys: defined.Journeys, BuildID: "build"})
	t.Cleanup(ingester.Close)
	renderer, err := email.Compile(defined)
	require.NoError(t, err)
	p := &provider{lifetime: 24 * time.Hour, accepted: map[string]email.Message{}}
	return &world{t: t, store: s, provider: p, Activities: &activities.Activities{
		Store: s, Ingest: ingester, Clock: clock.New(ingester.Engine()), Renderer: renderer, Provider: p,
		Registry: registry.New(defined), Config: activities.Config{From: "Acme <hello@acme.example>", BuildID: "build"},
	}, defined: definition.Clone(defined)}
}

// define changes what is defined, for the activities that begin after it.
func (w *world) define(change func(r *hogsend.Registry)) {
	change(&w.defined)
	w.Registry = registry.New(definition.Clone(w.defined))
}

// provider keeps keys as Resend does and answers by a script of errors, then accepts.
type provider struct {
	sync.Mutex
	lifetime time.Duration
	script   []error
	calls    []email.Message
	accepted map[string]email.Message
	// lost makes the next accepted mail's answer get lost.
	lost bool
}

func (p *provider) KeyLifetime() time.Duration { return p.lifetime }

func (p *provider) Send(_ context.Context, m email.Message) (string, error) {
	p.Lock()
	defer p.Unlock()
	p.calls = append(p.calls, m)
	if len(p.script) > 0 {
		err := p.script[0]
		p.script = p.script[1:]
		if err != nil {
			return "", err
		}
	}
	p.accepted[m.Key] = m
	if p.lost {
		p.lost = false
		return "", &email.SendError{Kind: email.Unknown, Reason: "connection lost"}
	}
	return "re_" + m.Key, nil
}

// event ingests an event of the contact "ada" and returns what became of it.
func (w *world) event(name string, properties string) ingest.Result {
	w.t.Helper()
	return w.eventOf("ada", name, properties)
}

func (w *world) eventOf(user, name, properties string) ingest.Result {
	w.t.Helper()
	e := ingest.Event{Name: name, UserID: user, Email: user + "@example.com"}
	if properties != "" {
		e.Properties = json.RawMessage(properties)
	}
	got, err := w.Ingest.Ingest(w.t.Context(), e)
	require.NoError(w.t, err)
	return got
}

// enroll lets an event enroll "ada" and returns the enrollment, claimed.
func (w *world) enroll(trigger string) contract.Claim {
	w.t.Helper()
	return w.enrollOf("ada", trigger)
}

func (w *world) enrollOf(user, trigger string) contract.Claim {
	w.t.Helper()
	w.eventOf(user, trigger, "")
	var id uuid.UUID
	w.scan(&id, `select e.id from enrollments e join contacts c on c.id = e.contact_id where c.external_id = $1 order by e.created_at desc, e.entry desc limit 1`, user)
	claim, err := w.ClaimEnrollment(w.t.Context(), contract.ClaimRequest{EnrollmentID: id.String(), FirstRunID: "run-1"})
	require.NoError(w.t, err)
	require.True(w.t, claim.Claimed)
	return claim
}

func (w *world) newest() string {
	w.t.Helper()
	var id uuid.UUID
	w.scan(&id, `select id from enrollments order by created_at desc, entry desc limit 1`)
	return id.String()
}

func (w *world) scan(to any, query string, args ...any) {
	w.t.Helper()
	require.NoError(w.t, w.store.Pool.QueryRow(w.t.Context(), query, args...).Scan(to))
}

func (w *world) count(query string, args ...any) int {
	w.t.Helper()
	var n int
	w.scan(&n, "select count(*) from "+query, args...)
	return n
}

func (w *world) exec(query string, args ...any) {
	w.t.Helper()
	_, err := w.store.Pool.Exec(w.t.Context(), query, args...)
	require.NoError(w.t, err)
}

func step(claim contract.Claim, key string) contract.Step {
	return contract.Step{EnrollmentID: claim.Enrollment.ID, Key: key, Node: key}
}

// hello is a send of the template "hello", the nth of its enrollment.
func hello(claim contract.Claim, n int) contract.SendRequest {
	key := fmt.Sprintf("send:hello#%d", n)
	at := step(claim, key)
	at.Node = "send:hello"
	return contract.SendRequest{Step: at, Key: claim.Enrollment.ID + ":" + key, Template: "hello", Props: json.RawMessage(`{"word":"there"}`)}
}
