package ingest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/simulate"
)

// timers are the dwell timers as Temporal keeps them: asleep until their instants.
type timers map[string]time.Time // by stay and label

// passDwelling lets time pass up to an instant, with the clock and the timers, each
// woken when it asked to be; at one instant the clock first.
func (v *timed) passDwelling(asleep timers, after time.Duration) {
	v.t.Helper()
	now, until := v.now(), monday.Add(after)
	for {
		wait, err := v.clock.Round(v.t.Context())
		require.NoError(v.t, err)
		if wait == 0 {
			continue
		}
		v.armed(asleep)
		next, timer := until, ""
		if wait < until.Sub(now) {
			next = now.Add(wait)
		}
		for name, due := range asleep {
			if due.Before(next) || due.Equal(next) && timer == "" {
				next, timer = due, name
			}
		}
		if next.After(now) {
			now = next
			v.set(now.Sub(monday))
			continue // what the clock does now comes first
		}
		if timer == "" {
			return
		}
		stay, label, _ := strings.Cut(timer, " ")
		outcome, err := v.clock.Dwell(v.t.Context(), uuid.MustParse(stay), label, false)
		require.NoError(v.t, err)
		if asleep[timer] = now.Add(outcome.Wait); outcome.Wait == 0 {
			delete(asleep, timer)
		}
	}
}

// armed delivers the timers that wait in the outbox.
func (v *timed) armed(asleep timers) {
	v.t.Helper()
	rows, err := v.store.Pool.Query(v.t.Context(), `update outbox set status = 'delivered' where status = 'pending'
		returning case kind when 'dwell' then payload ->> 'stayId' || ' ' || (payload ->> 'label') else '' end as timer, coalesce((payload ->> 'due')::timestamptz, due_at) as due`)
	require.NoError(v.t, err)
	fresh, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct {
		Timer string
		Due   time.Time
	}])
	require.NoError(v.t, err)
	for _, a := range fresh {
		if a.Timer != "" {
			asleep[a.Timer] = a.Due
		}
	}
}

// stored are the transitions that life has stored, as a simulation tells them.
func (v *timed) stored() []string {
	v.t.Helper()
	all := v.texts(`select to_char(occurred_at at time zone 'utc', 'DD HH24:MI:SS.US') || ' ' || (properties ->> 'userId') || ' ' || (properties ->> 'transition') || ' ' || (properties ->> 'bucketId')
			|| ' #' || (properties ->> 'entryCount') || ' ' || case when name like 'bucket:dwell:%' then substring(name from '[^:]*$') else '' end
			|| ' ' || coalesce(properties ->> 'dwellCount', '0') || ' ' || coalesce(properties ->> 'reason', '') || ' false'
		from events where source = 'bucket'
		union all
		select to_char(m.entered_at at time zone 'utc', 'DD HH24:MI:SS.US') || ' ' || c.external_id || ' entered ' || m.bucket_id || ' #' || m.epoch || '  0  true'
		from memberships m join contacts c on c.id = m.contact_id where m.muted`)
	slices.Sort(all)
	return all
}

func (v *timed) simulate(s simulate.Params, buckets ...hogsend.Bucket) *simulate.Result {
	v.t.Helper()
	var err error
	s.Definitions, err = bucket.DescribeAll(buckets)
	require.NoError(v.t, err)
	got, err := simulate.Run(v.t.Context(), v.store, s)
	require.NoError(v.t, err)
	return got
}

func told(all []simulate.Transition) []string {
	lines := []string{}
	for _, t := range all {
		lines = append(lines, fmt.Sprintf("%s %s %s %s #%d %s %d %s %t", t.At.UTC().Format("02 15:04:05.000000"), t.Contact, t.Transition, t.Bucket, t.Epoch, t.Label, t.Ordinal, t.Reason, t.Muted))
	}
	slices.Sort(lines)
	return lines
}

// everything is the content of all tables, and which schemas there are.
func (v *timed) everything() map[string]string {
	v.t.Helper()
	found := map[string]string{"schemas": strings.Join(v.texts(`select nspname::text from pg_namespace where nspname not like 'pg\_%' order by 1`), " ")}
	for _, table := range v.texts(`select tablename::text from pg_tables where schemaname = 'public' order by 1`) {
		found[table] = v.texts(fmt.Sprintf(`select count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from public.%q t`, table))[0]
	}
	require.Contains(v.t, found, "events")
	return found
}

