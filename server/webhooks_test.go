package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/webhook"
)

const resendSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// post office: an office whose provider reports, with one send to Ada.
func newPostOffice(t *testing.T) *office {
	t.Helper()
	o := newOffice(t)
	var err error
	o.server.cfg.Resend, err = webhook.NewVerifier([]string{resendSecret})
	require.NoError(t, err)
	o.exec(`insert into sends (id, key, contact_id, template_key, category, status, to_email, provider_id, claimed_at, sent_at, created_at, updated_at)
		select '9a1e6c34-0c57-4b0f-93a6-5b6e8d7f0a12', 'k', id, 'welcome', 'journey', 'sent', 'ada@example.com', 're_1', now(), now(), now(), now() from contacts`)
	return o
}

func (o *office) exec(sql string, args ...any) {
	o.t.Helper()
	_, err := o.store.Pool.Exec(o.t.Context(), sql, args...)
	require.NoError(o.t, err)
}

// report posts a message as Resend does.
func (o *office) report(id, body string, change ...string) answer {
	stamp := strconv.FormatInt(o.clock().Unix(), 10)
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(resendSecret, "whsec_"))
	require.NoError(o.t, err)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "." + body))
	headers := map[string]string{"svix-id": id, "svix-timestamp": stamp, "svix-signature": "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))}
	for i := 0; i+1 < len(change); i += 2 {
		headers[change[i]] = change[i+1]
	}
	return o.do(call{method: "POST", url: "/v1/webhooks/resend", body: body, headers: headers})
}

// resend is a message about the send.
func resend(kind, extra string, at time.Time) string {
	return fmt.Sprintf(`{"type":"email.%s","created_at":"%s","data":{"email_id":"re_1","to":["ada@example.com"],"tags":{"hogsend_send":"9a1e6c34-0c57-4b0f-93a6-5b6e8d7f0a12"}%s}}`, kind, at.UTC().Format(time.RFC3339Nano), extra)
}

const (
	hard = `,"bounce":{"type":"Permanent","subType":"General","message":"no such user"}`
	soft = `,"bounce":{"type":"Transient","message":"mailbox full"}`
)

// send is the status of the send with its times, in words.
func (o *office) send() string {
	o.t.Helper()
	return o.rows(`select concat_ws(' ', status, reason, bounce_type, bounce_reason, case when delivered_at is not null then 'delivered' end, case when bounced_at is not null then 'bounced' end,
		case when complained_at is not null then 'complained' end) from sends`)[0]
}

func (o *office) suppression() string {
	o.t.Helper()
	return o.rows(`select concat_ws(' ', suppressed, suppression_reason, bounce_count) from preferences where email_key = 'ada@example.com'`)[0]
}

func (o *office) heard() []string {
	rows := o.rows(`select name || ' ' || coalesce(properties->>'bounceType', '') from events where name like 'email.%' order by received_at, id`)
	return append([]string(nil), rows...)
}

// E-64: what each report does to the send, to the address, and who hears of it.
func TestReportsOfTheProvider(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind, extra, send, suppression string
		heard                          []string
	}{
		"delivered":               {"delivered", "", "delivered delivered", "f 0", nil},
		"delayed":                 {"delivery_delayed", "", "sent", "f 0", nil},
		"sent":                    {"sent", "", "sent", "f 0", nil},
		"a hard bounce":           {"bounced", hard, "bounced hard no such user bounced", "t bounce 1", []string{"email.bounced hard"}},
		"a soft bounce":           {"bounced", soft, "bounced soft mailbox full bounced", "f 1", []string{"email.bounced soft"}},
		"a bounce of no type":     {"bounced", "", "bounced soft bounced", "f 1", []string{"email.bounced soft"}},
		"refused by the provider": {"suppressed", "", "bounced hard provider_suppressed bounced", "t bounce 1", []string{"email.bounced hard"}},
		"a complaint":             {"complained", "", "complained complained", "t complaint 0", []string{"email.complained "}},
		"failed":                  {"failed", `,"failed":{"reason":"domain gone"}`, "failed domain gone", "f 0", []string{"email.failed "}},
		"something new":           {"teleported", "", "sent", "f 0", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newPostOffice(t)
			for range 2 { // E-61: a message comes more than once
				a := o.report("msg_1", resend(test.kind, test.extra, o.clock()))
				require.Equal(t, 200, a.status, a.body)
				require.JSONEq(t, `{"ok":true}`, a.body)
				require.Equal(t, test.send, o.send())
				require.Equal(t, test.suppression, o.suppression())
				require.Equal(t, test.heard, o.heard())
			}
			o.report("msg_2", resend(test.kind, test.extra, o.clock())) // the same again, under another id
			require.Equal(t, test.suppression, o.suppression())
			require.Equal(t, test.heard, o.heard())
		})
	}
}

