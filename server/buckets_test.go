package server

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/rollout"
)

// segmented is a server on a database with buckets in force and people in them.
type segmented struct {
	*bundle
	ingester *ingest.Ingester
	builds   int
}

func segments(t *testing.T, buckets ...hogsend.Bucket) *segmented {
	t.Helper()
	s := &segmented{}
	s.bundle = setup(t, func(c *Config) {
		s.ingester = c.Ingest
		c.Enabled = append(c.Enabled,
			hogsend.Journey{ID: "z-any", Name: "Any", Trigger: hogsend.On(hogsend.AnyLeft), EntryLimit: hogsend.Unlimited, Run: nothing},
			hogsend.Journey{ID: "a-dwell", Name: "Dwell", Trigger: hogsend.On(hogsend.Dwell("power-users", "every-60000")), EntryLimit: hogsend.Unlimited, Run: nothing},
			hogsend.Journey{ID: "other", Name: "Other", Trigger: hogsend.On(hogsend.Entered("power-users-2")), EntryLimit: hogsend.Unlimited, Run: nothing})
		c.Registry.Templates = []hogsend.Template{{Key: "welcome"}}
	})
	s.register(buckets...)
	return s
}

// register brings buckets into force, as a worker of the newest build does.
func (s *segmented) register(buckets ...hogsend.Bucket) {
	s.t.Helper()
	require.NoError(s.t, hogsend.Registry{Buckets: buckets}.Validate())
	definitions, err := bucket.DescribeAll(buckets)
	require.NoError(s.t, err)
	s.exec(`update registries set first_seen_at = first_seen_at - interval '1 hour'`)
	s.builds++
	require.NoError(s.t, rollout.New(s.ingester.Engine()).Register(s.t.Context(), fmt.Sprint("build ", s.builds), "build", definitions))
	s.settle()
}

func (s *segmented) settle() {
	s.t.Helper()
	for done := false; !done; {
		var err error
		done, _, err = rollout.New(s.ingester.Engine()).Backfill(s.t.Context())
		require.NoError(s.t, err)
	}
	for done := false; !done; {
		var err error
		done, _, err = rollout.New(s.ingester.Engine()).LetLeave(s.t.Context())
		require.NoError(s.t, err)
	}
}

func (s *segmented) exec(sql string, args ...any) {
	s.t.Helper()
	_, err := s.store.Pool.Exec(s.t.Context(), sql, args...)
	require.NoError(s.t, err)
}

func (s *segmented) event(name, user string, more ...string) {
	s.t.Helper()
	body := fmt.Sprintf(`{"name":%q,"userId":%q%s}`, name, user, strings.Join(append([]string{""}, more...), ","))
	a := s.do(call{method: "POST", url: "/v1/events", key: adminKey, body: body})
	require.Equal(s.t, 202, a.status, a.body)
}

func (s *segmented) get(url string) call {
	return call{method: "GET", url: "/v1/admin" + url, key: s.keys[scopeRead]}
}

func (s *segmented) write(method, url string, of scope, body string) call {
	return call{method: method, url: "/v1/admin" + url, key: s.keys[of], body: body}
}

func powerUsers() hogsend.Bucket {
	return hogsend.Bucket{
		ID: "power-users", Name: "Power users", Description: "2 sessions in 7 days",
		Criteria: hogsend.Event("session.started").Within(7 * hogsend.Day).AtLeast(2), MaxDwell: 30 * hogsend.Day,
		Reactions: []hogsend.Reaction{hogsend.OnEnter(nothing), hogsend.OnDwell(hogsend.Every(time.Minute), nothing)},
	}
}

func beta() hogsend.Bucket {
	return hogsend.Bucket{ID: "beta", Name: "Beta", Disabled: true, Criteria: hogsend.Prop("beta").Eq(true), EntryLimit: hogsend.OncePerPeriod, EntryPeriod: 90 * time.Minute}
}

const powerItem = `"id":"power-users","name":"Power users","description":"2 sessions in 7 days","enabled":%t,"kind":"dynamic","timeBased":false,"registered":true,"entryLimit":"unlimited","counts":{"active":%d,"left":%d}`

