package courier_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/alert"
	"github.com/hogsend/hogsend/internal/alert/courier"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/outbound"
	"github.com/hogsend/hogsend/internal/seal"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/webhook"
)

const secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

// provider notes what it is given.
type provider struct {
	mu    sync.Mutex
	mails []email.Message
	fails error
}

func (p *provider) Send(_ context.Context, m email.Message) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mails = append(p.mails, m)
	return "id", p.fails
}

func (*provider) KeyLifetime() time.Duration { return email.KeysForever }

// call is one request that an endpoint got.
type call struct {
	header http.Header
	body   string
}

type bundle struct {
	t       *testing.T
	store   *store.Store
	mails   *provider
	courier *courier.Courier
	url     string // of an endpoint
	mu      sync.Mutex
	calls   []call
	answers int
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{t: t, store: dbtest.DB(t), mails: &provider{}, answers: http.StatusOK}
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.calls = append(b.calls, call{r.Header, string(body)})
		w.Header().Set("Location", "https://example.com/")
		w.WriteHeader(b.answers)
	}))
	t.Cleanup(endpoint.Close)
	b.url = endpoint.URL + "/hook?token=hidden"
	keys, err := seal.New("alert channel", strings.Repeat("s", 32), nil)
	require.NoError(t, err)
	b.courier = courier.New(courier.Courier{Store: b.store, Keys: keys, Provider: b.mails, From: "Ops <ops@example.com>", Policy: outbound.Policy{Development: true}})
	return b
}

// rule makes a rule that fires when there is a dead letter.
func (b *bundle) rule(channel alert.Channel, config string) uuid.UUID {
	b.t.Helper()
	var given map[string]json.RawMessage
	require.NoError(b.t, json.Unmarshal([]byte(config), &given))
	sealed, shown, err := b.courier.Configure(b.t.Context(), channel, given, "")
	require.NoError(b.t, err)
	id := uuid.New()
	require.NoError(b.t, b.store.AlertRuleInsert(b.t.Context(), storedb.AlertRuleInsertParams{
		ID: id, Name: "Letters <&>", Type: string(alert.Letters), Threshold: json.RawMessage(`{"count":1,"windowMinutes":60}`), Channel: string(channel),
		Config: sealed, Shown: shown, Enabled: true, CooldownMinutes: 60, Now: time.Now(),
	}))
	return id
}

func (b *bundle) letter() {
	b.exec(`insert into dead_letters (id, source, payload, error, created_at, updated_at) values (gen_random_uuid(), 'x', '{}', 'x', now(), now())`)
}

func (b *bundle) exec(sql string, args ...any) {
	b.t.Helper()
	_, err := b.store.Pool.Exec(b.t.Context(), sql, args...)
	require.NoError(b.t, err)
}

func (b *bundle) texts(sql string) []string {
	b.t.Helper()
	rows, _ := b.store.Pool.Query(b.t.Context(), sql) // the error is in rows
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(b.t, err)
	return out
}

func (b *bundle) evaluate() []uuid.UUID {
	b.t.Helper()
	pending, err := alert.Evaluate(b.t.Context(), b.store)
	require.NoError(b.t, err)
	return pending
}

// O-13, O-15: however many processes evaluate, a rule fires once; what died before its
// delivery is delivered later, and nothing fires meanwhile or within the cooldown.
func TestARuleFiresOnceInACooldown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.rule(alert.Webhook, `{"url":"`+b.url+`"}`)
	require.Empty(t, b.evaluate(), "nothing is wrong")
	b.letter()
	var processes sync.WaitGroup
	for range 8 {
		processes.Go(func() {
			if _, err := alert.Evaluate(t.Context(), b.store); err != nil {
				t.Errorf("evaluate: %v", err)
			}
		})
	}
	processes.Wait()
	pending := b.evaluate()
	require.Len(t, pending, 1)
	require.Equal(t, pending, b.evaluate(), "whoever was to deliver it died: it is still to be")

	require.NoError(t, b.courier.Deliver(t.Context(), pending[0]))
	require.NoError(t, b.courier.Deliver(t.Context(), pending[0]), "and not again")
	require.Len(t, b.calls, 1)
	require.Equal(t, []string{"delivered"}, b.texts(`select status from alert_history`))
	require.Empty(t, b.evaluate(), "it cools")
	b.exec(`update alert_rules set last_fired_at = last_fired_at - interval '60 minutes'`)
	require.Len(t, b.evaluate(), 1)
	b.exec(`delete from alert_rules`)
	require.Empty(t, b.texts(`select id::text from alert_history`), "its history goes with it")
}

// O-15: a delivery that fails is history and mutes nothing.
func TestAFailedDeliveryMutesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.rule(alert.Webhook, `{"url":"`+b.url+`"}`)
	b.letter()
	pending := b.evaluate()
	for _, answer := range []int{500, 404, 302} {
		b.answers = answer
		require.ErrorContains(t, b.courier.Deliver(t.Context(), pending[0]), "answered")
	}
	require.NoError(t, b.courier.Settle(t.Context(), pending[0], errors.New("answered 500")))
	require.NoError(t, b.courier.Settle(t.Context(), pending[0], nil), "the first outcome stands")
	require.Equal(t, []string{"failed answered 500"}, b.texts(`select status || ' ' || error from alert_history`))
	require.Equal(t, []string{"true"}, b.texts(`select (last_fired_at is null)::text from alert_rules`))
	require.Len(t, b.evaluate(), 1, "the next minute fires again")
}

