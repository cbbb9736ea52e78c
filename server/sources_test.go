package server

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/inbox"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/internal/webhook"
)

const crmSecret, hookKey = "a shared secret of the CRM", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// hub is a server with sources; transform is that of the source crm, which a test changes.
type hub struct {
	*bundle
	transform atomic.Pointer[func(hogsend.Incoming) (*hogsend.SourceEvent, error)]
}

// plainCRM is what is made of messages unless a test says otherwise.
func plainCRM(in hogsend.Incoming) (*hogsend.SourceEvent, error) {
	var m struct {
		Event, User, Email, Anonymous, Key string
		Properties, Contact                map[string]any
	}
	if err := in.Decode(&m); err != nil || m.Event == "" {
		return nil, err
	}
	return &hogsend.SourceEvent{Name: m.Event, UserID: m.User, Email: m.Email, AnonymousID: m.Anonymous, Properties: m.Properties, ContactProperties: m.Contact, IdempotencyKey: m.Key}, nil
}

func newHub(t *testing.T, sources ...hogsend.Source) *hub {
	t.Helper()
	h := &hub{}
	h.mended()
	call := func(in hogsend.Incoming) (*hogsend.SourceEvent, error) { return (*h.transform.Load())(in) }
	sources = append(sources,
		hogsend.Source{ID: "crm", Auth: hogsend.SourceAuth{Type: hogsend.SharedSecret}, Transform: call},
		hogsend.Source{ID: "signed", Auth: hogsend.SourceAuth{Type: hogsend.StandardWebhooks}, Transform: call},
		hogsend.Source{ID: "unset", Auth: hogsend.SourceAuth{Type: hogsend.SharedSecret, SecretEnv: "UNSET_SECRET"}, Transform: call},
	)
	h.bundle = setup(t, func(c *Config) {
		c.Registry.Sources, c.Sources = sources, map[string]webhook.Check{}
		for _, s := range sources {
			secret := crmSecret
			if s.Auth.Type == hogsend.StandardWebhooks {
				secret = hookKey
			}
			if s.ID == "unset" {
				continue
			}
			check, err := webhook.NewCheck(s.Auth, []string{secret})
			require.NoError(t, err)
			c.Sources[s.ID] = check
		}
	})
	return h
}

func (h *hub) becomes(f func(hogsend.Incoming) (*hogsend.SourceEvent, error)) { h.transform.Store(&f) }

func (h *hub) mended() { h.becomes(plainCRM) }

// post is a message to the source crm with its secret.
func (h *hub) post(body string, headers ...string) answer {
	all := map[string]string{"X-Webhook-Secret": crmSecret}
	for i := 0; i+1 < len(headers); i += 2 {
		all[headers[i]] = headers[i+1]
	}
	return h.do(call{method: "POST", url: "/v1/webhooks/crm", body: body, headers: all})
}

// signed is a message to the source signed with its signature.
func (h *hub) signed(id, body string) answer {
	stamp := strconv.FormatInt(h.clock().Unix(), 10)
	key, err := webhook.Key(hookKey)
	require.NoError(h.t, err)
	return h.do(call{method: "POST", url: "/v1/webhooks/signed", body: body, headers: map[string]string{
		"webhook-id": id, "webhook-timestamp": stamp, "webhook-signature": webhook.Sign(key, id, stamp, []byte(body)),
	}})
}

// message is one of the source signed, as it is when it is verified.
func (*hub) message(id string) inbox.Message {
	return inbox.Message{Source: "signed", ID: id, Body: []byte(ready), Headers: map[string]string{}}
}

func (h *hub) exec(sql string, args ...any) {
	h.t.Helper()
	_, err := h.store.Pool.Exec(h.t.Context(), sql, args...)
	require.NoError(h.t, err)
}

// repeat lets time pass and makes our own attempts that are due.
func (h *hub) repeat(after time.Duration) int {
	h.advance(after)
	n, err := h.server.inbox.Repeat(h.t.Context())
	require.NoError(h.t, err)
	return n
}

const (
	kept    = `select source || ' ' || attempts || ' ' || (due_at is not null) from inbox order by source, received_at`
	stored  = `select name || ' ' || source from events order by received_at, id`
	letters = `select source || ' ' || status || ' ' || retry_count from dead_letters order by source`
	ready   = `{"event":"deal.won","user":"ada"}`
)

