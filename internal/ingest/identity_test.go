package ingest_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/ingest"
)

// named is an event "e" of the given keys.
func named(userID, email, anonymousID string) ingest.Event {
	return ingest.Event{Name: "e", UserID: userID, Email: email, AnonymousID: anonymousID}
}

// I-19 to I-22: which contact an event belongs to. Each step names keys as
// "user email anonymous", "-" for none; contacts are numbered as they first appear,
// and "!" marks identityConflict.
func TestWhichContact(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule  string
		steps [][3]string
		want  []string
	}{
		{"the same external id is the same contact", [][3]string{{"u", "", ""}, {"u", "", ""}}, []string{"1", "1"}},
		{"external ids compare exactly", [][3]string{{"u", "", ""}, {"U", "", ""}}, []string{"1", "2"}},
		{"e-mail compares trimmed and case-insensitively", [][3]string{{"", "Ada@X.io ", ""}, {"", "ada@x.io", ""}}, []string{"1", "1"}},
		{"anonymous ids compare exactly", [][3]string{{"", "", "a"}, {"", "", "A"}, {"", "", "a"}}, []string{"1", "2", "1"}},
		{"a user id is no anonymous id", [][3]string{{"", "", "a"}, {"a", "", ""}}, []string{"1", "2"}},
		{"an anonymous id is no user id", [][3]string{{"a", "", ""}, {"", "", "a"}, {"a", "", "a"}}, []string{"1", "2", "1"}},
		{"who was seen anonymously under somebody's id is not absorbed", [][3]string{{"", "", "x"}, {"x", "v@x", ""}, {"b", "v@x", ""}, {"x", "", ""}, {"", "", "x"}}, []string{"1", "2", "3", "2", "1"}},
		{"nobody squats on a future user's id", [][3]string{{"", "", "user_43"}, {"mallory", "", "user_43"}, {"user_43", "", ""}, {"", "", "user_43"}}, []string{"1", "1", "2", "1"}},
		{"a new user id takes the unidentified owner of the address", [][3]string{{"", "e@x", ""}, {"u", "e@x", ""}, {"u", "", ""}}, []string{"1", "1", "1"}},
		{"a new user id takes the unidentified owner of the anonymous id", [][3]string{{"", "", "a"}, {"u", "", "a"}, {"", "", "a"}}, []string{"1", "1", "1"}},
		{"an unidentified contact behind a weaker key is merged", [][3]string{{"u", "", ""}, {"", "", "a"}, {"u", "", "a"}, {"", "", "a"}}, []string{"1", "2", "1", "1"}},
		{"the address of an unidentified contact is merged", [][3]string{{"u", "", ""}, {"", "e@x", ""}, {"u", "e@x", ""}, {"", "e@x", ""}}, []string{"1", "2", "1", "1"}},
		{"two weaker keys are merged at once", [][3]string{{"", "e@x", ""}, {"", "", "a"}, {"u", "e@x", "a"}, {"", "", "a"}, {"", "e@x", ""}}, []string{"1", "2", "1", "1", "1"}},
		{"an identified contact is never absorbed by its address", [][3]string{{"a", "e@x", ""}, {"b", "e@x", ""}, {"a", "", ""}, {"b", "", ""}}, []string{"1", "2", "1", "2"}},
		{"an identified contact keeps its anonymous id", [][3]string{{"a", "", "n"}, {"b", "", "n"}, {"", "", "n"}}, []string{"1", "2!", "1"}},
		{"an address alone is the identified contact last seen with it", [][3]string{{"a", "e@x", ""}, {"b", "e@x", ""}, {"", "e@x", ""}, {"a", "", ""}, {"", "e@x", ""}}, []string{"1", "2", "2", "1", "1"}},
		{"an unknown address takes the unidentified anonymous contact", [][3]string{{"", "", "n"}, {"", "e@x", "n"}, {"", "e@x", ""}}, []string{"1", "1", "1"}},
		{"an unknown address beside an identified anonymous id is a new contact", [][3]string{{"u", "", "n"}, {"", "e@x", "n"}, {"", "", "n"}, {"", "e@x", ""}}, []string{"1", "2!", "1", "2"}},
		{"a given address replaces the one before", [][3]string{{"u", "e@x", ""}, {"u", "f@x", ""}, {"", "f@x", ""}, {"", "e@x", ""}}, []string{"1", "1", "1", "2"}},
		{"an event without address leaves it alone", [][3]string{{"u", "e@x", ""}, {"u", "", ""}, {"", "e@x", ""}}, []string{"1", "1", "1"}},
		{"an unidentified contact that moves frees its address", [][3]string{{"", "e@x", "n"}, {"", "f@x", "n"}, {"", "e@x", ""}, {"", "f@x", ""}}, []string{"1", "1", "2", "1"}},
		{"an identified contact gives its address up to no one else", [][3]string{{"u", "e@x", ""}, {"v", "", ""}, {"", "e@x", ""}}, []string{"1", "2", "1"}},
	} {
		for _, together := range []bool{false, true} { // I-17
			t.Run(fmt.Sprintf("%s/%v", c.rule, together), func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				events := make([]ingest.Event, len(c.steps))
				for i, s := range c.steps {
					events[i] = named(s[0], s[1], s[2])
				}
				var results []ingest.Result
				if together {
					results = b.sendAll(events...)
				} else {
					for _, ev := range events {
						results = append(results, b.send(ev))
					}
				}
				numbers := map[uuid.UUID]string{}
				var got []string
				for _, r := range results {
					n, ok := numbers[r.ContactID]
					if !ok {
						n = fmt.Sprint(len(numbers) + 1)
						numbers[r.ContactID] = n
					}
					if b.count(`select count(*) from events where id = $1 and identity_conflict`, r.EventID) == 1 {
						n += "!"
					}
					got = append(got, n)
				}
				require.Equal(t, c.want, got)
				b.consistent()
			})
		}
	}
}

