package worker

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/outbound"
	"github.com/hogsend/hogsend/internal/outbox"
	"github.com/hogsend/hogsend/internal/provider/hook"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/webhook"
)

const hookSecret, newerSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

// receiver is somebody's server that is told.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	after  string
	got    []http.Header
	bodies []string
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: http.StatusOK}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got, r.bodies = append(r.got, q.Header), append(r.bodies, string(body))
		w.Header().Set("Location", "/elsewhere")
		if r.after != "" {
			w.Header().Set("Retry-After", r.after)
		}
		w.WriteHeader(r.status)
		_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answers(status int, after string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status, r.after = status, after
}

func (r *receiver) hook(t *testing.T, email bool) Hook {
	t.Helper()
	target, err := hook.New(t.Context(), hook.Config{
		URL: r.URL + "/in?token=hidden", Secrets: []string{hookSecret, newerSecret}, Headers: map[string]string{"X-Team": "a"}, Policy: outbound.Policy{Development: true},
	})
	require.NoError(t, err)
	return Hook{Target: target, IncludeEmail: email}
}

// ada is a contact to tell of.
func ada(t *testing.T, s *store.Store) uuid.UUID {
	t.Helper()
	id := uuid.Must(uuid.NewV7())
	_, err := s.Pool.Exec(t.Context(), `insert into contacts (id, external_id, email, email_key, first_seen_at, last_seen_at, created_at, updated_at) values ($1, 'ada', 'ada@example.com', 'ada@example.com', now(), now(), now(), now())`, id)
	require.NoError(t, err)
	return id
}

func hookRow(contact string) outbox.Row {
	payload := `{"type":"journey.completed","at":"2026-01-05T10:00:00.123456+00:00","data":{"enrollment":{"stateId":"s"}}`
	if contact != "" {
		payload += `,"contactId":"` + contact + `"`
	}
	return outbox.Row{ID: uuid.MustParse("01890000-0000-7000-8000-000000000001"), Sequence: 7, Kind: "webhook", Payload: json.RawMessage(payload + "}")}
}

// P-15, P-16: the body, the headers, and a signature in each of the secrets, which the
// standard's check accepts; the address only where it is asked for.
func TestAWebhookIsSigned(t *testing.T) {
	t.Parallel()
	s, r := dbtest.DB(t), newReceiver(t)
	id := ada(t, s)
	for _, email := range []bool{false, true} {
		require.NoError(t, hookDeliverer{s, r.hook(t, email)}.Deliver(t.Context(), hookRow(id.String())))
	}
	address := `,"email":"ada@example.com"`
	want := `{"id":"msg_01890000000070008000000000000001","type":"journey.completed","timestamp":"2026-01-05T10:00:00.123Z","sequence":7,"data":{"contact":{"id":"` + id.String() + `","externalId":"ada"` + address + `},"enrollment":{"stateId":"s"}}}`
	require.Equal(t, []string{strings.Replace(want, address, "", 1), want}, r.bodies)
	for i, h := range r.got {
		require.Equal(t, "application/json", h.Get("Content-Type"))
		require.Equal(t, "a", h.Get("X-Team"))
		require.Len(t, strings.Fields(h.Get("Webhook-Signature")), 2)
		for _, secret := range []string{hookSecret, newerSecret} {
			check, err := webhook.NewCheck(hogsend.SourceAuth{Type: hogsend.StandardWebhooks}, []string{secret})
			require.NoError(t, err)
			got, err := check(h.Get, []byte(r.bodies[i]), time.Now())
			require.NoError(t, err)
			require.Equal(t, "msg_01890000000070008000000000000001", got)
		}
	}
	r.bodies = nil
	require.NoError(t, hookDeliverer{s, r.hook(t, true)}.Deliver(t.Context(), hookRow("")))
	require.Contains(t, r.bodies[0], `"data":{"enrollment":{"stateId":"s"}}`, "about nobody")
}

// I-51, P-15: of somebody who was erased nothing is told any more.
func TestOfTheErasedNothingIsTold(t *testing.T) {
	t.Parallel()
	s, r := dbtest.DB(t), newReceiver(t)
	id := ada(t, s)
	_, err := s.Pool.Exec(t.Context(), `update contacts set erased_at = now(), external_id = null, email = null, email_key = null`)
	require.NoError(t, err)
	d := hookDeliverer{s, r.hook(t, true)}
	require.NoError(t, d.Deliver(t.Context(), hookRow(id.String())))
	require.Empty(t, r.bodies)
	row := hookRow(id.String())
	row.Payload = json.RawMessage(strings.Replace(string(row.Payload), "journey.completed", "contact.erased", 1))
	require.NoError(t, d.Deliver(t.Context(), row))
	require.Contains(t, r.bodies[0], `"contact":{"id":"`+id.String()+`","externalId":null}`)
}