// B-35, B-50, B-53.
func TestBuckets(t *testing.T) {
	t.Parallel()
	s := segments(t, powerUsers(), beta())
	s.event("session.started", "ada", `"email":"ada@example.com"`)
	s.event("session.started", "ada")
	s.event("session.started", "bob")
	item := func(enabled bool, active, left int) string {
		return fmt.Sprintf(`{`+powerItem+`}`, enabled, active, left)
	}
	list := func(items ...string) string {
		return fmt.Sprintf(`{"buckets":[%s],"total":%d,"limit":50,"offset":0}`, strings.Join(items, ","), len(items))
	}
	off := `{"id":"beta","name":"Beta","enabled":false,"kind":"dynamic","timeBased":false,"registered":true,"entryLimit":"once_per_period","counts":{"active":0,"left":0}}`
	member := `{"id":"<uuid>","contactId":"<uuid>","userId":"ada","userEmail":"ada@example.com","bucketId":"power-users","status":"active","enteredAt":"<ts>","leftAt":null,
		"expiresAt":"<ts>","lastEvaluatedAt":"<ts>","leftReason":null,"entryCount":1,"source":"event","context":{},"createdAt":"<ts>","updatedAt":"<ts>"}`
	detail := fmt.Sprintf(`{"bucket":{`+powerItem+`,
		"criteria":{"type":"event","eventName":"session.started","check":"count","operator":"gte","value":2,"within":{"hours":168}},
		"entryPeriod":null,"minDwell":null,"maxDwell":{"hours":720},"reconcileEvery":null,"reconcileJoins":null,"fastExpiry":false,"syncToPostHog":false,
		"feedsJourneys":[
			{"id":"bucket-power-users-on-enter","name":"Power users — on enter","trigger":"bucket:entered:power-users","sourceBucketId":"power-users","owned":true},
			{"id":"bucket-power-users-on-dwell-every-60000","name":"Power users — on dwell","trigger":"bucket:dwell:power-users:every-60000","sourceBucketId":"power-users","owned":true},
			{"id":"a-dwell","name":"Dwell","trigger":"bucket:dwell:power-users:every-60000","sourceBucketId":null,"owned":false},
			{"id":"z-any","name":"Any","trigger":"bucket:left","sourceBucketId":null,"owned":false}],
		"recentMembers":[%s]}}`, true, 1, 0, member)
	enable := func(id, body string) call { return s.write("PATCH", "/buckets/"+id, scopeJourneyAdmin, body) }
	now := func(enabled bool) string {
		return fmt.Sprintf(`{"bucket":{"id":"power-users","name":"Power users","enabled":%t,"updatedAt":"<ts>"}}`, enabled)
	}
	s.play([]scenario{
		{"all, by id", s.get("/buckets"), 200, list(off, item(true, 1, 0)), "", nil},
		{"enabled", s.get("/buckets?enabled=true"), 200, list(item(true, 1, 0)), "", nil},
		{"not enabled", s.get("/buckets?enabled=false&registered=true"), 200, list(off), "", nil},
		{"gone", s.get("/buckets?registered=false"), 200, list(), "", nil},
		{"a page", s.get("/buckets?limit=1&offset=1"), 200, `{"buckets":[` + item(true, 1, 0) + `],"total":2,"limit":1,"offset":1}`, "", nil},
		{"not a boolean", s.get("/buckets?registered=yes"), 400, "", "", nil},
		{"one", s.get("/buckets/power-users"), 200, detail, "", nil},
		{"unknown", s.get("/buckets/none"), 404, `{"error":"Bucket not found"}`, "", nil},
		{"off", enable("power-users", `{"enabled":false}`), 200, now(false), `select id from buckets where not enabled`, []string{"power-users"}},
		{"off by PUT is off (Q-2)", s.write("PUT", "/buckets/power-users", scopeJourneyAdmin, `{"enabled":false}`), 200, now(false), `select id from buckets where not enabled`, []string{"power-users"}},
		{"members are counted still (B-51)", s.get("/buckets?limit=1&offset=1"), 200, `{"buckets":[` + item(false, 1, 0) + `],"total":2,"limit":1,"offset":1}`, "", nil},
		{"disabled in code", enable("beta", `{"enabled":true}`), 409, `{"error":"Bucket is disabled in code"}`, "", nil},
		{"not a switch", enable("power-users", `{"enabled":"no"}`), 400, `{"error":"Invalid request","details":[{"path":"enabled","message":"must be true or false"}]}`, "", nil},
		{"unknown", enable("none", `{"enabled":false}`), 404, `{"error":"Bucket not found"}`, "", nil},
		{"scope", s.write("PATCH", "/buckets/power-users", scopeRead, `{"enabled":false}`), 403, "", "", nil},
	})
	s.event("session.started", "bob") // B-51: nobody is evaluated
	require.Equal(t, 200, s.do(enable("power-users", `{"enabled":true}`)).status)
	a := s.do(s.get("/buckets?enabled=true"))
	require.Contains(t, a.body, `"timeBased":true`, "W-30: while it is settled")
	require.Contains(t, a.body, `"backfill":{"mode":"reeval","status":"pending","processed":0,"total":2,"percent":0,"perSecond":0}`)
	s.settle()
	s.play([]scenario{{"live again", s.get("/buckets?enabled=true"), 200, list(item(true, 2, 0)), "", nil}})
}