// E-43, E-44: whatever order reports come in, the status only moves up, and each time is
// the earliest that was told.
func TestReportsComeInAnyOrder(t *testing.T) {
	t.Parallel()
	o := newPostOffice(t)
	early, late := o.clock().Add(-time.Minute), o.clock()
	o.report("m1", resend("bounced", soft, late))
	require.Equal(t, "bounced soft mailbox full bounced", o.send())
	o.report("m2", resend("delivered", "", late))
	o.report("m3", resend("delivered", "", early))
	o.report("m4", resend("sent", "", late))
	require.Equal(t, "bounced soft mailbox full delivered bounced", o.send())
	require.Equal(t, []string{"t"}, o.rows(`select (delivered_at = $1)::text::char from sends`, early))
	o.report("m5", resend("complained", "", early))
	o.report("m6", resend("failed", "", late))
	require.Equal(t, "complained soft mailbox full delivered bounced complained", o.send())
}

// E-63: a report that overtakes our own note finds its send, and keeps the provider's id;
// one of a mail that is not ours tells of the address what is certain. Late proof moves a send whose outcome was unknown.
func TestReportsFindTheirSend(t *testing.T) {
	t.Parallel()
	o := newPostOffice(t)
	o.exec(`update sends set status = 'queued', provider_id = null, sent_at = null`)
	o.report("m1", resend("delivered", "", o.clock()))
	require.Equal(t, []string{"delivered re_1 t"}, o.rows(`select status || ' ' || provider_id || ' ' || (sent_at is not null)::text::char from sends`))
	o.exec(`update sends set status = 'failed', reason = 'unknown_outcome', delivered_at = null`)
	o.report("m2", resend("delivered", "", o.clock()))
	require.Equal(t, "delivered delivered", o.send())
	o.exec(`update sends set status = 'failed', reason = 'no such domain'`)
	o.report("m3", resend("delivered", "", o.clock()))
	require.Equal(t, "failed no such domain delivered", o.send())

	o = newPostOffice(t)
	other := func(kind, extra string) string {
		return strings.NewReplacer("re_1", "re_other", "9a1e6c34", "00000000").Replace(resend(kind, extra, o.clock()))
	}
	o.report("m1", other("bounced", soft))
	require.Equal(t, "f 0", o.suppression())
	o.report("m2", strings.Replace(other("bounced", hard), "ada@", `\ufeffADA@`, 1))
	require.Equal(t, "t bounce 1", o.suppression())
	o.report("m3", other("complained", ""))
	require.Equal(t, "t complaint 1", o.suppression())
	require.Equal(t, "sent", o.send())
	require.Empty(t, o.heard())
}

// E-64: the third soft bounce suppresses, of whatever mails; E-65: a stronger reason stays.
func TestTheThirdSoftBounceSuppresses(t *testing.T) {
	t.Parallel()
	o := newPostOffice(t)
	for i, want := range []string{"f 1", "f 2", "t bounce 3"} {
		o.exec(`update sends set bounced_at = null, status = 'sent', id = gen_random_uuid()`)
		o.report(fmt.Sprint("m", i), resend("bounced", soft, o.clock()))
		require.Equal(t, want, o.suppression())
	}
	o.report("complaint", resend("complained", "", o.clock()))
	require.Equal(t, "t complaint 3", o.suppression())
	a := o.do(call{method: "POST", url: "/v1/admin/suppressions", key: adminKey, body: `{"email":"ada@example.com","reason":"manual"}`})
	require.Equal(t, 200, a.status)
	require.Equal(t, "t complaint 3", o.suppression())
}

// E-61, E-62: of five deliveries at once one counts, and one is told.
func TestDeliveriesAtOnceCountOnce(t *testing.T) {
	t.Parallel()
	for _, id := range []func(i int) string{func(int) string { return "same" }, func(i int) string { return fmt.Sprint("m", i) }} {
		o := newPostOffice(t)
		var group sync.WaitGroup
		statuses := make([]int, 5)
		for i := range statuses {
			group.Go(func() { statuses[i] = o.report(id(i), resend("bounced", hard, o.clock())).status })
		}
		group.Wait()
		require.Equal(t, []int{200, 200, 200, 200, 200}, statuses)
		require.Equal(t, "t bounce 1", o.suppression())
		require.Equal(t, []string{"email.bounced hard"}, o.heard())
	}
}

