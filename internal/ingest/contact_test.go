package ingest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

func TestAnUpdatedContactMovesThroughBuckets(t *testing.T) {
	t.Parallel() // R-48, B-6
	v := virtualWith(t, ingest.Config{}, segmentOf("pro", hogsend.Prop("plan").Eq("pro")))
	v.send(user("signup", "ada"))
	var id uuid.UUID
	require.NoError(t, v.store.Pool.QueryRow(t.Context(), `select id from contacts`).Scan(&id))
	zone := "Europe/Berlin"
	update := func(plan string, writes ...ingest.Write) bool {
		found, err := v.ingester.Update(t.Context(), id, ingest.Change{Properties: map[string]json.RawMessage{"plan": json.RawMessage(plan)}}, writes...)
		require.NoError(t, err)
		return found
	}
	require.True(t, update(`"pro"`, func(q *storedb.Queries) error { return q.ContactTimezoneSet(t.Context(), &zone, id) }))
	require.Equal(t, []string{"ada #1"}, v.members("pro"))
	require.Equal(t, 1, v.count(`select count(*) from contacts where timezone = 'Europe/Berlin' and properties = '{"plan": "pro"}' and last_seen_at = first_seen_at`))
	require.True(t, update("null"))
	require.Empty(t, v.members("pro"))
	_, err := v.store.Pool.Exec(t.Context(), `update contacts set deleted_at = now()`)
	require.NoError(t, err)
	require.False(t, update(`"pro"`))
}

// R-48, I-62: an operator's keys leave identities as consistent as those of events: each
// row is a contact, its new keys, and what becomes of it and of how many there are.
func TestAnOperatorWritesKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule   string
		of     string // the user id, address or anonymous id of the contact
		change ingest.Change
		taken  *ingest.TakenError
		want   string // the external id and address then of who it is
		live   int    // contacts that are left
	}{
		{"a contact without external id gets one", "~device", ingest.Change{ExternalID: "new"}, nil, "new", 6},
		{"and gives up that it has its address alone", "free@x", ingest.Change{ExternalID: "new"}, nil, "new free@x", 6},
		{"the external id of somebody", "~device", ingest.Change{ExternalID: "ada"}, &ingest.TakenError{Field: "externalId", ContactKey: "ada"}, "", 6},
		{"what a browser calls somebody is another name space", "ada", ingest.Change{ExternalID: "device"}, nil, "device a@x", 6}, // I-20
		{"the external id of a deleted account", "~device", ingest.Change{ExternalID: "gone"}, nil, "gone", 6},
		{"for somebody who has one, too", "ada", ingest.Change{ExternalID: "gone"}, nil, "gone a@x", 6},
		{"an address that nobody has", "ada", ingest.Change{Email: " B@x "}, nil, "ada B@x", 6},
		{"its own address in other letters", "ada", ingest.Change{Email: "A@X"}, nil, "ada A@X", 6},
		{"the address of somebody who may share it", "eve", ingest.Change{Email: "a@x"}, nil, "eve a@x", 6},
		{"the address of one's own lead", "ada", ingest.Change{Email: "FREE@x"}, nil, "ada FREE@x", 5},
		{"two leads are one", "~device", ingest.Change{Email: "free@x"}, nil, "free@x", 5},
		{"the address of a deleted account", "ada", ingest.Change{Email: "gone@x"}, nil, "ada gone@x", 6},
		{"for somebody without external id, too", "~device", ingest.Change{Email: "gone@x"}, nil, "gone@x", 6},
		{"the address of a deleted lead", "eve", ingest.Change{Email: "lost@x"}, nil, "eve lost@x", 6},
		{"for somebody without external id, as well", "~device", ingest.Change{Email: "lost@x"}, nil, "lost@x", 6},
		{"without an external id no address is shared", "~device", ingest.Change{Email: "a@x"}, &ingest.TakenError{Field: "email", ContactKey: "ada"}, "", 6},
		{"unless one comes with it", "~device", ingest.Change{ExternalID: "new", Email: "a@x"}, nil, "new a@x", 6},
		{"an address is taken away", "ada", ingest.Change{NoEmail: true}, nil, "ada", 6},
		{"also the only key", "free@x", ingest.Change{NoEmail: true}, nil, "", 6},
		{"one refused key refuses all", "ada", ingest.Change{ExternalID: "eve", Email: "free@x"}, &ingest.TakenError{Field: "externalId", ContactKey: "eve"}, "ada a@x", 6},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.sendAll(named("ada", "a@x", ""), named("eve", "", ""), named("", "", "device"), named("", "free@x", ""))
			gone, lost := b.send(named("gone", "gone@x", "tablet")), b.send(named("", "lost@x", ""))
			for _, id := range []uuid.UUID{gone.ContactID, lost.ContactID} {
				found, err := b.ingester.Delete(t.Context(), id)
				require.NoError(t, err)
				require.True(t, found)
			}
			ev := named(c.of, "", "")
			if anonymous, ok := strings.CutPrefix(c.of, "~"); ok {
				ev = named("", "", anonymous)
			} else if c.of == "free@x" {
				ev = named("", c.of, "")
			}
			id := b.send(ev).ContactID
			found, err := b.ingester.Update(t.Context(), id, c.change)
			if c.taken != nil {
				var taken *ingest.TakenError
				require.ErrorAs(t, err, &taken)
				require.Equal(t, c.taken, taken)
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, c.taken == nil, found)
			require.Equal(t, []string{c.want}, b.texts(`select concat_ws(' ', external_id, email) from contacts where id = (select coalesce(merged_into, id) from contacts where id = $1)`, id))
			require.Equal(t, c.live, b.count(`select count(*) from contacts where merged_into is null`))
			require.Equal(t, 2, b.count(`select count(*) from contacts where deleted_at is not null`), "nobody is revived")
			b.consistent()
			now := b.send(named(id.String(), "", "")).ContactID
			if c.taken == nil && c.change.ExternalID != "" {
				require.Equal(t, now, b.send(named(c.change.ExternalID, "", "")).ContactID)
			}
			if c.taken == nil && c.change.ExternalID != "" && c.of == "ada" { // the old one is free
				require.NotEqual(t, now, b.send(named("ada", "", "")).ContactID)
			}
			b.consistent()
		})
	}
}