// R-73, B-16, H-7.
func TestMembers(t *testing.T) {
	t.Parallel()
	held := powerUsers()
	held.ID, held.MaxDwell, held.Reactions = "held", 0, nil
	plain := hogsend.Bucket{ID: "plain", Name: "Plain", Criteria: hogsend.Prop("plan").Eq("pro"), MinDwell: time.Hour}
	s := segments(t, powerUsers(), held, plain)
	s.event("session.started", "ada", `"timestamp":"`+time.Now().Add(-20*time.Hour).UTC().Format(time.RFC3339Nano)+`"`)
	s.event("session.started", "ada", `"contactProperties":{"plan":"pro"}`)
	s.event("session.started", "bob")
	s.event("session.started", "bob")
	s.event("x", "ada", `"contactProperties":{"plan":null}`) // held back
	type member struct {
		UserID, Status                string
		EnteredAt                     time.Time
		ExpiresAt, LeftAt             *time.Time
		LeftReason, UserEmail, Source *string
	}
	members := func(query string) (list []member, total int) {
		t.Helper()
		a := s.do(s.get("/buckets/" + query))
		require.Equal(t, 200, a.status, a.body)
		var page struct {
			Members []member
			Total   int
		}
		require.NoError(t, json.Unmarshal([]byte(a.body), &page))
		return page.Members, page.Total
	}
	list, total := members("power-users/members")
	require.Equal(t, 2, total)
	require.Equal(t, []string{"bob", "ada"}, []string{list[0].UserID, list[1].UserID}, "entered last first")
	second := func(user string) time.Time {
		at, err := time.Parse(time.RFC3339Nano, s.rows(`select to_char(occurred_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') from events e join contacts c on c.id = e.contact_id
			where c.external_id = '` + user + `' and name = 'session.started' order by occurred_at limit 1`)[0])
		require.NoError(t, err)
		return at
	}
	require.WithinDuration(t, second("ada").Add(7*hogsend.Day), *list[1].ExpiresAt, time.Millisecond, "the edge of the second newest event")
	list, _ = members("plain/members")
	require.Equal(t, list[0].EnteredAt.Add(time.Hour), *list[0].ExpiresAt, "the leave that MinDwell holds back")
	s.exec(`update memberships set max_dwell_at = entered_at + interval '1 minute' where bucket_id = 'power-users'`)
	list, _ = members("power-users/members?userId=ada&limit=1")
	require.Len(t, list, 1)
	require.Equal(t, list[0].EnteredAt.Add(time.Minute), *list[0].ExpiresAt, "the earliest")
	list, total = members("power-users/members?userId=nobody")
	require.Equal(t, []any{0, 0}, []any{len(list), total})
	s.exec(`update memberships set status = 'left', left_at = now(), left_reason = 'criteria' where bucket_id = 'held' and contact_id = (select id from contacts where external_id = 'bob')`)
	list, total = members("held/members?status=left")
	require.Equal(t, 1, total)
	require.Nil(t, list[0].ExpiresAt)
	require.Equal(t, "criteria", *list[0].LeftReason)
	s.exec(`update contacts set deleted_at = now()`)
	_, total = members("held/members")
	require.Equal(t, 0, total, "deleted contacts are no members (I-50)")
	_, total = members("held/members?status=left")
	require.Equal(t, 1, total)
	s.play([]scenario{
		{"unknown bucket", s.get("/buckets/none/members"), 404, `{"error":"Bucket not found"}`, "", nil},
		{"unknown status", s.get("/buckets/held/members?status=gone"), 400, `{"error":"Invalid request","details":[{"path":"status","message":"unknown value"}]}`, "", nil},
	})
}

