package server

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// emails are the subjects that R-80 answers, and how many there are in all.
func (o *office) emails(query string) (subjects string, total int) {
	o.t.Helper()
	a := o.do(call{method: "GET", url: "/v1/admin/emails" + query, key: o.keys[scopeRead]})
	require.Equal(o.t, 200, a.status, a.body)
	var body struct {
		Emails []struct{ Subject string }
		Total  int
	}
	require.NoError(o.t, json.Unmarshal([]byte(a.body), &body))
	var all []string
	for _, e := range body.Emails {
		all = append(all, e.Subject)
	}
	return strings.Join(all, ""), body.Total
}

// R-80, E-45: each filter finds what it says, in each order.
func TestMailsAreFound(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	day := time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)
	// a was opened last, b clicked, c bounced, d refused, e to somebody without a contact.
	for i, row := range []struct {
		subject, template, journey, category, status, to string
		sent, opened, clicked, bounced                   int // minutes; 0 is never
	}{
		{"a", "welcome", "trial-nudge", "journey", "opened", "ada@example.com", 4, 9, 0, 0},
		{"b", "welcome", "trial-nudge", "journey", "clicked", "ada@example.com", 3, 7, 8, 0},
		{"c", "offer", "old", "news", "bounced", "ada@example.com", 2, 0, 0, 5},
		{"d", "offer", "", "news", "suppressed", "ada@example.com", 0, 0, 0, 0},
		{"e", "offer", "", "news", "sent", "eve@example.com", 1, 0, 0, 0},
	} {
		at := func(minutes int) *time.Time {
			if minutes == 0 {
				return nil
			}
			when := day.Add(time.Duration(minutes) * time.Minute)
			return &when
		}
		o.exec(`insert into sends (id, key, contact_id, journey_id, template_key, category, status, to_email, subject, sent_at, opened_at, clicked_at, bounced_at, created_at, updated_at)
			select $1, $2, (select id from contacts where email = $7), nullif($3, ''), $4, $5, $6, $7, $2, $8, $9, $10, $11, $12, $12`,
			uuid.New(), row.subject, row.journey, row.template, row.category, row.status, row.to, at(row.sent), at(row.opened), at(row.clicked), at(row.bounced), day.AddDate(0, 0, i))
	}
	for query, want := range map[string]string{
		"":                                     "edcba",
		"?order=asc":                           "abcde",
		"?sort=sentAt":                         "abced",
		"?sort=sentAt&order=asc":               "ecbad",
		"?sort=openedAt&engagement=opened":     "ab",
		"?sort=openedAt&order=asc&limit=2":     "ba",
		"?sort=clickedAt&limit=1":              "b",
		"?engagement=clicked":                  "b",
		"?engagement=bounced":                  "c",
		"?engagement=complained":               "",
		"?toEmail=%EF%BB%BFADA@example.com":    "dcba", // I-55
		"?toEmail=nobody":                      "",
		"?userId=ada@example.com":              "dcba", // E-45: also without a journey
		"?userId=stranger":                     "",
		"?templateKey=welcome":                 "ba",
		"?journeyId=trial-nudge":               "ba",
		"?journeyId=unknown":                   "",
		"?category=news&status=sent":           "e",
		"?status=suppressed":                   "d",
		"?status=rendered":                     "",
		"?from=2026-01-06&to=2026-01-07":       "cb",
		"?campaignId=" + uuid.NewString():      "",
		"?templateKey=offer&engagement=opened": "",
	} {
		got, _ := o.emails(query)
		require.Equal(t, want, got, query)
	}
	got, total := o.emails("?limit=2&offset=1")
	require.Equal(t, "dc", got)
	require.Equal(t, 5, total)
	for query, path := range map[string]string{
		"?status=lost": "status", "?sort=toEmail": "sort", "?order=up": "order", "?engagement=read": "engagement", "?campaignId=1": "campaignId", "?limit=0": "limit", "?from=x": "from",
	} {
		a := o.do(call{method: "GET", url: "/v1/admin/emails" + query, key: o.keys[scopeRead]})
		require.Equal(t, 400, a.status, query)
		require.Contains(t, a.body, `"path":"`+path+`"`)
	}
}