// consistent checks what holds of identities at any time: an address is reserved
// exactly while an unidentified contact has it, and every key leads to a contact
// that was not merged away.
func (b *bundle) consistent() {
	b.t.Helper()
	require.Empty(b.t, b.texts(`select k.kind || ' ' || k.key from contact_keys k left join contacts c on c.id = k.contact_id
		where c.id is null or c.merged_into is not null or k.kind = 'email' and (c.external_id is not null or c.email_key <> k.key)`))
	require.Empty(b.t, b.texts(`select c.email_key from contacts c where c.email_key is not null and c.external_id is null and c.merged_into is null
		and not exists (select from contact_keys k where k.kind = 'email' and k.key = c.email_key and k.contact_id = c.id)`))
	require.Empty(b.t, b.texts(`select c.external_id from contacts c where c.external_id is not null
		and not exists (select from contact_keys k where k.kind = 'user' and k.key = c.external_id and k.contact_id = c.id)`))
	for table, column := range map[string]string{"events": "contact_id", "enrollments": "contact_id", "waits": "contact_id", "decisions": "contact_id", "outbox": "ordering_key"} {
		require.Zero(b.t, b.count(`select count(*) from `+table+` x where not exists
			(select from contacts c where c.id = x.`+column+` and c.merged_into is null)`), table)
	}
}

// I-15, I-20: whatever a reply called the contact reaches it again as a user id,
// also after it was merged away.
func TestAContactKeyReachesTheContact(t *testing.T) {
	t.Parallel()
	b := setup(t)
	byEmail := b.send(named("", "e@x", ""))
	require.Equal(t, byEmail.ContactID.String(), byEmail.ContactKey)
	require.Equal(t, byEmail.ContactID, b.send(named(byEmail.ContactKey, "", "")).ContactID)
	anonymous := b.send(named("", "", "n"))
	require.Equal(t, anonymous.ContactID.String(), anonymous.ContactKey) // never the anonymous id (I-15)
	known := b.send(named("u", "", ""))
	require.Equal(t, "u", known.ContactKey)
	merged := b.send(named("u", "e@x", "n"))
	require.Equal(t, "u", merged.ContactKey)
	for _, key := range []string{byEmail.ContactKey, anonymous.ContactKey, anonymous.ContactID.String(), known.ContactID.String()} {
		require.Equal(t, known.ContactID, b.send(named(key, "", "")).ContactID, key)
	}
	b.consistent()
}

// I-19: shown as last written.
func TestAnAddressIsShownAsLastWritten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.send(named("u", "ada@x.io", ""))
	b.send(named("u", " Ada@X.io ", ""))
	require.Equal(t, []string{"Ada@X.io ada@x.io"}, b.texts(`select email || ' ' || email_key from contacts`))
}