// R-30, P-4 to P-6: from the message to the event and the journey, with what is wrong and
// what is left out.
func TestAWebhookBecomesAnEvent(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	secret := map[string]string{"X-Webhook-Secret": crmSecret}
	post := func(body string) call {
		return call{method: "POST", url: "/v1/webhooks/crm", body: body, headers: secret}
	}
	invalid := func(path, message string) string {
		return `{"error":"Invalid payload","details":[{"path":"` + path + `","message":"` + message + `"}]}`
	}
	h.play([]scenario{
		{"stored", post(`{"event":"deal.won","user":"ada","contact":{"plan":"pro"},"properties":{"amount":1234567890123456789}}`), 200, `{"ok":true,"event":"deal.won","userId":"ada","stored":true,"exits":[]}`, stored, []string{"deal.won crm"}},
		{"exact", call{method: "GET", url: "/v1/admin/events?limit=1", key: adminKey}, 200, "", `select properties::text || (select properties::text from contacts) from events`, []string{`{"amount": 1234567890123456789}{"plan": "pro"}`}},
		{"by a Bearer", call{method: "POST", url: "/v1/webhooks/crm", key: crmSecret, body: `{"event":"deal.lost","user":"ada"}`}, 200, `{"ok":true,"event":"deal.lost","userId":"ada","stored":true,"exits":[]}`, "", nil},
		{"skipped", post(`{}`), 200, `{"ok":true,"skipped":true}`, kept, []string{}},
		{"triggers", post(`{"event":"trial.started","user":"ada","properties":{"plan":"pro"}}`), 200, "", `select journey_id from enrollments`, []string{"trial-nudge"}},
		{"unknown source", call{method: "POST", url: "/v1/webhooks/none", body: `{}`, headers: secret}, 404, `{"error":"Unknown webhook source"}`, "", nil},
		{"another method", call{method: "GET", url: "/v1/webhooks/crm"}, 405, "", "", nil},
		{"no secret configured", call{method: "POST", url: "/v1/webhooks/unset", body: `{`, headers: secret}, 503, `{"error":"Webhook source not configured"}`, "", nil},
		{"no credential", call{method: "POST", url: "/v1/webhooks/crm", body: ready}, 401, `{"error":"Webhook verification failed"}`, "", nil},
		{"a key of ours is none of theirs", call{method: "POST", url: "/v1/webhooks/crm", body: ready, key: adminKey}, 401, "", "", nil},
		{"no JSON", post(`{"event"`), 400, invalid("", "must be JSON"), kept, []string{}},
		{"too large", post(`{"x":"` + strings.Repeat("x", 1<<20) + `"}`), 413, `{"error":"Request body too large"}`, kept, []string{}},
		{"size comes before the credential", call{method: "POST", url: "/v1/webhooks/crm", body: strings.Repeat("x", 1<<20+1)}, 413, "", "", nil},
		{"too deep", post(strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)), 400, invalid("", "must be JSON"), kept, []string{}},
		{"gzip", call{method: "POST", url: "/v1/webhooks/crm", body: "\x1f\x8b\x08", headers: map[string]string{"X-Webhook-Secret": crmSecret, "Content-Encoding": "gzip"}}, 415, "", kept, []string{}},
		{"any content type", call{method: "POST", url: "/v1/webhooks/crm", body: ready, headers: map[string]string{"X-Webhook-Secret": crmSecret, "Content-Type": "text/plain"}}, 200, "", kept, []string{}},
		{"a mark", post("\ufeff{}"), 200, `{"ok":true,"skipped":true}`, kept, []string{}},
		{"warned", post(`{"event":"deal.won","user":"bob","email":"nonsense"}`), 200, `{"ok":true,"event":"deal.won","userId":"bob","stored":true,"exits":[],"warnings":[{"path":"email","code":"email_ignored","message":"is left out: it must be an e-mail address"}]}`, "", nil},
		{"reserved", post(`{"event":"journey:completed","user":"ada"}`), 400, invalid("name", "Reserved event name"), "", nil},
		{"nobody", post(`{"event":"deal.won"}`), 400, "", "", nil},
		{"junk", post(`{"event":"deal.won","user":"undefined"}`), 400, "", letters, []string{"webhook.crm pending 0", "webhook.crm pending 0", "webhook.crm pending 0"}},
	})
	require.NotContains(t, h.logs.String(), crmSecret)
	require.Empty(t, h.rows(`select headers::text from inbox where headers::text like '%secret%'`))
}