// I-62, E-20: the id that somebody is renamed from is free; an opt-out made under an
// address that is taken away stays.
func TestARenameFreesTheOldId(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "go"))
	id := b.send(named("old", "a@x", "")).ContactID
	b.exec(`insert into preferences (id, email, email_key, unsubscribed_all, created_at, updated_at) values (gen_random_uuid(), 'a@x', 'a@x', true, now(), now())`)
	_, err := b.ingester.Update(t.Context(), id, ingest.Change{ExternalID: "new", NoEmail: true})
	require.NoError(t, err)
	r := b.send(user("go", "new"))
	require.Equal(t, id, r.ContactID)
	require.Equal(t, "new", r.ContactKey)
	require.Equal(t, []string{"user_unsubscribed"}, b.outcomes("j"))
	require.NotEqual(t, id, b.send(named("", "a@x", "")).ContactID)
	old := b.send(named("old", "", ""))
	require.NotEqual(t, id, old.ContactID)
	// There and back, and onto the id of somebody who was renamed meanwhile.
	_, err = b.ingester.Update(t.Context(), old.ContactID, ingest.Change{ExternalID: "older"})
	require.NoError(t, err)
	_, err = b.ingester.Update(t.Context(), id, ingest.Change{ExternalID: "old"})
	require.NoError(t, err)
	require.Equal(t, id, b.send(named("old", "", "")).ContactID)
	require.Equal(t, old.ContactID, b.send(named("older", "", "")).ContactID)
	b.consistent()
}

