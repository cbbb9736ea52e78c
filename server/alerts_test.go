package server

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/alert/courier"
	"github.com/hogsend/hogsend/internal/outbound"
	"github.com/hogsend/hogsend/internal/seal"
)

func withAlerts(t *testing.T) func(c *Config) {
	t.Helper()
	keys, err := seal.New("alert channel", strings.Repeat("s", 32), nil)
	require.NoError(t, err)
	return func(c *Config) {
		c.Alerts = courier.New(courier.Courier{Store: c.Store, Keys: keys, Policy: outbound.Policy{Development: true}})
	}
}

// O-14 to O-16, P-19, H-17: alert rules over HTTP.
func TestAlertRules(t *testing.T) {
	t.Parallel()
	b := setup(t, withAlerts(t))
	answers := http.StatusNoContent
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(answers) }))
	defer endpoint.Close()
	const (
		rules = "/v1/admin/alerts/rules"
		names = `select name || ' ' || enabled || ' ' || cooldown_minutes || ' ' || (threshold::text) from alert_rules order by created_at, id`
		audit = `select action from audit_logs where resource = 'alerts' order by created_at`
	)
	post := func(body string) call { return call{method: "POST", url: rules, key: adminKey, body: body} }
	hook := `"channel":"webhook","channelConfig":{"url":"` + endpoint.URL + `"}`
	b.play([]scenario{
		{"no key", call{method: "GET", url: rules}, 401, `{"error":"Unauthorized"}`, names, []string{}},
		{"another scope reads nothing", call{method: "GET", url: rules, key: b.keys[scopeIngest]}, 403, "", names, []string{}},
		{"none", call{method: "GET", url: rules, key: b.keys[scopeRead]}, 200, `{"rules":[],"total":0,"limit":50,"offset":0}`, names, []string{}},
		{"a reader makes none", call{method: "POST", url: rules, key: b.keys[scopeRead], body: `{"name":"n","type":"dead_letters",` + hook + `}`}, 403, "", names, []string{}},
		{"nor an operator", call{method: "POST", url: rules, key: b.keys[scopeJourneyAdmin], body: `{"name":"n","type":"dead_letters",` + hook + `}`}, 403, "", names, []string{}},
		{"malformed", post(`{"name"`), 400, "", names, []string{}},
		{"no name", post(`{"name":" ","type":"dead_letters",` + hook + `}`), 400, wrong("name", "must have 1 to 100 characters"), names, []string{}},
		{"a long name", post(`{"name":"` + repeat(101) + `","type":"dead_letters",` + hook + `}`), 400, wrong("name", "must have 1 to 100 characters"), names, []string{}},
		{"no such type", post(`{"name":"n","type":"x",` + hook + `}`), 400, wrong("type", "must be one of bounce_rate_exceeded, dead_letters, delivery_issue, high_complaint_rate, journey_failure_spike, outbox_lag, stranded_waits"), names, []string{}},
		{"no such channel", post(`{"name":"n","type":"dead_letters","channel":"fax","channelConfig":{}}`), 400, wrong("channel", "must be webhook, slack or email"), names, []string{}},
		{"no channel's config", post(`{"name":"n","type":"dead_letters","channel":"email"}`), 400, wrong("channelConfig", "is required"), names, []string{}},
		{"a private address", post(`{"name":"n","type":"dead_letters","channel":"webhook","channelConfig":{"url":"https://10.0.0.1/"}}`), 400, wrong("channelConfig.url", "address is not public"), names, []string{}},
		{"no address", post(`{"name":"n","type":"dead_letters","channel":"email","channelConfig":{"to":"x"}}`), 400, wrong("channelConfig.to", "must be an e-mail address"), names, []string{}},
		{"a rate above 1", post(`{"name":"n","type":"high_complaint_rate","threshold":{"rate":2},` + hook + `}`), 400, wrong("threshold.rate", "must be a number from 0 to 1"), names, []string{}},
		{"no cooldown", post(`{"name":"n","type":"dead_letters","cooldownMinutes":0,` + hook + `}`), 400, wrong("cooldownMinutes", "must be an integer from 1 to 43200"), names, []string{}},
		{
			"made with defaults", post(`{"name":"Bounces","type":"bounce_rate_exceeded","channel":"webhook","channelConfig":{"url":"` + endpoint.URL + `","secret":"whsec_MDEyMzQ1Njc4OWFiY2RlZg=="}}`), 201,
			`{"rule":{"id":"<uuid>","name":"Bounces","type":"bounce_rate_exceeded","threshold":{"rate":0.05,"windowMinutes":60},"channel":"webhook","channelConfig":{"url":"` + endpoint.URL + `","secret":"****Zg=="},
				"enabled":true,"cooldownMinutes":60,"lastFiredAt":null,"createdAt":"<ts>","updatedAt":"<ts>"}}`, names,
			[]string{`Bounces true 60 {"rate": 0.05, "windowMinutes": 60}`},
		},
		{"and all of it", post(`{"name":"Late","type":"outbox_lag","threshold":{"seconds":9,"rate":1},"channel":"email","channelConfig":{"to":"a@x.io"},"cooldownMinutes":5,"enabled":false}`), 201, "", names, []string{`Bounces true 60 {"rate": 0.05, "windowMinutes": 60}`, `Late false 5 {"seconds": 9}`}},
		{"not found", call{method: "PATCH", url: rules + "/00000000-0000-0000-0000-000000000000", key: adminKey, body: `{}`}, 404, `{"error":"Alert rule not found"}`, audit, []string{"alerts.create", "alerts.create"}},
		{"no uuid", call{method: "DELETE", url: rules + "/x", key: adminKey}, 400, "", audit, []string{"alerts.create", "alerts.create"}},
	})
	id := b.rows(`select id::text from alert_rules where name = 'Bounces'`)[0]
	b.play([]scenario{
		{"changed", call{method: "PATCH", url: rules + "/" + id, key: adminKey, body: `{"name":"B","threshold":{"rate":0.1},"enabled":false,"cooldownMinutes":1,"channelConfig":{"url":"` + endpoint.URL + `/2","secret":"****Zg=="}}`}, 200, "", names + ` limit 1`, []string{`B false 1 {"rate": 0.1, "windowMinutes": 60}`}},
		{"nothing changed", call{method: "PATCH", url: rules + "/" + id, key: adminKey, body: `{}`}, 200, "", names + ` limit 1`, []string{`B false 1 {"rate": 0.1, "windowMinutes": 60}`}},
		{"an empty name", call{method: "PATCH", url: rules + "/" + id, key: adminKey, body: `{"name":"  "}`}, 400, wrong("name", "must have 1 to 100 characters"), names + ` limit 1`, []string{`B false 1 {"rate": 0.1, "windowMinutes": 60}`}},
		{"tried", call{method: "POST", url: rules + "/" + id + "/test", key: adminKey}, 200, `{"delivered":true,"error":null}`, `select count(*)::text from alert_history`, []string{"0"}},
	})
	answers = http.StatusTeapot
	b.play([]scenario{
		{"tried in vain", call{method: "POST", url: rules + "/" + id + "/test", key: adminKey}, 200, `{"delivered":false,"error":"answered 418"}`, `select (last_fired_at is null)::text from alert_rules limit 1`, []string{"true"}},
		{"a reader tries nothing", call{method: "POST", url: rules + "/" + id + "/test", key: b.keys[scopeRead]}, 403, "", names + ` offset 2`, []string{}},
		{"deleted", call{method: "DELETE", url: rules + "/" + id, key: adminKey}, 200, `{"deleted":true}`, `select name from alert_rules`, []string{"Late"}},
		{"once", call{method: "DELETE", url: rules + "/" + id, key: adminKey}, 404, `{"error":"Alert rule not found"}`, audit, []string{
			"alerts.create", "alerts.create", "alerts.update", "alerts.update", "alerts.test", "alerts.test", "alerts.delete",
		}},
	})
	require.Empty(t, b.rows(`select detail::text from audit_logs where detail::text like '%MDEy%'`), "secrets are not in the audit log")
	b.rows(`insert into alert_rules select gen_random_uuid(), name, type, threshold, channel, config, shown, enabled, cooldown_minutes, null, created_at, updated_at from alert_rules, generate_series(1, 99) returning ''`)
	require.Equal(t, 409, b.do(post(`{"name":"n","type":"dead_letters",`+hook+`}`)).status)
}