// B-8, B-14, B-51: an event that lets a member stay evaluates it, as long as the bucket
// is enabled; lastEvaluatedAt never moves backwards.
func TestAMemberIsEvaluatedByEachEvent(t *testing.T) {
	t.Parallel()
	s := segments(t, powerUsers())
	evaluated := func() time.Time {
		t.Helper()
		a := s.do(s.get("/buckets/power-users/members"))
		var page struct {
			Members []struct{ EnteredAt, LastEvaluatedAt time.Time }
		}
		require.NoError(t, json.Unmarshal([]byte(a.body), &page))
		require.Len(t, page.Members, 1)
		return page.Members[0].LastEvaluatedAt
	}
	received := func() time.Time { // as of the newest event, in the precision of the API
		t.Helper()
		at, err := time.Parse(time.RFC3339Nano, s.rows(`select to_char(max(received_at) at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') from events where name = 'session.started'`)[0])
		require.NoError(t, err)
		return at
	}
	s.event("session.started", "ada")
	s.event("session.started", "ada")
	require.WithinDuration(t, received(), evaluated(), time.Millisecond)
	s.exec(`update memberships set last_evaluated_at = last_evaluated_at - interval '1 hour'`)
	s.event("session.started", "ada")
	s.event("other", "ada")
	last := received()
	require.WithinDuration(t, last, evaluated(), time.Millisecond)
	require.Equal(t, 200, s.do(s.write("PATCH", "/buckets/power-users", scopeJourneyAdmin, `{"enabled":false}`)).status)
	s.event("session.started", "ada")
	require.True(t, received().After(last))
	require.WithinDuration(t, last, evaluated(), time.Millisecond)
	s.exec(`update memberships set last_evaluated_at = clock_timestamp() + interval '1 hour'`)
	require.True(t, evaluated().After(received()))
}

// R-74, C-18, C-25.
func TestPreview(t *testing.T) {
	t.Parallel()
	s := segments(t, powerUsers())
	s.event("session.started", "ada", `"email":"ada@example.com"`)
	s.event("session.started", "ada")
	s.event("signup", "bob", `"contactProperties":{"plan":"pro"}`)
	post := func(body string) call { return s.write("POST", "/buckets/preview", scopeRead, body) }
	pro := `{"type":"property","property":"plan","operator":"eq","value":"pro"}`
	deep := func(levels int) string {
		return strings.Repeat(`{"type":"composite","operator":"and","conditions":[`, levels-1) +
			`{"type":"event","eventName":"signup","check":"exists","within":{"hours":1}}` + strings.Repeat(`]}`, levels-1)
	}
	refused := func(path, message string) string {
		return fmt.Sprintf(`{"error":"Invalid request","details":[{"path":%q,"message":%q}]}`, path, message)
	}
	s.play([]scenario{
		{
			"whom criteria take", post(`{"criteria":` + pro + `}`), 200,
			`{"count":1,"totalContacts":2,"sample":[{"contactId":"<uuid>","userId":"bob","email":null}],"wouldJoin":null,"wouldLeave":null,"evaluatedAt":"<ts>"}`, "", nil,
		},
		{
			"beside a bucket", post(`{"criteria":` + pro + `,"bucketId":"power-users","limit":0}`), 200,
			`{"count":1,"totalContacts":2,"sample":[],"wouldJoin":1,"wouldLeave":1,"evaluatedAt":"<ts>"}`, "select user_id from (select external_id as user_id from memberships m join contacts c on c.id = m.contact_id) x",
			[]string{"ada"},
		},
		{"as deep as may be", post(`{"criteria":` + deep(16) + `}`), 200, "", "", nil},
		{"too deep", post(`{"criteria":` + deep(17) + `}`), 400, refused("criteria"+strings.Repeat(".conditions.0", 16), "is nested deeper than 16 levels"), "", nil},
		{"a path into the tree", post(`{"criteria":{"type":"composite","operator":"and","conditions":[` + pro + `,{"type":"event","eventName":"x","check":"exists","within":{}}]}}`), 400, refused("criteria.conditions.1.within", "must be from 1 ms to 3650 days, in whole milliseconds"), "", nil},
		{"a template that is not there", post(`{"criteria":{"type":"email_engagement","templateKey":"welcom","check":"opened"}}`), 400, refused("criteria.templateKey", `there is no template "welcom"`), "", nil},
		{"nobody positive (C-15)", post(`{"criteria":{"type":"property","property":"plan","operator":"neq","value":"free"}}`), 400, refused("criteria", "criteria need at least one positive condition"), "", nil},
		{"none", post(`{}`), 400, refused("criteria", "is required"), "", nil},
		{"limit", post(`{"criteria":` + pro + `,"limit":101}`), 400, refused("limit", "must be an integer from 0 to 100"), "", nil},
		{"unknown bucket", post(`{"criteria":` + pro + `,"bucketId":"none"}`), 404, `{"error":"Bucket not found"}`, "", nil},
		{"scope", s.write("POST", "/buckets/preview", scopeIngest, `{"criteria":`+pro+`}`), 403, "", "", nil},
	})
	s.server.cfg.PreviewTimeout = 20 * time.Millisecond
	tx, err := s.store.Pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(t.Context()) }() // else the pool would wait for it
	_, err = tx.Exec(t.Context(), `lock table contacts in access exclusive mode`)
	require.NoError(t, err)
	s.play([]scenario{{"too long", post(`{"criteria":` + pro + `}`), 503, `{"error":"Preview timed out"}`, "", nil}})
}