// P-6, I-36: a message with an id is one event, however often and at once it comes; with a
// key of its own, over several messages.
func TestAWebhookIsOneEvent(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	var all sync.WaitGroup
	var first atomic.Int32
	for range 8 {
		all.Go(func() {
			a := h.signed("msg_1", ready)
			require.Equal(t, 200, a.status, a.body)
			if strings.Contains(a.body, `"stored":true`) {
				first.Add(1)
			}
		})
	}
	all.Wait()
	require.Equal(t, int32(1), first.Load())
	require.Contains(t, h.signed("msg_1", `{"event":"deal.won","user":"eve"}`).body, `"stored":false`)
	require.Contains(t, h.signed("msg_2", ready).body, `"stored":true`)
	require.Equal(t, []string{"webhook:signed:msg_1", "webhook:signed:msg_2"}, h.rows(`select key from event_keys order by 1`))
	require.Contains(t, h.signed("msg_3", `{"event":"deal.won","user":"ada","key":"k"}`).body, `"stored":true`)
	require.Contains(t, h.signed("msg_4", `{"event":"deal.won","user":"ada","key":"k"}`).body, `"stored":false`)
	for range 2 { // without an id, the same bytes twice are two events
		require.Contains(t, h.post(ready).body, `"stored":true`)
	}
	require.Empty(t, h.rows(kept), "of what is applied nothing is kept")
}

// P-7: what cannot be applied is stored, tried again after 1 min, 5 min, 30 min, 2 h and 6 h
// and then waits for a person; once the code is mended, its retry makes the event, once.
func TestAVerifiedWebhookIsNeverLost(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.becomes(func(hogsend.Incoming) (*hogsend.SourceEvent, error) { panic("no such field") })
	a := h.post(ready)
	require.Equal(t, 500, a.status)
	require.JSONEq(t, `{"error":"Internal Server Error"}`, a.plain(t))
	require.Equal(t, []string{"crm 0 true"}, h.rows(kept))
	require.Equal(t, 500, h.post(ready).status, "the sender repeats it")
	require.Equal(t, []string{"crm 0 true"}, h.rows(kept), "and it is the same message")
	h.becomes(func(hogsend.Incoming) (*hogsend.SourceEvent, error) { return nil, errors.New("no such user") })
	require.Zero(t, h.repeat(59*time.Second))
	for i, after := range []time.Duration{time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour} {
		require.Empty(t, h.rows(letters))
		require.Equal(t, 1, h.repeat(after), i)
		require.Zero(t, h.repeat(time.Second), "not sooner")
	}
	require.Equal(t, []string{"webhook.crm pending 0"}, h.rows(letters))
	require.Equal(t, []string{`transform: no such user {"user": "ada", "event": "deal.won"}`}, h.rows(`select error || ' ' || payload::text from dead_letters`))
	require.Zero(t, h.repeat(24*time.Hour), "a person decides")

	id := h.rows(`select id::text from dead_letters`)[0]
	retry := call{method: "POST", url: "/v1/admin/dlq/" + id + "/retry", key: adminKey, body: `{}`}
	require.Equal(t, 202, h.do(retry).status)
	require.Equal(t, 409, h.do(retry).status)
	h.exec(`update inbox set due_at = $1`, h.clock()) // the clock of the test, not the database's
	for _, after := range []time.Duration{0, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour} {
		require.Equal(t, 1, h.repeat(after))
	}
	require.Equal(t, []string{"webhook.crm pending 1"}, h.rows(letters), "exhausted once more")
	h.mended()
	require.Equal(t, 202, h.do(retry).status)
	h.exec(`update inbox set due_at = $1`, h.clock())
	require.Equal(t, 1, h.repeat(0))
	require.Equal(t, []string{"webhook.crm retried 1"}, h.rows(letters))
	require.Equal(t, []string{"deal.won crm"}, h.rows(stored))
	require.Empty(t, h.rows(kept))
	require.Equal(t, 409, h.do(retry).status)
}