// what fired, the newest first; what is under way is not told yet.
func TestAlertHistory(t *testing.T) {
	t.Parallel()
	b := setup(t, withAlerts(t))
	a := b.do(call{method: "POST", url: "/v1/admin/alerts/rules", key: adminKey, body: `{"name":"n","type":"dead_letters","channel":"email","channelConfig":{"to":"a@x.io"}}`})
	require.Equal(t, 201, a.status, a.body)
	var made struct{ Rule struct{ ID string } }
	require.NoError(t, json.Unmarshal([]byte(a.body), &made))
	b.rows(`insert into alert_history (id, rule_id, payload, status, error, created_at)
		select gen_random_uuid(), $1::uuid, '{"value": 1}', s, nullif(e, ''), t::timestamptz from (values ('delivered', '', '2026-01-01'), ('failed', 'answered 500', '2026-01-02'), ('pending', '', '2026-01-03')) v (s, e, t) returning ''`, made.Rule.ID)
	get := func(query string) call {
		return call{method: "GET", url: "/v1/admin/alerts/history" + query, key: b.keys[scopeRead]}
	}
	failed := `{"id":"<uuid>","alertRuleId":"<uuid>","payload":{"value":1},"deliveryStatus":"failed","error":"answered 500","createdAt":"<ts>"}`
	b.play([]scenario{
		{"no key", call{method: "GET", url: "/v1/admin/alerts/history"}, 401, "", "", nil},
		{"all", get(""), 200, `{"history":[` + failed + `,{"id":"<uuid>","alertRuleId":"<uuid>","payload":{"value":1},"deliveryStatus":"delivered","error":null,"createdAt":"<ts>"}],"total":2,"limit":50,"offset":0}`, "", nil},
		{"a range", get("?from=2026-01-02&ruleId=" + made.Rule.ID), 200, `{"history":[` + failed + `],"total":1,"limit":50,"offset":0}`, "", nil},
		{"another rule", get("?ruleId=00000000-0000-0000-0000-000000000000"), 200, `{"history":[],"total":0,"limit":50,"offset":0}`, "", nil},
		{"no uuid", get("?ruleId=x"), 400, wrong("ruleId", "must be a uuid"), "", nil},
		{"a page too long", get("?limit=101"), 400, "", "", nil},
	})
}