// R-81, E-45: the history of a mail, oldest first, with the clicks of people and no machine's.
func TestTheHistoryOfAMail(t *testing.T) {
	t.Parallel()
	o := newReadersOffice(t, "https://a.example", "https://b.example")
	o.exec(`update sends set created_at = $1, delayed_at = null, subject = 'Welcome', from_email = 'hello@example.com'`, o.clock().Add(-2*time.Minute))
	o.report("m1", resend("delivery_delayed", "", o.clock().Add(-50*time.Second))) // E-45: no status
	o.report("m2", resend("delivered", "", o.clock().Add(-40*time.Second)))
	o.click("https://a.example", as("curl/8.0"))
	o.click("https://a.example")
	o.advance(time.Minute)
	o.open()
	o.click("https://a.example")
	a := o.do(call{method: "GET", url: "/v1/admin/emails/" + sentMail, key: o.keys[scopeRead]})
	require.NotContains(t, a.body, "delivery_delayed", "clients know the types of R-81")
	require.Equal(t, 400, o.do(call{method: "GET", url: "/v1/admin/emails/" + sentMail + "?include=all", key: o.keys[scopeRead]}).status)
	a = o.do(call{method: "GET", url: "/v1/admin/emails/" + sentMail + "?include=delivery_delayed", key: o.keys[scopeRead]})
	require.Equal(t, 200, a.status, a.body)
	require.JSONEq(t, strings.NewReplacer("AGENT", browser).Replace(`{
		"email": {"id": "<uuid>", "contactId": "<uuid>", "journeyStateId": null, "campaignId": null, "templateKey": "welcome", "resendId": "re_1", "providerId": "re_1",
			"fromEmail": "hello@example.com", "toEmail": "ada@example.com", "subject": "Welcome", "category": "journey", "status": "clicked", "reason": null, "userId": "ada", "journeyId": null,
			"sentAt": "<ts>", "deliveredAt": "<ts>", "openedAt": "<ts>", "clickedAt": "<ts>", "bouncedAt": null, "complainedAt": null, "bounceType": null, "createdAt": "<ts>", "updatedAt": "<ts>"},
		"events": [{"type": "queued", "timestamp": "<ts>"}, {"type": "sent", "timestamp": "<ts>"}, {"type": "delivery_delayed", "timestamp": "<ts>"}, {"type": "delivered", "timestamp": "<ts>"},
			{"type": "clicked", "timestamp": "<ts>", "url": "https://a.example", "ipAddress": "203.0.113.7", "userAgent": "AGENT"}, {"type": "opened", "timestamp": "<ts>"},
			{"type": "clicked", "timestamp": "<ts>", "url": "https://a.example", "ipAddress": "203.0.113.7", "userAgent": "AGENT"}],
		"trackedLinks": [{"id": "<uuid>", "originalUrl": "https://a.example", "clickCount": 2, "clicks": [
				{"id": "<uuid>", "clickedAt": "<ts>", "ipAddress": "203.0.113.7", "userAgent": "AGENT"}, {"id": "<uuid>", "clickedAt": "<ts>", "ipAddress": "203.0.113.7", "userAgent": "AGENT"}]},
			{"id": "<uuid>", "originalUrl": "https://b.example", "clickCount": 0, "clicks": []}],
		"journeyContext": null}`), a.plain(t))
	o.exec(`update sends set status = 'skipped', sent_at = null, delivered_at = null, delayed_at = null, opened_at = null, clicked_at = null`)
	o.exec(`delete from hits`)
	a = o.do(call{method: "GET", url: "/v1/admin/emails/" + sentMail, key: o.keys[scopeRead]})
	require.Contains(t, a.body, `"type":"skipped"`)
	require.NotContains(t, a.body, `"type":"queued"`)
	require.Equal(t, 404, o.do(call{method: "GET", url: "/v1/admin/emails/" + uuid.NewString(), key: o.keys[scopeRead]}).status)
	require.Equal(t, 400, o.do(call{method: "GET", url: "/v1/admin/emails/1", key: o.keys[scopeRead]}).status)
}

// of a journey's mail the history says where the journey stands.
func TestTheJourneyOfAMail(t *testing.T) {
	t.Parallel()
	o := newReadersOffice(t)
	a := o.do(call{method: "POST", url: "/v1/events", key: o.keys[scopeIngest], body: `{"name": "trial.started", "email": "ada@example.com", "eventProperties": {"plan": "pro"}}`})
	require.Equal(t, 202, a.status, a.body)
	o.exec(`update sends set enrollment_id = (select id from enrollments), journey_id = 'trial-nudge'`)
	a = o.do(call{method: "GET", url: "/v1/admin/emails/" + sentMail, key: o.keys[scopeRead]})
	require.Contains(t, a.body, `"journeyContext":{"journeyId":"trial-nudge","userId":"ada","status":"active","currentNodeId":"start"}`)
}
