package ingest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/decide/check"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
)

// everything counts the rows of all tables that ingest writes.
func (b *bundle) everything() map[string]int {
	b.t.Helper()
	counts := map[string]int{}
	for _, table := range []string{"contacts", "contact_keys", "events", "event_keys", "enrollments", "decisions", "step_logs", "outbox"} {
		counts[table] = b.count(`select count(*) from ` + table)
	}
	return counts
}

// refuse makes the database fail every write of an event of that name.
func (b *bundle) refuse(name string) {
	b.t.Helper()
	b.exec(fmt.Sprintf(`create function refuse() returns trigger language plpgsql as $$
		begin if new.name = %s then raise exception 'refused'; end if; return new; end $$`, "'"+name+"'"))
	b.exec(`create trigger refuse before insert on events for each row execute function refuse()`)
}

// I-1, I-3: a failure rolls everything back and does not consume the key.
func TestAFailureLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "bad"))
	b.refuse("bad")
	ev := named("u", "e@x", "n")
	ev.Name, ev.Key = "bad", "k"
	before := b.everything()
	_, err := b.ingester.Ingest(t.Context(), ev)
	require.ErrorContains(t, err, "refused")
	require.False(t, store.IsUnavailable(err))
	require.Equal(t, before, b.everything())
	require.Zero(t, b.notified.Load())

	b.exec(`drop trigger refuse on events`)
	require.True(t, b.send(ev).Stored)
	require.Equal(t, []string{"active"}, b.statuses("j"))
}

// I-8, I-16: a bad item fails alone, in a batch too.
func TestABadItemFailsAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.refuse("bad")
	results, err := b.ingester.IngestAll(t.Context(), []ingest.Event{user("good", "1"), user("bad", "2"), user("good", "3")})
	require.NoError(t, err)
	require.NoError(t, results[0].Err)
	require.ErrorContains(t, results[1].Err, "refused")
	require.NoError(t, results[2].Err)
	require.True(t, results[2].Stored)
	require.Equal(t, []string{"1", "3"}, b.texts(`select external_id from contacts order by 1`))
}

// I-8: requests that share a transaction with a bad one succeed.
func TestABadRequestFailsAlone(t *testing.T) {
	t.Parallel()
	b := setupWith(t, ingest.Config{Lanes: 1})
	b.refuse("bad")
	errs := parallel(20, func(i int) error {
		name := "good"
		if i%5 == 0 {
			name = "bad"
		}
		_, err := b.ingester.Ingest(t.Context(), user(name, fmt.Sprint(i)))
		return err
	})
	for i, err := range errs {
		if i%5 == 0 {
			require.ErrorContains(t, err, "refused")
		} else {
			require.NoError(t, err)
		}
	}
	require.Equal(t, 16, b.count(`select count(*) from events`))
}

// I-3: a database that cannot be reached is told apart; nobody is left waiting.
func TestAnUnavailableDatabase(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.Context(), store.Config{URL: "postgres://nobody@127.0.0.1:1/none"})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	g := ingest.New(s, ingest.Config{})
	t.Cleanup(g.Close)
	_, err = g.Ingest(t.Context(), user("e", "u"))
	require.True(t, store.IsUnavailable(err))
	_, err = g.IngestAll(t.Context(), []ingest.Event{user("e", "u"), user("e", "v")})
	require.True(t, store.IsUnavailable(err))
}

// A closed ingester has applied what it accepted and takes nothing more.
func TestClose(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.send(user("e", "u"))
	b.ingester.Close()
	_, err := b.ingester.Ingest(t.Context(), user("e", "u"))
	require.ErrorIs(t, err, ingest.ErrClosed)
	b.ingester.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := b.another(ingest.Config{})
	if _, err := c.ingester.Ingest(ctx, user("e", "u")); err != nil {
		require.ErrorIs(t, err, context.Canceled)
	}
}