// I-25, I-26: a merge unites properties, times and everything that refers to the
// contact; the value written last wins, then the event's own.
func TestAMergeKeepsEverything(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "start"), journey("k", "kstart"))
	start := time.Now().Add(-2 * time.Hour).UTC().Truncate(time.Microsecond)
	ev := named("u", "", "")
	ev.ContactProperties = map[string]json.RawMessage{"both": json.RawMessage(`"u"`), "mine": json.RawMessage(`1`), "own": json.RawMessage(`1`)}
	known := b.send(at(ev, start))
	ev = named("", "m@x", "n")
	ev.ContactProperties = map[string]json.RawMessage{"both": json.RawMessage(`"n"`), "theirs": json.RawMessage(`2`), "own": json.RawMessage(`2`)}
	ev.Key = "first"
	other := b.send(at(ev, start.Add(-time.Hour)))
	b.send(ingest.Event{Name: "start", AnonymousID: "n"})
	wait := b.waiting(b.enrollment("j"), "w", "", nil)
	b.exec(`insert into sends (id, key, contact_id, template_key, status, created_at, updated_at) values (gen_random_uuid(), 'k', $1, 't', 'sent', now(), now())`, other.ContactID)
	b.exec(`insert into preferences (id, email, email_key, contact_id, unsubscribed_all, created_at, updated_at) values (gen_random_uuid(), 'm@x', 'm@x', null, true, now(), now())`)
	workflowID := b.texts(`select workflow_id from enrollments`)

	ev = named("u", "", "n")
	ev.ContactProperties = map[string]json.RawMessage{"own": json.RawMessage(`3`)}
	r := b.send(ev)
	require.Equal(t, known.ContactID, r.ContactID)
	require.Equal(t, []string{`{"own": 3, "both": "n", "mine": 1, "theirs": 2}`}, b.texts(`select properties::text from contacts where merged_into is null`))
	require.Equal(t, []string{"m@x"}, b.texts(`select email from contacts where merged_into is null`))
	require.Equal(t, 1, b.count(`select count(*) from contacts where first_seen_at = $1 and merged_into is null`, start.Add(-time.Hour)))
	require.Equal(t, 4, b.count(`select count(*) from events where contact_id = $1`, known.ContactID))
	require.Equal(t, 1, b.count(`select count(*) from sends where contact_id = $1`, known.ContactID))
	require.Equal(t, workflowID, b.texts(`select workflow_id from enrollments where contact_id = $1`, known.ContactID)) // J-57
	b.consistent()

	// The wait goes on at the survivor, and so does the outbox of the merged-away contact.
	b.send(user("w", "u"))
	require.Equal(t, []string{"matched"}, b.texts(`select status from waits where id = $1`, wait))
	require.Equal(t, []string{"start", "signal"}, b.texts(`select kind from outbox where ordering_key = $1 order by seq`, known.ContactID))
	// An opt-out of either holds (I-26).
	b.send(user("kstart", "u"))
	require.Equal(t, []string{"user_unsubscribed"}, b.outcomes("k"))
	// The key of the merged-away contact's event answers with the survivor (I-36).
	ev = named("", "m@x", "n")
	ev.Key = "first"
	again := b.send(ev)
	require.False(t, again.Stored)
	require.Equal(t, "u", again.ContactKey)
}

// I-25: without external ids the older contact survives.
func TestTheOlderContactSurvives(t *testing.T) {
	t.Parallel()
	b := setup(t)
	old := b.send(named("", "", "a"))
	b.send(named("", "e@x", ""))
	require.Equal(t, old.ContactID, b.send(named("", "e@x", "a")).ContactID)
	require.Equal(t, []string{"e@x"}, b.texts(`select email from contacts where merged_into is null`))
	b.consistent()
}