// R-75, W-30.
func TestBackfills(t *testing.T) {
	t.Parallel()
	s := segments(t)
	s.event("session.started", "ada")
	s.event("session.started", "ada")
	s.register(powerUsers())
	row := func(mode, status string, joined, left int, failure string) string {
		return fmt.Sprintf(`{"id":"<uuid>","mode":%q,"status":%q,"processed":1,"joined":%d,"left":%d,"error":%s,"createdAt":"<ts>","updatedAt":"<ts>"}`, mode, status, joined, left, failure)
	}
	page := func(total int, rows ...string) string {
		return fmt.Sprintf(`{"backfills":[%s],"total":%d,"limit":50,"offset":0}`, strings.Join(rows, ","), total)
	}
	changed := powerUsers()
	changed.Criteria = hogsend.Event("never").Exists()
	first := row("first-time", "completed", 1, 0, "null")
	s.play([]scenario{{"the first", s.get("/buckets/power-users/backfills"), 200, page(1, first), "", nil}})
	s.register(changed)
	s.play([]scenario{{"newest first", s.get("/buckets/power-users/backfills"), 200, page(2, row("reeval", "completed", 0, 1, "null"), first), "", nil}})
	s.exec(`update backfills set status = 'failed', error = 'no' where mode = 'reeval'`)
	s.play([]scenario{
		{"failed", s.get("/buckets/power-users/backfills"), 200, page(2, row("reeval", "failed", 0, 1, `"no"`), first), "", nil},
		{"unknown bucket", s.get("/buckets/none/backfills"), 404, `{"error":"Bucket not found"}`, "", nil},
	})
	require.Contains(t, s.do(s.get("/buckets/power-users")).body, `"timeBased":false`)
}