// E-60, R-29: nothing is believed without a secret and a signature.
func TestReportsAreVerified(t *testing.T) {
	t.Parallel()
	o := newPostOffice(t)
	body := resend("complained", "", o.clock())
	for _, change := range [][]string{
		{"svix-id", "other"}, {"svix-id", ""}, {"svix-timestamp", "1"}, {"svix-timestamp", ""}, {"svix-signature", "v1,AAAA"}, {"svix-signature", ""},
	} {
		a := o.report("m1", body, change...)
		require.Equal(t, 401, a.status)
		require.JSONEq(t, `{"error":"Webhook verification failed"}`, a.plain(t))
	}
	require.Equal(t, 400, o.report("m1", `not json`).status)
	require.Equal(t, 413, o.report("m1", strings.Repeat(" ", 1<<20)+"{}").status)
	o.server.cfg.Resend = nil
	a := o.report("m1", body)
	require.Equal(t, 503, a.status)
	require.JSONEq(t, `{"error":"Webhook source not configured"}`, a.plain(t))
	require.Equal(t, "f 0", o.suppression())
	require.Equal(t, "sent", o.send())
}

// E-75: journeys hear of a bounce, at the provider's time.
func TestJourneysHearOfABounce(t *testing.T) {
	t.Parallel()
	o := newPostOffice(t)
	heard := hogsend.Journey{ID: "call-them", Name: "Call them", Trigger: hogsend.On("email.bounced").Where(hogsend.Prop("bounceType").Eq("hard")), EntryLimit: hogsend.Unlimited, Run: nothing}
	ingester := ingest.New(o.store, ingest.Config{Journeys: []hogsend.Journey{heard}})
	t.Cleanup(ingester.Close)
	o.server.cfg.Ingest = ingester
	o.server.inbox = NewInbox(o.server.cfg)
	at := o.clock().Add(-time.Minute)
	o.report("m1", resend("bounced", hard, at))
	require.Equal(t, []string{"call-them"}, o.rows(`select journey_id from enrollments`))
	require.Equal(t, []string{"t"}, o.rows(`select (occurred_at = $1)::text::char from events where name = 'email.bounced'`, at))
}

// E-66, E-67, R-97, R-99: the list of suppressions, and their end.
func TestSuppressionsAreListedAndLifted(t *testing.T) {
	t.Parallel()
	o := newPostOffice(t)
	list := func(query string) []string {
		a := o.do(call{method: "GET", url: "/v1/admin/suppressions" + query, key: o.keys[scopeRead]})
		require.Equal(t, 200, a.status, a.body)
		return column(t, a.body, "suppressions", "userId")
	}
	require.Empty(t, list(""))
	o.report("m1", resend("bounced", hard, o.clock()))
	require.Equal(t, 201, o.do(call{method: "POST", url: "/v1/admin/suppressions", key: adminKey, body: `{"email":"old@example.com"}`}).status)
	require.Equal(t, []string{"old@example.com", "ada"}, list(""))
	require.Equal(t, []string{"ada"}, list("?type=bounced"))
	require.Equal(t, []string{"old@example.com"}, list("?type=manual&limit=200"))
	require.Equal(t, []string{"ada"}, list("?search=ADA"))
	require.Empty(t, list("?type=complained"))
	require.Empty(t, list("?type=unsubscribed"))
	require.Equal(t, 400, o.do(call{method: "GET", url: "/v1/admin/suppressions?type=x", key: adminKey}).status)
	require.Equal(t, 400, o.do(call{method: "GET", url: "/v1/admin/suppressions?limit=201", key: adminKey}).status)

	o.exec(`update preferences set unsubscribed_all = true where email_key = 'ada@example.com'`)
	lift := func(reference, body string) answer {
		return o.do(call{method: "DELETE", url: "/v1/admin/suppressions/" + reference, key: adminKey, body: body})
	}
	a := lift("ada%40example.com", "")
	require.Equal(t, 200, a.status, a.body)
	require.JSONEq(t, `{"removed":true}`, a.body)
	require.Equal(t, "f 0", o.suppression())
	require.Equal(t, []string{"true true"}, o.rows(`select unsubscribed_all::text || ' ' || (last_bounce_at is not null)::text from preferences where email_key = 'ada@example.com'`))
	require.Equal(t, 200, lift(o.record, `{"unsubscribedAll":false}`).status)
	require.Equal(t, []string{"false"}, o.rows(`select unsubscribed_all::text from preferences where email_key = 'ada@example.com'`))
	require.Equal(t, 404, lift("nobody%40example.com", "").status)
	require.Equal(t, 400, lift(o.record, `{"unsubscribedAll":true}`).status)
	o.exec(`update sends set bounced_at = null, status = 'sent', id = gen_random_uuid()`)
	o.report("m2", resend("suppressed", "", o.clock()))
	require.Equal(t, "t bounce 1", o.suppression(), "the next hard bounce suppresses again")
}

// column is one field of each object of a list.
func column(t *testing.T, body, list, field string) []string {
	t.Helper()
	var all map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(body), &all))
	var rows []map[string]any
	require.NoError(t, json.Unmarshal(all[list], &rows))
	var found []string
	for _, row := range rows {
		found = append(found, fmt.Sprint(row[field]))
	}
	return found
}