// I-28, J-57: of two non-terminal enrollments of a journey the earlier-made goes on;
// moved ones get entries after the survivor's.
func TestAMergeOfEnrollments(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "start"), journey("after", "journey:exited"))
	b.send(ingest.Event{Name: "start", AnonymousID: "n"})
	b.finish(b.enrollment("j"), "completed")
	b.send(ingest.Event{Name: "start", AnonymousID: "n"}) // n: entries 1 completed, 2 active
	b.send(user("start", "u"))                            // u: entry 1 active, made later
	b.send(named("u", "", "n"))
	require.Equal(t, []string{"exited merged", "completed", "active"}, b.statuses("j"))
	require.Equal(t, []string{"1", "2", "3"}, b.texts(`select entry::text from enrollments where journey_id = 'j' order by entry`))
	require.Equal(t, []string{"active"}, b.statuses("after"))
	require.Equal(t, 1, b.count(`select count(*) from outbox where kind = 'cancel'`))
	b.consistent()
	b.send(user("start", "u"))
	require.Equal(t, "already_active", b.outcomes("j")[len(b.outcomes("j"))-1])
}

// I-17: a merge in the middle of a batch sees what the items before it did.
func TestAMergeInsideABatch(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "start"))
	b.sendAll(
		ingest.Event{Name: "start", AnonymousID: "n"}, user("start", "u"), named("u", "", "n"),
		ingest.Event{Name: "start", AnonymousID: "n"}, named("", "e@x", "m"), named("u", "e@x", ""),
	)
	require.Equal(t, []string{"enrolled", "enrolled", "already_active"}, b.outcomes("j"))
	require.Equal(t, []string{"exited merged", "active"}, b.statuses("j"))
	require.Equal(t, 1, b.count(`select count(*) from contacts where merged_into is null`))
	b.consistent()
}

// I-31: internal events change neither first nor last seen.
func TestFirstAndLastSeen(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "e"))
	now := time.Now().UTC().Truncate(time.Microsecond)
	for _, ago := range []time.Duration{3 * time.Hour, 5 * time.Hour, time.Hour, 2 * time.Hour} {
		b.send(at(user("e", "u"), now.Add(-ago)))
	}
	want := []string{now.Add(-5*time.Hour).String() + now.Add(-time.Hour).String()}
	seen := func() []string {
		var first, last time.Time
		require.NoError(t, b.store.Pool.QueryRow(t.Context(), `select first_seen_at, last_seen_at from contacts`).Scan(&first, &last))
		return []string{first.UTC().String() + last.UTC().String()}
	}
	require.Equal(t, want, seen())
	b.finish(b.enrollment("j"), "completed")
	require.Equal(t, want, seen())
}

// I-32: shallow, null removes, other keys stay; in order of commit whatever the timestamp.
func TestContactProperties(t *testing.T) {
	t.Parallel()
	b := setup(t)
	write := func(pairs ...string) ingest.Event {
		ev := user("e", "u")
		ev.ContactProperties = map[string]json.RawMessage{}
		for i := 0; i < len(pairs); i += 2 {
			ev.ContactProperties[pairs[i]] = json.RawMessage(pairs[i+1])
		}
		return ev
	}
	stored := func() string { return b.texts(`select properties::text from contacts`)[0] }
	b.send(write("a", `{"x":1}`, "gone", `null`, "tags", `["t"]`))
	require.JSONEq(t, `{"a":{"x":1},"tags":["t"]}`, stored())
	b.send(write("a", `{"y":null}`, "b", `null`))
	require.JSONEq(t, `{"a":{"y":null},"tags":["t"]}`, stored())
	b.send(at(write("a", `1`), time.Now().Add(-time.Hour)))
	require.JSONEq(t, `{"a":1,"tags":["t"]}`, stored())
	b.sendAll(write("a", `2`, "c", `1`), write("a", `null`), write("d", `null`, "e", `"v"`), write("c", `null`), write("c", `3`))
	require.JSONEq(t, `{"c":3,"e":"v","tags":["t"]}`, stored())
	// I-34: event properties stay on the event.
	b.send(with(user("e", "u"), `{"plan":"pro"}`))
	require.JSONEq(t, `{"c":3,"e":"v","tags":["t"]}`, stored())
}

// I-49: a public event after the deletion revives, one before it changes nothing.
func TestDeletedContacts(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "e", limit(hogsend.Once)))
	first := b.send(named("u", "e@x", ""))
	b.finish(b.enrollment("j"), "completed")
	b.exec(`update contacts set deleted_at = clock_timestamp()`)
	deleted := b.now().Add(-time.Second)

	old := at(named("u", "f@x", "n"), deleted.Add(-time.Minute))
	old.ContactProperties = map[string]json.RawMessage{"a": json.RawMessage(`1`)}
	r := b.send(old)
	require.True(t, r.Stored)
	require.Equal(t, first.ContactID, r.ContactID)
	require.Equal(t, []string{"enrolled", "contact_deleted"}, b.outcomes("j"))
	require.Equal(t, []string{"e@x {}"}, b.texts(`select email || ' ' || properties::text from contacts where deleted_at is not null`))

	require.Equal(t, first.ContactID, b.send(named("u", "", "")).ContactID)
	require.Equal(t, 1, b.count(`select count(*) from contacts where deleted_at is null`))
	require.Equal(t, "already_entered_once", b.outcomes("j")[2]) // J-31
}