// I-2: Notify follows a commit that wrote outbox rows; I-7: an event that nothing
// listens to writes none.
func TestNotifyFollowsTheOutbox(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "start"))
	b.send(user("nothing", "u"))
	require.Zero(t, b.notified.Load())
	require.Zero(t, b.count(`select count(*) from outbox`))
	b.send(user("start", "u"))
	require.Equal(t, int64(1), b.notified.Load())
}

// I-35, I-36, I-37: a repeat has no effect at all, whatever its body, user or name.
func TestARepeatHasNoEffect(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "e", exitOn("x")))
	ev := named("u", "", "")
	ev.Key = "k"
	first := b.send(ev)
	before := b.everything()
	lastSeen := b.texts(`select last_seen_at::text || updated_at::text from contacts`)
	other := ingest.Event{Name: "x", UserID: "someone else", Email: "new@x", Key: "k", ContactProperties: map[string]json.RawMessage{"a": json.RawMessage(`1`)}}
	r := b.send(other)
	require.Equal(t, ingest.Result{ContactKey: "u", ContactID: first.ContactID, EventID: first.EventID}, r)
	require.Equal(t, before, b.everything())
	require.Equal(t, lastSeen, b.texts(`select last_seen_at::text || updated_at::text from contacts`))
}

// I-35: keys of internal events are another name space.
func TestClientsCannotTakeInternalKeys(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "e"))
	b.send(user("e", "u"))
	id := b.enrollment("j")
	forged := user("x", "u")
	forged.Key = "journey:" + id.String() + ":completed"
	require.True(t, b.send(forged).Stored)
	b.finish(id, "completed")
	require.Equal(t, 1, b.count(`select count(*) from events where name = 'journey:completed'`))
}

// I-18: of a key that occurs twice in a batch the first is stored.
func TestAKeyTwiceInABatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second := named("u", "", ""), named("v", "", "")
	first.Key, second.Key = "k", "k"
	results := b.sendAll(first, second, named("w", "", ""))
	require.Equal(t, []bool{true, false, true}, []bool{results[0].Stored, results[1].Stored, results[2].Stored})
	require.Equal(t, "u", results[1].ContactKey)
	require.Equal(t, []string{"u", "w"}, b.texts(`select external_id from contacts order by 1`))
}

// I-39: digits beyond microseconds are cut off; without timestamp it occurred now.
func TestInstants(t *testing.T) {
	t.Parallel()
	b := setup(t)
	when := time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC)
	r := b.send(at(user("e", "u"), when))
	var occurred, received time.Time
	read := func(id uuid.UUID) {
		require.NoError(t, b.store.Pool.QueryRow(t.Context(), `select occurred_at, received_at from events where id = $1`, id).Scan(&occurred, &received))
	}
	read(r.EventID)
	require.Equal(t, when.Truncate(time.Microsecond), occurred.UTC())
	require.WithinDuration(t, b.now(), received, time.Minute)
	read(b.send(user("e", "u")).EventID)
	require.Equal(t, received, occurred)
	// I-42: ahead of now is stored as it is.
	ahead := b.now().Add(30 * time.Minute)
	read(b.send(at(user("e", "u"), ahead)).EventID)
	require.True(t, ahead.Equal(occurred))
}

// I-40, J-21, J-35: a late event is stored and exits, but wakes nothing and enrolls nobody.
func TestLateEvents(t *testing.T) {
	t.Parallel()
	b := setupWith(t, ingest.Config{
		Journeys:    []hogsend.Journey{journey("j", "start", exitOn("stop")), journey("k", "start")},
		LateHorizon: time.Hour,
	})
	b.send(user("start", "u"))
	b.finish(b.enrollment("k"), "completed")
	wait := b.waiting(b.enrollment("j"), "w", "", nil)
	late := b.now().Add(-time.Hour - time.Second)
	ev := at(user("w", "u"), late)
	ev.ContactProperties = map[string]json.RawMessage{"a": json.RawMessage(`1`)}
	require.True(t, b.send(ev).Late)
	require.Equal(t, []string{`open`}, b.texts(`select status from waits where id = $1`, wait))
	require.Equal(t, []string{`{"a": 1}`}, b.texts(`select properties::text from contacts`))
	require.True(t, b.send(at(user("start", "u"), late)).Late)
	require.Equal(t, []string{"enrolled", "late_event"}, b.outcomes("k"))
	require.False(t, b.send(at(user("start", "u"), b.now().Add(-59*time.Minute))).Late)
	require.Equal(t, []string{"enrolled", "late_event", "enrolled"}, b.outcomes("k"))
	require.True(t, b.send(at(user("stop", "u"), late)).Exits[0].Exited)
}