// O-16: what each channel says. Slack's markup is escaped, webhooks are signed, a mail
// has one key for all attempts, and no error tells a secret address.
func TestChannels(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.rule(alert.Webhook, `{"url":"`+b.url+`","secret":"`+secret+`"}`)
	b.rule(alert.Slack, `{"webhookUrl":"`+b.url+`"}`)
	b.rule(alert.Email, `{"to":" Ada@Example.com "}`)
	b.letter()
	pending := b.evaluate()
	require.Len(t, pending, 3)
	for range 2 {
		for _, id := range pending {
			require.NoError(t, b.courier.Deliver(t.Context(), id))
		}
		b.exec(`update alert_history set status = 'pending'`) // as if it had died before it noted that
	}
	require.Len(t, b.calls, 4)
	require.Len(t, b.mails.mails, 2)
	require.Equal(t, b.mails.mails[0], b.mails.mails[1])
	m := b.mails.mails[0]
	require.Equal(t, "Ada@Example.com", m.To)
	require.Equal(t, "[Hogsend Alert] Letters <&>", m.Subject)
	require.Contains(t, m.Text, "1 dead letters came in the last 60 min")
	require.Contains(t, m.HTML, "Letters &lt;&amp;&gt;")

	ids := map[string]int{}
	for _, c := range b.calls {
		ids[c.header.Get("Webhook-Id")]++
		if strings.Contains(c.body, `"text"`) {
			require.JSONEq(t, `{"text":"*Letters &lt;&amp;&gt;*: 1 dead letters came in the last 60 min"}`, c.body)
			continue
		}
		var f alert.Firing
		require.NoError(t, json.Unmarshal([]byte(c.body), &f))
		require.Equal(t, "Letters <&>", f.Rule)
		require.Equal(t, alert.Letters, f.Type)
		require.Equal(t, 60, *f.Window)
		require.InDelta(t, 1, f.Value, 0)
		require.InDelta(t, 1, f.Threshold, 0)
		verifier, err := webhook.NewVerifier([]string{secret})
		require.NoError(t, err)
		header := func(name string) string { return c.header.Get(strings.Replace(name, "svix-", "webhook-", 1)) }
		_, err = verifier.Verify(header, []byte(c.body), time.Now())
		require.NoError(t, err)
	}
	require.Len(t, ids, 2, "one id for all attempts")
	for _, n := range ids {
		require.Equal(t, 2, n)
	}
	require.Equal(t, []string{"0"}, b.texts(`select count(*)::text from alert_rules where config like '%whsec%' or config like '%hidden%' or shown::text like '%MDEy%'`), "secrets are sealed and masked")

	gone := courier.New(courier.Courier{Store: b.store, Keys: b.courier.Keys, Provider: b.mails, Policy: outbound.Policy{}})
	for _, id := range pending {
		if err := gone.Deliver(t.Context(), id); err != nil {
			require.NotContains(t, err.Error(), "hidden")
		}
	}
}

// P-19, O-16: where a channel leads is checked, and a masked secret stays what it was.
func TestConfigure(t *testing.T) {
	t.Parallel()
	b := setup(t)
	public := courier.New(courier.Courier{Keys: b.courier.Keys})
	try := func(c alert.Channel, config, before string) (string, string, error) {
		var given map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(config), &given))
		sealed, shown, err := public.Configure(t.Context(), c, given, before)
		return sealed, string(shown), err
	}
	for config, channel := range map[string]alert.Channel{
		`{}`: alert.Webhook, `{"url":"https://10.0.0.1/"}`: alert.Webhook, `{"url":"http://8.8.8.8/"}`: alert.Webhook, `{"url":7}`: alert.Webhook,
		`{"url":"https://8.8.8.8/","secret":"short"}`: alert.Webhook, `{"url":"https://8.8.8.8/","secret":"whsec_MTIz"}`: alert.Webhook,
		`{"webhookUrl":"https://169.254.169.254/"}`: alert.Slack, `{"url":"https://8.8.8.8/"}`: alert.Slack, `{"to":"nobody"}`: alert.Email, `{"to":["a@x.io"]}`: alert.Email,
	} {
		_, _, err := try(channel, config, "")
		require.ErrorContains(t, err, "channelConfig.", config)
	}
	sealed, shown, err := try(alert.Webhook, `{"url":"https://8.8.8.8/","secret":"`+secret+`"}`, "")
	require.NoError(t, err)
	require.JSONEq(t, `{"url":"https://8.8.8.8/","secret":"****ZWY="}`, shown)
	again, shown, err := try(alert.Webhook, `{"url":"https://8.8.4.4/","secret":"****ZWY="}`, sealed)
	require.NoError(t, err)
	require.JSONEq(t, `{"url":"https://8.8.4.4/","secret":"****ZWY="}`, shown)
	plain, err := b.courier.Keys.Open(again)
	require.NoError(t, err)
	require.Contains(t, string(plain), secret)

	other, err := seal.New("alert channel", strings.Repeat("o", 32), nil)
	require.NoError(t, err)
	lost := other.Seal([]byte(`{"url":"https://8.8.4.4/","secret":"` + secret + `"}`))
	_, _, err = try(alert.Webhook, `{"url":"https://8.8.4.4/","secret":"****ZWY="}`, lost)
	require.ErrorContains(t, err, "channelConfig.secret", "what cannot be opened cannot stay")
	_, shown, err = try(alert.Webhook, `{"url":"https://8.8.4.4/","secret":"`+secret+`"}`, lost)
	require.NoError(t, err, "but be given anew")
	require.JSONEq(t, `{"url":"https://8.8.4.4/","secret":"****ZWY="}`, shown)
}