// I-49: an event that names a live and a deleted contact merges them.
func TestALiveAndADeletedContactMerge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.delete(b.send(named("", "e@x", "n")).ContactID)
	live := b.send(named("u", "", ""))
	require.Equal(t, live.ContactID, b.send(named("u", "e@x", "")).ContactID)
	require.Equal(t, live.ContactID, b.send(named("", "e@x", "")).ContactID)
	require.Equal(t, 1, b.count(`select count(*) from contacts where merged_into is null and deleted_at is null`))
	b.consistent()
}

func (b *bundle) delete(id uuid.UUID) {
	b.t.Helper()
	found, err := b.ingester.Delete(b.t.Context(), id)
	require.NoError(b.t, err)
	require.True(b.t, found)
}

// I-48, I-49: what comes of a browser or an address after a deletion undoes it only if it
// means that very account.
func TestADeletionIsNotUndoneByOthers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule    string
		before  [][3]string // others, before the deletion of {"u", "e@x", "n"}
		after   [3]string
		revives bool
	}{
		{"a trailing event of the same browser", nil, [3]string{"", "", "n"}, false},
		{"of the same browser with somebody else's id", nil, [3]string{"v", "", "n"}, false},
		{"of the same browser with somebody else's address", nil, [3]string{"", "f@x", "n"}, false},
		{"of the same browser with the account's own id", nil, [3]string{"u", "", "n"}, true},
		{"the address that a live account shares", [][3]string{{"v", "e@x", ""}}, [3]string{"", "e@x", ""}, false},
		{"a new account with the address", nil, [3]string{"v", "e@x", ""}, false},
		{"the address alone, which nobody else has", nil, [3]string{"", "e@x", ""}, true},
		{"the address, when a live account had it and left", [][3]string{{"v", "e@x", ""}, {"v", "f@x", ""}}, [3]string{"", "e@x", ""}, true},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			id := b.send(named("u", "e@x", "n")).ContactID
			for _, k := range c.before {
				b.send(named(k[0], k[1], k[2]))
			}
			b.delete(id)
			r := b.send(named(c.after[0], c.after[1], c.after[2]))
			require.Equal(t, c.revives, r.ContactID == id)
			require.Equal(t, c.revives, b.count(`select count(*) from contacts where id = $1 and deleted_at is null`, id) == 1)
			b.consistent()
			// The account itself still comes back, with what it had.
			require.Equal(t, id, b.send(named("u", "", "")).ContactID)
			b.consistent()
		})
	}
}

// I-25: whose value stays is decided by when it was written, and only by that: the first
// two write k, "lead" before "anon"; then come others, and the last event merges them.
func TestTheValueWrittenLastSurvivesMerges(t *testing.T) {
	t.Parallel()
	lead, anon := [3]string{"", "e@x", ""}, [3]string{"", "", "a"}
	for _, c := range []struct {
		rule    string
		between [][3]string
		delete  bool // the lead
		merge   [3]string
	}{
		{"taking a lead is no write", nil, false, [3]string{"new", "e@x", "a"}},
		{"nor is attaching a key", [][3]string{{"", "e@x", "b"}}, false, [3]string{"new", "e@x", "a"}},
		{"nor is naming", [][3]string{{"new", "e@x", ""}}, false, [3]string{"new", "", "a"}},
		{"nor is merging", [][3]string{{"", "", "b"}, {"", "e@x", "b"}}, false, [3]string{"new", "e@x", "a"}},
		{"nor is being seen", [][3]string{{"", "e@x", ""}}, false, [3]string{"", "e@x", "a"}},
		{"nor is deletion with the revival by the event itself", nil, true, [3]string{"", "e@x", "a"}},
		{"nor is revival", [][3]string{{"", "e@x", ""}}, true, [3]string{"", "e@x", "a"}},
		{"nor is making a contact", [][3]string{{"new", "", ""}}, false, [3]string{"new", "e@x", "a"}},
	} {
		for _, together := range []bool{false, true} {
			if together && c.delete {
				continue
			}
			t.Run(fmt.Sprintf("%s/%v", c.rule, together), func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				first, second := named(lead[0], lead[1], lead[2]), named(anon[0], anon[1], anon[2])
				first.ContactProperties = map[string]json.RawMessage{"k": json.RawMessage(`"lead"`)}
				second.ContactProperties = map[string]json.RawMessage{"k": json.RawMessage(`"anon"`)}
				events := []ingest.Event{first, second}
				for _, k := range append(c.between, c.merge) {
					events = append(events, named(k[0], k[1], k[2]))
				}
				if together {
					b.sendAll(events...)
				} else {
					for i, ev := range events {
						id := b.send(ev).ContactID
						if i == 0 && c.delete {
							b.delete(id)
						}
					}
				}
				require.Equal(t, []string{"anon"}, b.texts(`select properties->>'k' from contacts where merged_into is null`))
				b.consistent()
			})
		}
	}
}