// I-5, I-30: of those who want one key at the same time one gets it, and a client's
// event meanwhile is whoever's the key is then.
func TestRacingForAKey(t *testing.T) {
	t.Parallel()
	for _, change := range []ingest.Change{{ExternalID: "key"}, {Email: "key@x"}} {
		t.Run(change.ExternalID+change.Email, func(t *testing.T) {
			t.Parallel()
			a := setup(t)
			other := a.another(ingest.Config{})
			ids := make([]uuid.UUID, 8)
			for i := range ids {
				ids[i] = a.send(named("", "", string(rune('a'+i)))).ContactID
			}
			errs := parallel(len(ids)+1, func(i int) error {
				if i == len(ids) {
					_, err := other.ingester.Ingest(t.Context(), named(change.ExternalID, change.Email, ""))
					return err
				}
				_, err := []*bundle{a, other}[i%2].ingester.Update(t.Context(), ids[i], change)
				return err
			})
			require.NoError(t, errs[len(ids)])
			for _, err := range errs[:len(ids)] {
				if err != nil {
					var taken *ingest.TakenError
					require.ErrorAs(t, err, &taken)
				}
			}
			require.Equal(t, 1, a.count(`select count(*) from contacts where external_id = 'key' or email_key = 'key@x'`))
			a.consistent()
		})
	}
}

// I-25, I-62: what an operator writes applies after the merge that it brings about: it does
// not make the values of the contact that it is about the ones written last.
func TestAnOperatorsValuesDecideNoMerge(t *testing.T) {
	t.Parallel()
	one := map[string]json.RawMessage{"own": json.RawMessage(`1`)}
	for _, c := range []struct {
		rule   string
		leads  bool // the lead's value was written last
		change ingest.Change
		want   string
	}{
		{"along with the address", true, ingest.Change{Email: "free@x", Properties: one}, "lead 1 free@x"},
		{"also under another name", true, ingest.Change{ExternalID: "new", Email: "FREE@x", Properties: one}, "lead 1 FREE@x"},
		{"the address alone", true, ingest.Change{Email: "free@x"}, "lead free@x"},
		{"when the account's was written last", false, ingest.Change{Email: "free@x", Properties: one}, "ada 1 free@x"},
		{"its own value of the same property", true, ingest.Change{Email: "free@x", Properties: map[string]json.RawMessage{"k": json.RawMessage(`"op"`)}}, "op free@x"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			write := func(ev ingest.Event, k string) uuid.UUID {
				ev.ContactProperties = map[string]json.RawMessage{"k": json.RawMessage(k)}
				return b.send(ev).ContactID
			}
			ada := write(named("ada", "", ""), `"ada"`)
			write(named("", "free@x", ""), `"lead"`)
			if !c.leads {
				write(named("ada", "", ""), `"ada"`)
			}
			_, err := b.ingester.Update(t.Context(), ada, c.change)
			require.NoError(t, err)
			require.Equal(t, []string{c.want}, b.texts(`select concat_ws(' ', properties->>'k', properties->>'own', email) from contacts where merged_into is null`))
			b.consistent()
		})
	}
}

// I-62: an id that a contact has by a merge becomes the one that it is called by, and takes
// nothing away; one that a deleted account has besides its own is free.
func TestAnIDThatCameByAMerge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada, eve := b.send(named("ada", "a@x", "")).ContactID, b.send(named("eve", "", "")).ContactID
	_, _, err := b.ingester.Merge(t.Context(), ada, eve)
	require.NoError(t, err)
	_, err = b.ingester.Update(t.Context(), ada, ingest.Change{ExternalID: "eve"})
	require.NoError(t, err)
	require.Equal(t, []string{"eve a@x"}, b.texts(`select external_id || ' ' || email from contacts where id = $1`, ada))
	require.Equal(t, ada, b.send(named("eve", "", "")).ContactID)
	require.Equal(t, ada, b.send(named("", "a@x", "")).ContactID)
	require.NotEqual(t, ada, b.send(named("ada", "", "")).ContactID, "the old one is free")
	b.consistent()

	bob, joe := b.send(named("bob", "b@x", "")).ContactID, b.send(named("joe", "", "")).ContactID
	_, _, err = b.ingester.Merge(t.Context(), bob, joe)
	require.NoError(t, err)
	b.delete(bob)
	_, err = b.ingester.Update(t.Context(), ada, ingest.Change{ExternalID: "joe"})
	require.NoError(t, err)
	require.Equal(t, ada, b.send(named("joe", "", "")).ContactID)
	require.Equal(t, bob, b.send(named("bob", "", "")).ContactID, "it comes back under its own")
	b.consistent()
}
