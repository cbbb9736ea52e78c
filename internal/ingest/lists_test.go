package ingest_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
)

func choosing(ev ingest.Event, id string, on bool) ingest.Event {
	ev.Lists = map[string]bool{id: on}
	return ev
}

// said is what the records say, address by address.
const said = `select email_key || ' ' || categories::text || ' ' || unsubscribed_all || ' ' || (contact_id is not null) from preferences order by 1`

// E-57, E-59, E-75, I-43: a choice about a list comes with the event, and is told behind it.
func TestEventChoosesLists(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("gone", "email.unsubscribed", limit(hogsend.Unlimited)))
	r := b.send(choosing(ingest.Event{Name: "e", UserID: "u", Email: "Ada@x.io"}, "news", false))
	require.Equal(t, []string{`ada@x.io {"news": false} false true`}, b.texts(said))
	require.Equal(t, []string{"Ada@x.io"}, b.texts(`select email from preferences`))
	require.Equal(t, []string{"e ", "email.unsubscribed e"}, b.texts(
		`select e.name || ' ' || coalesce(c.name, '') from events e left join events c on c.id = e.cause_id order by e.seq`), "with its cause (I-61)")
	require.Len(t, r.Decisions, 1, "what it caused is told")
	require.Equal(t, "gone", r.Decisions[0].JourneyID)

	b.send(choosing(user("e", "u"), "news", false))
	require.Equal(t, []string{"1"}, b.texts(`select count(*)::text from events where name like 'email.%'`), "what changes nothing is no event")
	b.sendAll(choosing(user("e", "u"), "news", true), choosing(user("e", "u"), "beta", false), choosing(user("e", "u"), "news", false), user("e", "other"))
	require.Equal(t, []string{`ada@x.io {"beta": false, "news": false} false true`}, b.texts(said), "as if one by one")
	require.Equal(t, []string{"email.resubscribed news", "email.unsubscribed beta", "email.unsubscribed news"}, b.texts(
		`select name || ' ' || (properties ->> 'category') from events where name like 'email.%' order by seq offset 1`))
}

// E-59: neither an opt-out from everything nor a suppression is lifted; the record of an
// address that was known without a contact becomes its contact's.
func TestListsOfAnEventLiftNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.texts(`insert into preferences (id, email, email_key, unsubscribed_all, suppressed, suppression_reason, suppressed_at, created_at, updated_at)
		values (gen_random_uuid(), 'a@x.io', 'a@x.io', true, true, 'bounce', now(), now(), now()) returning ''`)
	b.send(choosing(ingest.Event{Name: "e", Email: "a@x.io"}, "news", true))
	require.Equal(t, []string{`a@x.io {"news": true} true true`}, b.texts(said))
	require.Equal(t, []string{"bounce"}, b.texts(`select suppression_reason from preferences where suppressed`))
}

// I-1, I-8, E-59: without an address the event is refused, alone, and nothing of it stored.
func TestListsNeedAnAddress(t *testing.T) {
	t.Parallel()
	b := setup(t)
	results, err := b.ingester.IngestAll(t.Context(), []ingest.Event{user("e", "one"), choosing(user("e", "two"), "news", true), user("e", "three")})
	require.NoError(t, err)
	var wrong *hogsend.ValidationError
	require.ErrorAs(t, results[1].Err, &wrong)
	require.Equal(t, "lists", wrong.Field)
	require.True(t, results[0].Stored && results[2].Stored)
	require.Equal(t, []string{"one", "three"}, b.texts(`select external_id from contacts order by 1`))
	require.Empty(t, b.texts(said))
}

// I-36, I-49, I-53: neither a repetition nor an event from before a deletion chooses anything.
func TestListsOfWhatDoesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ev := choosing(ingest.Event{Name: "e", UserID: "u", Email: "a@x.io", Key: "k"}, "news", false)
	b.send(ev)
	b.send(choosing(user("e", "u"), "news", true))
	require.False(t, b.send(ev).Stored)
	require.Equal(t, []string{`a@x.io {"news": true} false true`}, b.texts(said))

	late := choosing(at(user("e", "u"), time.Now().Add(-time.Minute)), "news", false)
	found, err := b.ingester.Delete(t.Context(), b.send(user("e", "u")).ContactID)
	require.NoError(t, err)
	require.True(t, found)
	require.True(t, b.send(late).Stored)
	require.Equal(t, []string{`a@x.io {"news": true} false true`}, b.texts(said))
}

// E-59, I-1: whatever fails in between, event and choice are both there or neither. Every
// event chooses a list of its own; the database refuses some of the events and some of
// the choices, and two processes write into the same records at once.
func TestEventAndChoiceAreOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.store.Pool.Exec(t.Context(), `
		create function refuse_event() returns trigger language plpgsql as $$ begin
			if new.properties ? 'refused' then raise exception 'event is refused'; end if; return new; end $$;
		create trigger refuse_event before insert on events for each row execute function refuse_event();
		create function refuse_choice() returns trigger language plpgsql as $$ begin
			if exists (select from jsonb_object_keys(new.categories) k where k like 'refused%') then raise exception 'choice is refused'; end if; return new; end $$;
		create trigger refuse_choice before update on preferences for each row execute function refuse_choice();`)
	require.NoError(t, err)
	processes := []*bundle{b, b.another(ingest.Config{})}
	var work sync.WaitGroup
	const of = 60
	for p, process := range processes {
		work.Go(func() {
			r := rand.New(rand.NewPCG(uint64(p), 7))
			for i := 0; i < of; {
				var events []ingest.Event
				for range 1 + r.IntN(5) {
					id := fmt.Sprintf("list-%d-%d", p, i)
					ev := ingest.Event{Name: "e", UserID: fmt.Sprint("u", r.IntN(5)), Email: fmt.Sprintf("a%d@x.io", r.IntN(3))}
					switch r.IntN(5) {
					case 0:
						ev = with(ev, `{"refused":1}`)
					case 1:
						id = "refused-" + id
					}
					ev.Key = id
					events, i = append(events, choosing(ev, id, r.IntN(2) == 0)), i+1
				}
				_, err := process.ingester.IngestAll(t.Context(), events)
				if err != nil && !errors.Is(err, store.ErrNotFound) {
					t.Errorf("ingest: %v", err)
				}
			}
		})
	}
	work.Wait()
	stored := b.texts(`select key from event_keys where space = 'client' order by 1`)
	chosen := b.texts(`select distinct jsonb_object_keys(categories) from preferences order by 1`)
	told := b.texts(`select distinct properties ->> 'category' from events where name like 'email.%' order by 1`)
	require.NotEmpty(t, stored)
	require.Less(t, len(stored), 2*of)
	require.Equal(t, stored, chosen)
	require.Equal(t, stored, told)
	for _, key := range stored {
		require.False(t, strings.HasPrefix(key, "refused"), key)
	}
}