// I-25: of three contacts that one event makes one, each value is the one written last,
// whoever has it.
func TestThreeContactsMergeByTheirWrites(t *testing.T) {
	t.Parallel()
	keys := map[string][3]string{"user": {"u", "", ""}, "email": {"", "e@x", ""}, "anonymous": {"", "", "a"}}
	for _, order := range [][]string{
		{"user", "email", "anonymous"},
		{"user", "anonymous", "email"},
		{"email", "user", "anonymous"},
		{"email", "anonymous", "user"},
		{"anonymous", "user", "email"},
		{"anonymous", "email", "user"},
	} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			for i, who := range order {
				ev := named(keys[who][0], keys[who][1], keys[who][2])
				ev.ContactProperties = map[string]json.RawMessage{"all": json.RawMessage(fmt.Sprintf("%q", who)), "not" + order[2]: json.RawMessage(fmt.Sprint(i))}
				if i == 2 {
					delete(ev.ContactProperties, "not"+order[2])
				}
				b.send(ev)
			}
			b.send(named("u", "e@x", "a"))
			require.Equal(t, []string{order[2] + " 1"}, b.texts(`select concat_ws(' ', properties->>'all', properties->>$1) from contacts where merged_into is null`, "not"+order[2]))
			b.consistent()
		})
	}
}

// I-17, I-36: a batch answers and stores as its items would one by one.
func TestABatchIsOneByOne(t *testing.T) {
	t.Parallel()
	keyed := func(ev ingest.Event, key string) ingest.Event { ev.Key = key; return ev }
	b := setup(t)
	b.send(keyed(named("", "", "a"), "k"))
	results := b.sendAll(keyed(named("v", "", ""), "k"), named("u", "", "a"), keyed(named("u", "", ""), "k"), named("u", "n@x", ""))
	require.Equal(t, results[1].ContactID, results[0].ContactID)
	require.Equal(t, results[0].ContactID.String(), results[0].ContactKey, "not yet named")
	require.False(t, results[2].Stored)
	require.Equal(t, "u", results[2].ContactKey)

	// A repeat of a contact that was merged away by an item before.
	b.send(keyed(named("", "m@x", ""), "m"))
	results = b.sendAll(named("w", "", ""), named("w", "m@x", ""), keyed(named("zz", "", ""), "m"))
	require.Equal(t, "w", results[2].ContactKey)
	require.Equal(t, results[0].ContactID, results[2].ContactID)

	// The newest anonymous id is the last one, whatever its letters.
	for i, ids := range [][]string{{"zz", "aa"}, {"aa", "zz"}, {"m", "z", "a"}, {"2", "10", "1"}} {
		var events []ingest.Event
		for _, id := range ids {
			events = append(events, named("", fmt.Sprintf("%d@y", i), fmt.Sprintf("%d-%s", i, id)))
		}
		id := b.sendAll(events...)[0].ContactID
		require.Equal(t, []string{fmt.Sprintf("%d-%s", i, ids[len(ids)-1])}, b.texts(`select key from contact_keys where kind = 'anonymous' and contact_id = $1 order by created_at desc limit 1`, id))
	}
	b.consistent()
}