// P-7: an attempt that takes all of its time, and more, is one like any other: its error is noted, and
// the pauses after it are the usual ones.
func TestASlowAttemptIsNoted(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.server.inbox.AttemptTime = 10 * time.Millisecond
	over := make(chan struct{})
	defer close(over)
	h.becomes(func(hogsend.Incoming) (*hogsend.SourceEvent, error) {
		<-over          // it knows of no deadline
		return nil, nil //nolint:nilnil // it leaves the message out
	})
	require.Equal(t, 503, h.post(ready).status)
	require.Equal(t, []string{"the attempt takes too long: context deadline exceeded"}, h.rows(`select last_error from inbox`))
	require.Equal(t, 1, h.repeat(time.Minute))
	require.Equal(t, 1, h.repeat(5*time.Minute))
	require.Zero(t, h.repeat(29*time.Minute), "not when its claim is over")
	require.Equal(t, 1, h.repeat(time.Minute))
	require.Equal(t, 1, h.repeat(2*time.Hour))
	require.Equal(t, 1, h.repeat(6*time.Hour))
	require.Equal(t, []string{"webhook.crm pending 0"}, h.rows(letters))
	require.Equal(t, []string{"crm 0 false"}, h.rows(kept))
}

// P-5, P-7: what breaks the rules is told to the sender and kept for a person; the sender's
// own repeat, after the code is mended, needs nobody any more.
func TestAnInvalidWebhookWaitsForAPerson(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.becomes(func(hogsend.Incoming) (*hogsend.SourceEvent, error) {
		return &hogsend.SourceEvent{Name: "deal.won"}, nil
	})
	for range 2 {
		require.Equal(t, 400, h.signed("msg_1", ready).status)
		require.Equal(t, []string{"webhook.signed pending 0"}, h.rows(letters))
	}
	h.mended()
	require.Contains(t, h.signed("msg_1", ready).body, `"stored":true`)
	require.Equal(t, []string{"webhook.signed retried 0"}, h.rows(letters))

	odd := `{"event":"","text":"\u0000\ud800","n":1e999999,"deep":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`
	h.becomes(func(hogsend.Incoming) (*hogsend.SourceEvent, error) { return &hogsend.SourceEvent{}, nil })
	for _, body := range []string{odd, `"text"`, `[1]`, "\"\xff\""} {
		require.Equal(t, 400, h.post(body).status, "%.9q", body)
	}
	require.Len(t, h.rows(letters), 5, "whatever Postgres would not take as JSON")
}

// O-18: dead letters of webhooks and of reports are tried again like others;
// one of which nothing is kept says so.
func TestLettersOfWebhooks(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.becomes(func(hogsend.Incoming) (*hogsend.SourceEvent, error) { return &hogsend.SourceEvent{}, nil })
	require.Equal(t, 400, h.signed("one", ready).status)
	require.Equal(t, 400, h.signed("two", ready).status)
	h.mended()
	h.exec(`insert into dead_letters (id, source, source_id, payload, error, created_at, updated_at) values
		(gen_random_uuid(), 'webhook.gone', 'm', '{}', 'no', now(), now()), (gen_random_uuid(), 'webhook.none', null, '{}', 'no', now(), now()),
		(gen_random_uuid(), 'outbox.start', gen_random_uuid()::text, '{}', 'no', now(), now())`)
	for _, source := range []string{"webhook.gone", "webhook.none", "outbox.start"} {
		id := h.rows(`select id::text from dead_letters where source = $1`, source)[0]
		a := h.do(call{method: "POST", url: "/v1/admin/dlq/" + id + "/retry", key: adminKey, body: `{}`})
		require.Equal(t, 409, a.status)
		require.JSONEq(t, `{"error":"What the entry is about is not kept any more; it can only be discarded"}`, a.plain(t), source)
	}
	letter := h.rows(`select id::text from dead_letters where source_id = 'two'`)[0]
	require.Equal(t, 200, h.do(call{method: "DELETE", url: "/v1/admin/dlq/" + letter, key: adminKey}).status)
	require.Equal(t, []string{"signed 0 false"}, h.rows(kept), "what is discarded is gone")
	a := h.do(call{method: "POST", url: "/v1/admin/dlq/retry", key: adminKey, body: `{"source":"webhook.signed"}`})
	require.JSONEq(t, `{"retried":1,"skipped":0}`, a.body)
	h.exec(`update inbox set due_at = $1`, h.clock())
	require.Equal(t, 1, h.repeat(0))
	require.Equal(t, []string{"deal.won signed"}, h.rows(stored))
}