// I-10: what is stored of an event.
func TestStoredEvent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	value := 12.5
	r := b.send(ingest.Event{Name: " Odd name ", UserID: "u", Properties: json.RawMessage(`{"a":null,"b":{"c":[1]}}`), Value: &value, Currency: "eur", Source: "stripe"})
	require.Equal(t, []string{` Odd name |{"a": null, "b": {"c": [1]}}|12.5|EUR|stripe|0`},
		b.texts(`select concat_ws('|', name, properties::text, value, currency, source, hops) from events where id = $1`, r.EventID))
	r = b.send(user("e", "u"))
	require.Equal(t, []string{`{}|api`}, b.texts(`select concat_ws('|', properties::text, value, currency, source) from events where id = $1`, r.EventID))
}

// I-5: the order of reception is the order of the batch.
func TestOrderOfReception(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var events []ingest.Event
	var want []string
	for i := range 50 {
		events = append(events, user(fmt.Sprintf("e%02d", i), fmt.Sprint(i%3)))
		want = append(want, fmt.Sprintf("e%02d", i))
	}
	b.sendAll(events...)
	require.Equal(t, want, b.texts(`select name from events order by seq`))
}

// I-10 to I-14, limits: exactly the limit is accepted, one more is refused.
func TestValidate(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("ä", n) }
	deep := func(n int) json.RawMessage {
		return json.RawMessage(strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n))
	}
	now := time.Now()
	ahead, epoch := now.Add(2*time.Hour), time.Unix(0, 0)
	before := epoch.Add(-time.Microsecond)
	for _, c := range []struct {
		name string
		ev   ingest.Event
		path string // of the only problem; "" for none
	}{
		{"a plain event", user("e", "u"), ""},
		{"an e-mail alone", named("", " Ada@X.io ", ""), ""},
		{"an anonymous id alone", named("", "", "n"), ""},
		{"no identity", named("", "  ", ""), "userId"},
		{"a name of 200 characters", user(long(200), "u"), ""},
		{"a name of 201 characters", user(long(201), "u"), "name"},
		{"no name", user("", "u"), "name"},
		{"a name of white space", user(" \t", "u"), "name"},
		{"a user id of 512 characters", user("e", long(512)), ""},
		{"a user id of 513 characters", user("e", long(513)), "userId"},
		{"a user id of white space", user("e", "  "), "userId"},
		{"an anonymous id of 513 characters", named("", "", long(513)), "anonymousId"},
		{"a key of 255 characters", ingest.Event{Name: "e", UserID: "u", Key: long(255)}, ""},
		{"a key of 256 characters", ingest.Event{Name: "e", UserID: "u", Key: long(256)}, "idempotencyKey"},
		{"a malformed e-mail", named("", "ada", ""), "email"},
		{"two e-mails", named("", "a@x.io, b@x.io", ""), "email"},
		{"a named e-mail", named("", "Ada <a@x.io>", ""), "email"},
		{"an e-mail of 321 characters", named("", strings.Repeat("a", 316)+"@x.io", ""), "email"},
		{"U+0000", user("e", "a\x00b"), "userId"},
		{"invalid UTF-8", user("e", "a\xffb"), "userId"},
		{"reserved bucket", user("bucket:x", "u"), "name"},
		{"reserved journey", user("journey:completed", "u"), "name"},
		{"reserved email", user("email.opened", "u"), "name"},
		{"reserved hogsend", user("hogsend:x", "u"), "name"},
		{"bucket is an ordinary name", user("bucket", "u"), ""},
		{"Email.x is an ordinary name", user("Email.x", "u"), ""},
		{"properties that are a list", with(user("e", "u"), `[1]`), "eventProperties"},
		{"properties that are null", with(user("e", "u"), `null`), "eventProperties"},
		{"an escaped U+0000", with(user("e", "u"), `{"a":"x\u0000"}`), "eventProperties"},
		{"half a surrogate pair", with(user("e", "u"), `{"a":"\ud83d x"}`), "eventProperties"},
		{"a surrogate pair", with(user("e", "u"), `{"a":"\ud83d\ude00"}`), ""},
		{"an escaped backslash", with(user("e", "u"), `{"a":"\\u0000"}`), ""},
		{"32 levels", ingest.Event{Name: "e", UserID: "u", Properties: deep(32)}, ""},
		{"33 levels", ingest.Event{Name: "e", UserID: "u", Properties: deep(33)}, "eventProperties"},
		{"a number of 40 digits", with(user("e", "u"), `{"a":1e39}`), ""},
		{"a number of 1.7e308", with(user("e", "u"), `{"a":1.7e308}`), "eventProperties"}, // H-12
		{"a number of 1.8e308", with(user("e", "u"), `{"a":-1.8e308}`), "eventProperties"},
		{"a number Postgres cannot keep", with(user("e", "u"), `{"a":1e-20000}`), "eventProperties"},
		{"an empty property name", with(user("e", "u"), `{"":1}`), "eventProperties"},
		{"a property name of 200 characters", with(user("e", "u"), `{"`+long(200)+`":1}`), ""},
		{"a property name of 201 characters", with(user("e", "u"), `{"`+long(201)+`":1}`), "eventProperties"},
		{"a bad contact property", ingest.Event{Name: "e", UserID: "u", ContactProperties: map[string]json.RawMessage{"plan": json.RawMessage(`"\u0000"`)}}, "contactProperties.plan"},
		{"an empty contact property name", ingest.Event{Name: "e", UserID: "u", ContactProperties: map[string]json.RawMessage{"": json.RawMessage(`1`)}}, "contactProperties"},
		{"a currency", ingest.Event{Name: "e", UserID: "u", Currency: "eur"}, ""},
		{"no currency", ingest.Event{Name: "e", UserID: "u", Currency: "euro"}, "currency"},
		{"too far ahead", at(user("e", "u"), ahead), "timestamp"},
		{"the epoch", at(user("e", "u"), epoch), ""},
		{"before the epoch", at(user("e", "u"), before), "timestamp"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			problems := ingest.Validate(&c.ev)
			if c.path == "" {
				require.Empty(t, problems)
				return
			}
			require.Len(t, problems, 1)
			require.Equal(t, c.path, problems[0].Path)
		})
	}
	all := ingest.Event{Name: "bucket:x", Email: "x", Currency: "1"}
	require.Len(t, ingest.Validate(&all), 3)
	reserved := user("journey:x", "u")
	require.Equal(t, []ingest.Problem{{Path: "name", Message: check.ReservedMessage}}, ingest.Validate(&reserved))
	nobody := named("", "", "")
	require.Equal(t, []ingest.Problem{{Path: "userId", Message: check.IdentityMessage}}, ingest.Validate(&nobody))
}

// Whatever passes Validate is taken by Postgres (I-3, I-13).
func FuzzValidateProperties(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":1e308}`, `{"a":"\ud83d\ude00"}`, `{"a":[{"b":null}]}`, `{"a":1e-999}`, `[`, `{"a":"\u0000"}`} {
		f.Add([]byte(seed))
	}
	b := &bundle{t: f, store: dbtest.DB(f)}
	f.Fuzz(func(t *testing.T, raw []byte) {
		ev := ingest.Event{Name: "e", UserID: "u", Properties: raw}
		if len(raw) == 0 || ingest.Validate(&ev) != nil {
			return
		}
		var back string
		require.NoError(t, b.store.Pool.QueryRow(t.Context(), `select $1::jsonb::text`, string(raw)).Scan(&back))
	})
}