// onlyEvents are criteria without property leaves.
func onlyEvents(t *rapid.T, id string) hogsend.Bucket {
	for {
		b := drawBucket(t, id)
		if _, properties := leavesOf(b.Criteria); len(properties) == 0 {
			b.Reactions = []hogsend.Reaction{hogsend.OnEnter(nothing), hogsend.OnDwell(hogsend.After(90*time.Minute), nothing), hogsend.OnDwell(hogsend.Every(5*time.Hour), nothing)}
			return b
		}
	}
}

// life is what happens to a few people while some buckets run.
type life struct {
	buckets []hogsend.Bucket
	steps   []moment
	rest    time.Duration
}

type moment struct {
	pause time.Duration
	batch []ingest.Event
}

func drawLife(t *rapid.T) (l life) {
	for i := range rapid.IntRange(1, 3).Draw(t, "buckets") {
		l.buckets = append(l.buckets, onlyEvents(t, fmt.Sprintf("b%d", i)))
	}
	for range rapid.IntRange(3, 12).Draw(t, "steps") {
		s := moment{pause: rapid.SampledFrom([]time.Duration{0, time.Minute, time.Hour, 90 * time.Minute, 5 * time.Hour, 25 * time.Hour}).Draw(t, "pause") + time.Millisecond}
		for range rapid.IntRange(1, 4).Draw(t, "batch") {
			ev := user(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name"), rapid.SampledFrom([]string{"ada", "bob"}).Draw(t, "who"))
			s.batch = append(s.batch, with(ev, fmt.Sprintf(`{"n":%d}`, rapid.IntRange(-1, 3).Draw(t, "n"))))
		}
		l.steps = append(l.steps, s)
	}
	l.rest = rapid.SampledFrom([]time.Duration{time.Hour, 60 * time.Hour}).Draw(t, "rest")
	return l
}

// live lets a life happen while its buckets run, timers and all. It returns when it
// ended, and its events with the instants at which they were received.
func (v *timed) live(name string, l life) (ended time.Time, events []ingest.Event) {
	v.t.Helper()
	v.exec(`truncate contacts, contact_keys, events, event_keys, memberships, clock_cursors, buckets, backfills, registries, outbox, decisions, enrollments, timer_backfills cascade`)
	v.set(0)
	v.register(name, l.buckets...)
	v.settle()
	asleep, now := timers{}, time.Duration(0)
	for _, s := range l.steps {
		now += s.pause
		v.passDwelling(asleep, now)
		v.sendAll(s.batch...)
		for i, ev := range s.batch {
			events = append(events, at(ev, monday.Add(now+time.Duration(i+1)*time.Microsecond)))
		}
	}
	now += l.rest
	v.passDwelling(asleep, now)
	return monday.Add(now), events
}

// B-60: what happened while the buckets ran, simulated, is what was stored: instant by
// instant, limits and dwell included. B-59: nothing is changed by it.
func TestASimulationOfLifeIsLife(t *testing.T) {
	t.Parallel()
	v, lives, dwells := virtual(t), rapid.Custom(drawLife), 0
	// A scratch schema takes its time: these are fewer than other properties are tried on.
	for seed := range 30 {
		l := lives.Example(seed)
		ended, _ := v.live(fmt.Sprint("life ", seed), l)
		before := v.everything()
		got := v.simulate(simulate.Params{From: monday.Add(-time.Hour), To: ended}, l.buckets...)
		require.Equal(t, strings.Join(v.stored(), "\n"), strings.Join(told(got.Transitions), "\n"), "seed %d: %#v", seed, l.buckets)
		require.Empty(t, got.Warnings)
		require.Equal(t, before, v.everything())
		for _, transition := range got.Transitions {
			if transition.Transition == "dwell" {
				dwells++
			}
		}
	}
	require.Greater(t, dwells, 100)
}

// drawSharedLife is a life of people who share devices and addresses, with properties.
func drawSharedLife(t *rapid.T) (l life) {
	l = drawLife(t)
	l.buckets = nil
	for i := range rapid.IntRange(1, 3).Draw(t, "buckets") {
		b := drawBucket(t, fmt.Sprintf("b%d", i))
		b.EntryLimit, b.EntryPeriod = "", 0 // which stay was muted does not survive a merge
		b.Reactions = []hogsend.Reaction{hogsend.OnDwell(hogsend.After(90*time.Minute), nothing), hogsend.OnDwell(hogsend.Every(5*time.Hour), nothing)}
		l.buckets = append(l.buckets, b)
	}
	for _, s := range l.steps {
		for i := range s.batch {
			ev := &s.batch[i]
			switch rapid.IntRange(0, 3).Draw(t, "named by") {
			case 0:
				ev.AnonymousID = rapid.SampledFrom([]string{"phone", "tablet"}).Draw(t, "device")
			case 1:
				ev.AnonymousID, ev.UserID = ev.UserID+"'s phone", ""
			case 2:
				ev.AnonymousID, ev.UserID, ev.Email = "phone", "", "family@example.com"
			}
			if rapid.Bool().Draw(t, "patch") {
				ev.ContactProperties = map[string]json.RawMessage{"p": json.RawMessage(fmt.Sprint(rapid.IntRange(1, 2).Draw(t, "p")))}
			}
		}
	}
	return l
}

// nameless calls everybody who has no key but a uuid the same.
func nameless(lines []string) string {
	for i := range lines {
		lines[i] = regexp.MustCompile(`[0-9a-f-]{36}`).ReplaceAllString(lines[i], "somebody")
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// The same over the events themselves, merges and properties included (I-17, I-27).
func TestASimulationOfEventsIsLife(t *testing.T) {
	t.Parallel()
	v, lives, merged := virtual(t), rapid.Custom(drawSharedLife), 0
	for seed := range 20 {
		l := lives.Example(seed)
		ended, events := v.live(fmt.Sprint("life ", seed), l)
		merged += v.count(`select count(*) from contacts where merged_into is not null`)
		slices.Reverse(events) // they are put in order
		got := v.simulate(simulate.Params{From: monday.Add(-time.Hour), To: ended, Events: events}, l.buckets...)
		require.Equal(t, nameless(v.stored()), nameless(told(got.Transitions)), "seed %d: %#v", seed, l.buckets)
	}
	require.Greater(t, merged, 2)
}

// B-61: properties are those of today, and the report says so.
func TestASimulationWarnsWhereHistoryIsNotKept(t *testing.T) {
	t.Parallel()
	pro := segmentOf("pro", hogsend.All(hogsend.Prop("plan").Eq("pro"), hogsend.Event("click").Exists()))
	v := virtual(t)
	for i, plan := range []string{`"free"`, `"pro"`} {
		v.set(time.Duration(i) * time.Hour)
		ev := user("click", "ada")
		ev.ContactProperties = map[string]json.RawMessage{"plan": json.RawMessage(plan)}
		v.send(ev)
	}
	got := v.simulate(simulate.Params{From: monday.Add(-time.Hour), To: monday.Add(2 * time.Hour)}, pro)
	require.Equal(t, []string{"property history is not kept"}, got.Warnings)
	require.Equal(t, []string{"05 10:00:00.000001 ada entered pro #1  0  false"}, told(got.Transitions), "as if she had been pro since the first click")

	// Over events properties are as they were.
	first, second := monday, monday.Add(time.Hour)
	events := []ingest.Event{at(user("click", "ada"), first), at(user("click", "ada"), second)}
	events[0].ContactProperties = map[string]json.RawMessage{"plan": json.RawMessage(`"free"`)}
	events[1].ContactProperties = map[string]json.RawMessage{"plan": json.RawMessage(`"pro"`)}
	got = v.simulate(simulate.Params{From: first, To: second, Events: events}, pro)
	require.Empty(t, got.Warnings)
	require.Equal(t, []string{"05 11:00:00.000000 ada entered pro #1  0  false"}, told(got.Transitions))
}

// B-59: who matches at the beginning is a member silently, with the historical anchor.
func TestASimulationBeginsSilently(t *testing.T) {
	t.Parallel()
	b := dormant()
	b.Reactions = []hogsend.Reaction{hogsend.OnDwell(hogsend.Every(hogsend.Day), nothing)}
	v := virtual(t)
	v.send(user("active", "ada"))
	v.set(10 * hogsend.Day)
	v.send(user("active", "ada"))
	v.send(user("active", "bob"))
	want := []string{
		// Dormant since day 7: the dwells of day 8 and 9 lie before the beginning or on it.
		"15 10:00:00.000001 ada left dormant #1  0 criteria false",
	}
	got := v.simulate(simulate.Params{From: monday.Add(9*hogsend.Day + time.Hour), To: monday.Add(11 * hogsend.Day)}, b)
	require.Equal(t, want, told(got.Transitions))
	got = v.simulate(simulate.Params{From: monday.Add(8*hogsend.Day + time.Hour), To: monday.Add(17*hogsend.Day + time.Hour)}, b)
	require.Equal(t, []string{
		"14 10:00:00.000001 ada dwell dormant #1 every-86400000 2  false",
		"15 10:00:00.000001 ada left dormant #1  0 criteria false",
		"22 10:00:00.000002 ada entered dormant #2  0  false",
		"22 10:00:00.000002 bob entered dormant #1  0  false",
	}, told(got.Transitions))
}

// B-59: a canceled simulation leaves nothing, and the next one removes what a killed
// one left.
func TestASimulationLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	v := virtual(t)
	v.exec(`create schema hogsend_simulation_of_the_dead`)
	v.exec(`create table hogsend_simulation_of_the_dead.events ()`)
	const schemas = `select nspname::text from pg_namespace where nspname not like 'pg\_%' and nspname <> 'information_schema' order by 1`
	definitions, err := bucket.DescribeAll([]hogsend.Bucket{dormant()})
	require.NoError(t, err)
	var events []ingest.Event
	for i := range 3000 {
		events = append(events, at(user("active", fmt.Sprint("user ", i)), monday))
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = simulate.Run(ctx, v.store, simulate.Params{
		From: monday, To: monday.Add(30 * hogsend.Day), Definitions: definitions, Events: events, Progress: func(int, int) { cancel() },
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, []string{"public", "virtual"}, v.texts(schemas))

	// Two at once leave each other alone.
	var other *simulate.Result
	history := simulate.Params{From: monday, To: monday.Add(30 * hogsend.Day), Definitions: definitions, Events: events}
	again := history
	again.Progress = func(int, int) {
		if other == nil {
			other, err = simulate.Run(t.Context(), v.store, history)
		}
	}
	one, oneErr := simulate.Run(t.Context(), v.store, again)
	require.NoError(t, oneErr)
	require.NoError(t, err)
	require.Len(t, one.Transitions, len(events))
	require.Equal(t, one, other)
	require.Equal(t, []string{"public", "virtual"}, v.texts(schemas))
	_, err = simulate.Run(t.Context(), v.store, simulate.Params{From: monday, To: monday, Definitions: definitions})
	require.EqualError(t, err, "simulate: the end must be after the beginning")
}

// B-61: mails by their own timestamps: what was sent, opened and clicked when.
func TestASimulationTakesMailsByTheirTimes(t *testing.T) {
	t.Parallel()
	unread := segmentOf("unread", hogsend.All(hogsend.Event("signup").Exists(), hogsend.EmailEngagement("welcome").NotOpened()))
	clicked := segmentOf("clicked", hogsend.EmailEngagement("welcome").Clicked())
	v := virtual(t)
	ada := v.send(user("signup", "ada")).ContactID
	for i, mail := range []struct {
		template             string
		sent, opened, clicks time.Duration
	}{{"welcome", time.Hour, 3 * time.Hour, 4 * time.Hour}, {"welcome", 5 * time.Hour, 0, 0}, {"nudge", 2 * time.Hour, 0, 0}} {
		when := func(after time.Duration) *time.Time {
			at := monday.Add(after)
			if after == 0 {
				return nil
			}
			return &at
		}
		v.exec(`insert into sends (id, key, contact_id, template_key, status, sent_at, opened_at, clicked_at, created_at, updated_at)
			values (gen_random_uuid(), $1, $2, $3, 'sent', $4, $5, $6, $4, $4)`, fmt.Sprint(i), ada, mail.template, when(mail.sent), when(mail.opened), when(mail.clicks))
	}
	v.exec(`insert into sends (id, key, contact_id, template_key, status, created_at, updated_at) values (gen_random_uuid(), 'held', $1, 'welcome', 'skipped', $2, $2)`, ada, monday)
	got := v.simulate(simulate.Params{From: monday, To: monday.Add(hogsend.Day)}, unread, clicked)
	require.Empty(t, got.Warnings)
	require.Equal(t, []string{
		"05 11:00:00.000000 ada entered unread #1  0  false",
		"05 13:00:00.000000 ada left unread #1  0 criteria false",
		"05 14:00:00.000000 ada entered clicked #1  0  false",
		"05 15:00:00.000000 ada entered unread #2  0  false",
		"05 15:00:00.000000 ada left clicked #1  0 criteria false",
	}, told(got.Transitions))
	// What was sent before the beginning is known then.
	got = v.simulate(simulate.Params{From: monday.Add(2 * time.Hour), To: monday.Add(4 * time.Hour)}, unread)
	require.Equal(t, []string{"05 13:00:00.000000 ada left unread #1  0 criteria false"}, told(got.Transitions))
}

// B-59: people without a key of their own, deleted ones, and those who are there
// without having done anything.
func TestASimulationOfEverybodyStored(t *testing.T) {
	t.Parallel()
	idle := segmentOf("idle", hogsend.Any(hogsend.Event("click").NotExists(), hogsend.Event("buy").Exists(), hogsend.Event("click").Within(hogsend.Day).Exists()))
	v := virtual(t, idle)
	phone := v.send(ingest.Event{Name: "view", AnonymousID: "phone"}).ContactID
	eve := v.send(user("view", "eve")).ContactID
	nobody := v.send(ingest.Event{Name: "view", Email: "nobody@example.com"}).ContactID
	v.set(time.Hour)
	v.send(user("click", "eve"))
	v.set(2 * time.Hour)
	v.exec(`update contacts set deleted_at = $1 where id = $2`, v.now(), eve)
	require.ElementsMatch(t, []string{
		"05 10:00:00.000001 " + nobody.String() + " entered idle #1  0  false",
		"05 10:00:00.000001 eve entered idle #1  0  false",
		"05 10:00:00.000001 " + phone.String() + " entered idle #1  0  false",
	}, told(v.simulate(simulate.Params{From: monday.Add(-time.Hour), To: monday.Add(3 * hogsend.Day)}, idle).Transitions), "eve is gone before her window is")
}

// B-59, B-61, W-2: people whose dates pass enter and leave in a simulation at the instants at
// which they did, days by their zones.
func TestASimulationOfDates(t *testing.T) {
	t.Parallel()
	due := hogsend.Prop("due")
	buckets := []hogsend.Bucket{
		segmentOf("ahead", due.InNext(30*time.Hour)), segmentOf("past", due.InLast(26*time.Hour)),
		segmentOf("not-ahead", hogsend.All(due.Exists(), hogsend.Not(due.InNext(2*hogsend.Day)))),
		segmentOf("mixed", hogsend.Any(due.InLast(5*time.Hour), hogsend.Event("a").Within(9*time.Hour).Exists())),
		segmentOf("fixed", hogsend.All(due.After(monday), due.Before(monday.Add(3*hogsend.Day)), hogsend.Event("a").Within(hogsend.Day).Exists())),
		segmentOf("held", due.InNext(3*time.Hour), func(b *hogsend.Bucket) { b.MinDwell, b.MaxDwell = 7*time.Hour, 20*time.Hour }),
	}
	v := virtual(t)
	for who, p := range map[string]string{
		"ada": `{"due": "2026-01-07"}`, "bob": `{"due": "2026-01-07", "timezone": "Asia/Tokyo"}`, "cleo": `{"due": "2026-01-06T12:34:56.789012+02:00"}`,
		"dan": `{"due": "2026-01-07", "$timezone": "America/Los_Angeles"}`, "eve": `{"due": "07.01.2026"}`, "fay": `{"due": "2026-01-04"}`,
	} {
		ev := user("seen", who)
		require.NoError(t, json.Unmarshal([]byte(p), &ev.ContactProperties))
		v.send(ev)
	}
	v.set(time.Second)
	v.register("dates", buckets...)
	v.settle()
	asleep := timers{}
	for i, hours := range []int{5, 11, 20, 31, 48, 60, 75, 100} {
		v.passDwelling(asleep, time.Duration(hours)*time.Hour+time.Millisecond)
		v.send(user([]string{"a", "b"}[i%2], []string{"ada", "bob", "eve"}[i%3]))
	}
	v.passDwelling(asleep, 130*time.Hour)
	before := v.everything()
	got := v.simulate(simulate.Params{From: monday.Add(time.Second), To: monday.Add(130 * time.Hour)}, buckets...)
	require.Equal(t, []string{"property history is not kept"}, got.Warnings)
	require.Equal(t, strings.Join(v.stored(), "\n"), strings.Join(told(got.Transitions), "\n"))
	require.Greater(t, len(got.Transitions), 30)
	require.Equal(t, before, v.everything())
}