// P-7, E-62: a report of Resend that cannot be applied is applied later, once.
func TestAReportIsNeverLost(t *testing.T) {
	t.Parallel()
	o := newPostOffice(t)
	o.exec(`alter table preferences rename to away`)
	require.Equal(t, 500, o.report("m1", resend("bounced", hard, o.clock())).status)
	require.Equal(t, []string{"resend 0 true"}, o.rows(kept))
	o.exec(`alter table away rename to preferences`)
	o.advance(time.Minute)
	n, err := o.server.inbox.Repeat(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, "t bounce 1", o.suppression())
	require.Empty(t, o.rows(kept))
	require.Equal(t, 200, o.report("m1", resend("bounced", hard, o.clock())).status)
	require.Equal(t, "t bounce 1", o.suppression())
}

// P-7: a process may die after each step; another goes on, and two at once have one effect.
func TestARequestThatDiesLosesNoWebhook(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	ctx, cancel := context.WithCancel(t.Context())
	h.becomes(func(in hogsend.Incoming) (*hogsend.SourceEvent, error) {
		cancel() // the sender hangs up: what is verified is settled all the same
		return plainCRM(in)
	})
	m := h.message("m1")
	_, err := h.server.inbox.Take(ctx, m)
	require.NoError(t, err)
	require.Equal(t, []string{"deal.won signed"}, h.rows(stored))

	h.mended()
	for _, died := range []string{"before it was applied", "after it was applied"} {
		if died == "after it was applied" {
			require.Equal(t, 200, h.signed(died, ready).status)
		}
		h.exec(`insert into inbox (id, source, message_id, body, received_at, attempts, due_at) values (gen_random_uuid(), 'signed', $1, $2, $3, 5, $3)`, died, []byte(ready), h.clock())
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				_, err := h.server.inbox.Repeat(t.Context())
				require.NoError(t, err)
			})
		}
		all.Wait()
		require.Len(t, h.rows(`select 'x' from dead_letters where source_id = $1`, died), 1, "its last attempt ended the process")
		h.exec(`update inbox set attempts = 1, due_at = $1 where message_id = $2`, h.clock(), died)
		require.Equal(t, 1, h.repeat(0))
		require.Len(t, h.rows(`select key from event_keys where key = 'webhook:signed:' || $1`, died), 1)
	}
	require.Empty(t, h.rows(kept))
	require.Len(t, h.rows(stored), 3)
}

// I-51, P-7: an erasure takes what is stored of somebody and not applied yet, and nothing of
// somebody else's.
func TestAnErasureTakesWebhooks(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	require.Equal(t, 200, h.post(`{"event":"a","user":"ada-42","email":"jürgen.ada@example.com"}`).status)
	h.becomes(func(in hogsend.Incoming) (*hogsend.SourceEvent, error) { return &hogsend.SourceEvent{}, nil })
	for i, body := range []string{`{"to":["Jürgen.Ada@Example.com"]}`, `{"id":"ada-42"}`, `{"id":"ada-421"}`, `{"to":["bob@example.com"],"path":"a\\b\u0000"}`} {
		require.Equal(t, 400, h.signed(fmt.Sprint(i), body).status)
	}
	require.Equal(t, 200, h.do(call{method: "DELETE", url: "/v1/admin/contacts/ada-42/erase", key: adminKey}).status)
	require.Equal(t, []string{"2", "3"}, h.rows(`select message_id from inbox order by 1`))
	require.Equal(t, []string{"2", "3"}, h.rows(`select source_id from dead_letters order by 1`))
}

// P-2: a source without a secret is told where people look.
func TestASourceWithoutASecretIsTold(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	require.Contains(t, h.do(call{method: "GET", url: "/v1/health"}).body, `"webhooks":{"withoutSecret":1}`)
	words := h.open("/studio/", h.user(users.Admin)).words(t)
	require.Contains(t, words, "Webhooks are refused, and what they tell is not heard of, for want of UNSET_SECRET.")
	require.Contains(t, setup(t).do(call{method: "GET", url: "/v1/health"}).body, `"webhooks":{"withoutSecret":0}`)
}
