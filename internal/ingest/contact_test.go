package ingest_test

import (
	"encoding/json"
	"errors"
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

// R-48, I-30: an operator's keys merge nobody, and leave identities as consistent as
// those of events: each row is a contact, its new keys, and what becomes of them.
func TestAnOperatorWritesKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule   string
		of     string // the user id or address of the contact
		change ingest.Change
		err    error
		want   string // its external id and address then
	}{
		{"a contact without external id gets one", "device", ingest.Change{ExternalID: "new"}, nil, "new"},
		{"and gives up that it has its address alone", "free@x", ingest.Change{ExternalID: "new"}, nil, "new free@x"},
		{"the external id of somebody", "device", ingest.Change{ExternalID: "ada"}, ingest.ErrExternalIDTaken, ""},
		{"an anonymous id of somebody", "ada", ingest.Change{ExternalID: "device"}, ingest.ErrExternalIDTaken, "ada a@x"},
		{"its own anonymous id", "device", ingest.Change{ExternalID: "device"}, nil, "device"},
		{"an address that nobody has", "ada", ingest.Change{Email: " B@x "}, nil, "ada B@x"},
		{"its own address in other letters", "ada", ingest.Change{Email: "A@X"}, nil, "ada A@X"},
		{"the address of somebody who may share it", "eve", ingest.Change{Email: "a@x"}, nil, "eve a@x"},
		{"the address of somebody who has no external id", "ada", ingest.Change{Email: "FREE@x"}, ingest.ErrEmailTaken, "ada a@x"},
		{"without an external id no address is shared", "device", ingest.Change{Email: "a@x"}, ingest.ErrEmailTaken, ""},
		{"unless one comes with it", "device", ingest.Change{ExternalID: "new", Email: "a@x"}, nil, "new a@x"},
		{"an address is taken away", "ada", ingest.Change{NoEmail: true}, nil, "ada"},
		{"also the only key", "free@x", ingest.Change{NoEmail: true}, nil, ""},
		{"one refused key refuses all", "ada", ingest.Change{ExternalID: "new", Email: "free@x"}, ingest.ErrEmailTaken, "ada a@x"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.sendAll(named("ada", "a@x", ""), named("eve", "", ""), named("", "", "device"), named("", "free@x", ""))
			ev := named(c.of, "", "")
			if ingest.EmailKey(c.of) == "free@x" {
				ev = named("", c.of, "")
			}
			id := b.send(ev).ContactID
			found, err := b.ingester.Update(t.Context(), id, c.change)
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.err == nil, found)
			require.Equal(t, []string{c.want}, b.texts(`select concat_ws(' ', external_id, email) from contacts where id = $1`, id))
			require.Equal(t, 4, b.count(`select count(*) from contacts where merged_into is null`))
			b.consistent()
			require.Equal(t, id, b.send(named(id.String(), "", "")).ContactID)
			if c.err == nil && c.change.ExternalID != "" {
				require.Equal(t, id, b.send(named(c.change.ExternalID, "", "")).ContactID)
			}
		})
	}
}

// I-20, E-20: who is renamed is reached by the former id too; an opt-out made under an
// address that is taken away stays.
func TestWhatAContactWasCalledStays(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "go"))
	id := b.send(named("old", "a@x", "")).ContactID
	b.exec(`insert into preferences (id, email, email_key, unsubscribed_all, created_at, updated_at) values (gen_random_uuid(), 'a@x', 'a@x', true, now(), now())`)
	_, err := b.ingester.Update(t.Context(), id, ingest.Change{ExternalID: "new", NoEmail: true})
	require.NoError(t, err)
	r := b.send(user("go", "old"))
	require.Equal(t, id, r.ContactID)
	require.Equal(t, "new", r.ContactKey)
	require.Equal(t, []string{"user_unsubscribed"}, b.outcomes("j"))
	require.NotEqual(t, id, b.send(named("", "a@x", "")).ContactID)
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
					require.True(t, errors.Is(err, ingest.ErrExternalIDTaken) || errors.Is(err, ingest.ErrEmailTaken), err)
				}
			}
			require.Equal(t, 1, a.count(`select count(*) from contacts where external_id = 'key' or email_key = 'key@x'`))
			a.consistent()
		})
	}
}