// P-18: what an answer means. Of its body nothing is kept, a redirect is not followed, and
// no error tells the address.
func TestAnswersToWebhooks(t *testing.T) {
	t.Parallel()
	s, r := dbtest.DB(t), newReceiver(t)
	d := hookDeliverer{s, r.hook(t, false)}
	for _, test := range []struct {
		status    int
		after     string
		ok, final bool
		wait      time.Duration
	}{
		{200, "", true, false, 0},
		{204, "", true, false, 0},
		{301, "", false, false, 0},
		{307, "", false, false, 0},
		{400, "", false, false, 0},
		{404, "", false, false, 0},
		{410, "", false, true, 0},
		{429, "90", false, false, 90 * time.Second},
		{503, "-1", false, false, 0},
		{500, "", false, false, 0},
	} {
		r.answers(test.status, test.after)
		calls := len(r.got)
		err := d.Deliver(t.Context(), hookRow(""))
		require.Len(t, r.got, calls+1, "nothing is followed, nothing tried twice")
		require.Equal(t, test.ok, err == nil, test.status)
		require.Equal(t, test.final, errors.Is(err, outbox.ErrPermanent), test.status)
		var later *outbox.RetryAfterError
		require.Equal(t, test.wait > 0, errors.As(err, &later), test.status)
		if later != nil {
			require.Equal(t, test.wait, later.After)
		}
		if err != nil {
			require.NotContains(t, err.Error(), "hidden")
			require.NotContains(t, err.Error(), "xxx")
		}
	}
	r.Close()
	err := d.Deliver(t.Context(), hookRow(""))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hidden")
	for _, payload := range []string{`{`, `{"type":"x","data":3}`, `{"type":"x","data":{},"contactId":"x"}`} {
		require.ErrorIs(t, d.Deliver(t.Context(), outbox.Row{Payload: json.RawMessage(payload)}), outbox.ErrPermanent, payload)
	}
}

// P-14: a function of the author's, which may panic; it is told again.
func TestADestinationOfTheAuthors(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	var got []hogsend.Delivery
	d := hookDeliverer{s, Hook{Deliver: func(_ context.Context, m hogsend.Delivery) error {
		if got = append(got, m); len(got) == 1 {
			panic("no route")
		}
		return nil
	}}}
	require.ErrorContains(t, d.Deliver(t.Context(), hookRow("")), "no route")
	require.NoError(t, d.Deliver(t.Context(), hookRow("")))
	require.Equal(t, got[0], got[1])
	require.Equal(t, "msg_01890000000070008000000000000001", got[0].ID)
	require.Equal(t, int64(7), got[0].Sequence)
	require.Equal(t, 123456*time.Microsecond, time.Duration(got[0].Timestamp.Nanosecond()))
}

// P-14, P-18: each destination on its own, one message holds up no other of its contact; a
// destination that nobody registers any more is given up, and blocks nothing.
func TestDestinationsAreIndependent(t *testing.T) {
	t.Parallel()
	s, well, gone := dbtest.DB(t), newReceiver(t), newReceiver(t)
	gone.answers(http.StatusGone, "")
	id := ada(t, s)
	require.NoError(t, s.DestinationsRegister(t.Context(), []string{"gone", "old", "well"}, []string{"contact.updated", "contact.updated", "contact.updated"}))
	for _, name := range []string{"a", "b"} {
		_, err := s.Pool.Exec(t.Context(), `update contacts set properties = jsonb_build_object($1::text, 1), updated_at = clock_timestamp() where id = $2`, name, id)
		require.NoError(t, err)
	}
	_, err := s.Pool.Exec(t.Context(), `update destinations set seen_at = now() - interval '1 hour' where id = 'old'`)
	require.NoError(t, err)
	hooks := map[string]Hook{"gone": gone.hook(t, false), "well": well.hook(t, false)}
	require.NoError(t, sweepHooks(t.Context(), s, hooks, true))
	w := &Worker{cfg: Config{Store: s, Hooks: hooks}}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for _, d := range w.hookDispatchers(outbox.Config{Name: "w", Poll: 10 * time.Millisecond}) {
		all.Go(func() { require.NoError(t, d.Run(ctx)) })
	}
	const state = `select string_agg(s, ' ' order by s) from (select replace(destination, 'webhook:', '') || ':' || status || ':' || count(*) as s from outbox group by destination, status) o`
	require.Eventually(t, func() bool {
		var got string
		require.NoError(t, s.Pool.QueryRow(t.Context(), state).Scan(&got))
		return got == "gone:dead:2 old:dead:2 well:delivered:2"
	}, 20*time.Second, 20*time.Millisecond)
	cancel()
	all.Wait()
	var letters []string
	require.NoError(t, s.Pool.QueryRow(t.Context(), `select array_agg(source || ' ' || error order by error) from dead_letters`).Scan(&letters))
	require.Equal(t, []string{"outbox.webhook destination_removed", "outbox.webhook destination_removed"}, letters[2:])
	require.Contains(t, letters[0], "answers 410 Gone")
	var left []string
	require.NoError(t, s.Pool.QueryRow(t.Context(), `select array_agg(id order by id) from destinations`).Scan(&left))
	require.Equal(t, []string{"gone", "well"}, left)
}