// W-31.
func TestRetiringABucket(t *testing.T) {
	t.Parallel()
	s := segments(t, powerUsers())
	s.event("session.started", "ada")
	s.event("session.started", "ada")
	retire := func(id string, of scope) call { return s.write("POST", "/buckets/"+id+"/retire", of, `{}`) }
	s.play([]scenario{
		{"still registered", retire("power-users", scopeFullAdmin), 409, `{"error":"Bucket is still registered"}`, "", nil},
		{"unknown", retire("none", scopeFullAdmin), 404, `{"error":"Bucket not found"}`, "", nil},
		{"scope", retire("power-users", scopeJourneyAdmin), 403, "", "", nil},
	})
	s.register()
	gone := strings.Replace(fmt.Sprintf(powerItem, false, 1, 0), `"registered":true`, `"registered":false`, 1)
	s.play([]scenario{
		{"gone from the list", s.get("/buckets"), 200, `{"buckets":[],"total":0,"limit":50,"offset":0}`, "", nil},
		{"listed while it has members", s.get("/buckets?registered=false"), 200, `{"buckets":[{` + gone + `}],"total":1,"limit":50,"offset":0}`, "", nil},
		{"retired", retire("power-users", scopeFullAdmin), 202, `{"bucketId":"power-users","leaving":1}`, "select retiring::text from buckets where id = 'power-users'", []string{"true"}},
	})
	s.settle()
	s.play([]scenario{
		{"once more", retire("power-users", scopeFullAdmin), 202, `{"bucketId":"power-users","leaving":0}`, "", nil},
		{"nobody is left", s.get("/buckets?registered=false"), 200, `{"buckets":[],"total":0,"limit":50,"offset":0}`, "", nil},
	})
}

// J-10, B-29, B-53: reactions are journeys, of whichever build
// is in force.
func TestReactionsAreJourneys(t *testing.T) {
	t.Parallel()
	s := segments(t, powerUsers(), beta())
	ids := func() (found []string) {
		for _, part := range strings.Split(s.do(s.get("/journeys")).body, `{"id":"`)[1:] {
			id, _, _ := strings.Cut(part, `"`)
			found = append(found, id)
		}
		return found
	}
	require.Equal(t, []string{"a-dwell", "bucket-power-users-on-dwell-every-60000", "bucket-power-users-on-enter", "old", "other", "trial-nudge", "z-any"}, ids())
	enter := `"id":"bucket-power-users-on-enter","name":"Power users — on enter","enabled":true,"paused":false,"trigger":{"event":"bucket:entered:power-users"},"entryLimit":"unlimited",
		"counts":{"active":0,"waiting":0,"completed":0,"failed":0,"exited":0},"sourceBucketId":"power-users","reactionKind":"enter"`
	dwell := strings.NewReplacer("on-enter", "on-dwell-every-60000", "on enter", "on dwell", "entered:power-users", "dwell:power-users:every-60000", `"enter"`, `"dwell"`).Replace(enter) +
		`,"dwellSchedule":{"label":"every-60000","every":{"minutes":1}}`
	rest := `,"entryPeriod":null,"suppress":{},"recentStates":[]`
	one := "/journeys/bucket-power-users-on-enter"
	s.play([]scenario{
		{"a page of them", s.get("/journeys?limit=2&offset=1"), 200, `{"journeys":[{` + dwell + `},{` + enter + `}],"total":7,"limit":2,"offset":1}`, "", nil},
		{"one", s.get(one), 200, `{"journey":{` + enter + rest + `}}`, "", nil},
		{"by hand", s.write("POST", one+"/enroll", scopeJourneyAdmin, `{"userId":"ada"}`), 409, `{"error":"Journey cannot be enrolled manually"}`, "", nil},
		{"switched alone", s.write("PATCH", one, scopeJourneyAdmin, `{"enabled":false}`), 200, `{"journey":{"id":"bucket-power-users-on-enter","name":"Power users — on enter","enabled":false,"updatedAt":"<ts>"}}`, "", nil},
	})
	s.event("session.started", "ada")
	s.event("session.started", "ada")
	s.play([]scenario{
		{
			"transitions go on, the reaction does not", s.get("/contacts/ada/decisions?journeyId=bucket-power-users-on-enter"), 200,
			`{"decisions":[{"id":"<uuid>","at":"<ts>","type":"reaction","journeyId":"bucket-power-users-on-enter","outcome":"skipped","reason":"journey_disabled_by_admin",
				"eventId":"<uuid>","event":"bucket:entered:power-users","stateId":null,"detail":{}}],"total":1,"limit":50,"offset":0}`,
			`select bucket_id from memberships where status = 'active'`,
			[]string{"power-users"},
		},
		{"its enrollments", s.get(one + "/states"), 200, `{"states":[],"total":0,"limit":50,"offset":0}`, "", nil},
	})
	s.register(beta())
	require.NotContains(t, ids(), "bucket-power-users-on-enter")
}