// P-14, P-18: after an outage in which nobody could note anything the first worker that is
// back takes nothing from one that is not yet, and what was removed while its program was
// away is back with it, listening to what a newer program said.
func TestAnOutageTakesNoDestination(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	late, early := map[string]Hook{"late": {Events: []string{"contact.created"}}}, map[string]Hook{"early": {Events: []string{"contact.created"}}}
	require.NoError(t, s.DestinationsRegister(t.Context(), []string{"early", "late"}, []string{"contact.created", "contact.created"}))
	ada(t, s)
	outage := func() {
		_, err := s.Pool.Exec(t.Context(), `update destinations set seen_at = now() - interval '1 hour'`)
		require.NoError(t, err)
	}
	state := func() (got string) {
		const all = `select string_agg(id || ':' || events::text || ':' || (select string_agg(status, '') from outbox where destination = 'webhook:' || d.id), ' ' order by id) from destinations d`
		require.NoError(t, s.Pool.QueryRow(t.Context(), all).Scan(&got))
		return got
	}
	_, err := s.DestinationTell(t.Context(), uuid.Must(uuid.NewV7()), "nobody", json.RawMessage(`{}`))
	require.NoError(t, err)
	outage()
	ctx, cancel := context.WithCancel(t.Context())
	var kept sync.WaitGroup
	kept.Go(func() {
		(&Worker{cfg: Config{Store: s, Hooks: early, Logger: slog.New(slog.DiscardHandler)}}).keepHooks(ctx)
	})
	require.Eventually(t, func() bool {
		var swept bool // giving up what is for nobody is the last of it
		require.NoError(t, s.Pool.QueryRow(t.Context(), `select status = 'dead' from outbox where destination = 'webhook:nobody'`).Scan(&swept))
		return swept
	}, 20*time.Second, 10*time.Millisecond)
	cancel()
	kept.Wait()
	require.NoError(t, sweepHooks(t.Context(), s, late, false))
	require.Equal(t, "early:{contact.created}:pending late:{contact.created}:pending", state())

	outage()
	require.NoError(t, sweepHooks(t.Context(), s, early, true))
	require.Equal(t, "early:{contact.created}:pending", state())
	_, err = s.Pool.Exec(t.Context(), `update destinations set events = '{contact.erased}'`)
	require.NoError(t, err)
	require.NoError(t, errors.Join(sweepHooks(t.Context(), s, late, true), sweepHooks(t.Context(), s, early, true)))
	require.Equal(t, "early:{contact.erased}:pending late:{contact.created}:dead", state())
}

// P-19: a target that is not public is refused when it is registered, and by its address
// when it is called, whatever its name said before.
func TestATargetIsPublic(t *testing.T) {
	t.Parallel()
	target := func(address string, policy outbound.Policy, secrets ...string) error {
		_, err := hook.New(t.Context(), hook.Config{URL: address, Secrets: secrets, Policy: policy})
		return err
	}
	for _, address := range []string{
		"https://127.0.0.1/", "https://2130706433/", "https://0177.0.0.1/", "https://0x7f.1/", "https://[::ffff:10.0.0.1]/", "https://[::1]/", "https://169.254.169.254/latest", "https://10.0.0.1/",
		"https://[fd00::1]/", "https://[64:ff9b::7f00:1]/", "http://93.184.216.34/", "ftp://93.184.216.34/", "https://u:p@93.184.216.34/", "https://localhost/", "",
	} {
		require.Error(t, target(address, outbound.Policy{}, hookSecret), address)
	}
	require.NoError(t, target("https://93.184.216.34/in", outbound.Policy{}, hookSecret))
	require.NoError(t, target("https://10.0.0.1/in", outbound.Policy{AllowPrivate: true}, hookSecret))
	require.Error(t, target("https://93.184.216.34/in", outbound.Policy{}), "P-16: no secret")
	require.Error(t, target("https://93.184.216.34/in", outbound.Policy{}, "short"))
}
