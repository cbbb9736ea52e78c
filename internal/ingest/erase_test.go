package ingest_test

import (
	"encoding/json"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/ingest"
)

// withoutContacts are the tables that say nothing of contacts: what authors, operators and
// the product itself write, and files
// on their way into contacts, which are gone when they are there. Whoever adds a table adds it here, or has FinishErasure empty it.
var withoutContacts = []string{
	"alert_history", "alert_rules", "api_keys", "attempts", "backfills", "buckets", "campaigns", "clock_cursors", "count_changes", "counts", "date_triggers", "destinations", "erased_keys", "erasure_key", "erasures", "files",
	"imports", "journey_configs", "one_time_links", "registries", "registry_state", "release_pace", "schedules", "send_batches", "hogsend_migrations", "hogsend_versions", "sessions", "timer_backfills",
	"users", "webhook_messages", "worker_heartbeats", "zones",
}

// person finds the contact of an external id.
func (b *bundle) personID(userID string) uuid.UUID {
	b.t.Helper()
	return uuid.MustParse(b.texts(`select contact_id::text from contact_keys where kind = 'user' and key = $1`, userID)[0])
}

func (b *bundle) begin(contactID uuid.UUID) uuid.UUID {
	b.t.Helper()
	id := uuid.Must(uuid.NewV7())
	found, err := b.ingester.Erase(b.t.Context(), id, contactID, "asked for it")
	require.NoError(b.t, err)
	require.True(b.t, found)
	return id
}

func (b *bundle) erase(contactID uuid.UUID) uuid.UUID {
	b.t.Helper()
	id := b.begin(contactID)
	_, err := b.store.FinishErasure(b.t.Context(), id)
	require.NoError(b.t, err)
	return id
}

// longLife gives a contact rows in every table that has something of contacts, each with
// the word "planted". It returns the contact and one that was merged into it.
func longLife(t *testing.T) (b *bundle, contact uuid.UUID) {
	t.Helper()
	b = setup(t, journey("path", "signed.up", func(j *hogsend.Journey) { j.Key = "plan" }), journey("other", "elsewhere"))
	b.sendAll(
		ingest.Event{Name: "viewed", AnonymousID: "planted-browser", ContactProperties: map[string]json.RawMessage{"city": json.RawMessage(`"planted"`)}},
		ingest.Event{
			Name: "signed.up", UserID: "planted-ada", AnonymousID: "planted-browser", Email: "Planted@example.com", Key: "planted-key",
			Properties: json.RawMessage(`{"plan":"planted","text":"planted"}`), ContactProperties: map[string]json.RawMessage{"name": json.RawMessage(`"planted"`)},
		},
		ingest.Event{Name: "viewed", AnonymousID: "planted-second", ContactProperties: map[string]json.RawMessage{"town": json.RawMessage(`"planted"`)}},
	)
	b.sendAll(ingest.Event{Name: "viewed", UserID: "planted-ada", AnonymousID: "planted-second"})
	require.Positive(t, b.count(`select count(*) from contacts where merged_into is not null`), "somebody was merged into it")
	contact = b.personID("planted-ada")
	enrollment := b.enrollment("path")
	send, stay := uuid.New(), uuid.New()
	b.exec(`update contacts set timezone = 'planted' where id = $1`, contact)
	b.exec(`update enrollments set error = 'planted' where id = $1`, enrollment)
	b.waiting(enrollment, "paid", `{"planted":true}`, nil)
	b.exec(`insert into step_logs (enrollment_id, step_key, action, detail, at) values ($1, 'planted', 'x', '{"a":"planted"}', now())`, enrollment)
	b.exec(`insert into once_values values ($1, 'label', '"planted"', now())`, enrollment)
	b.exec(`insert into digests (enrollment_id, step_key, contact_id, journey_id, label, flushed_at, key) values ($1, 's', $2, 'path', 'planted', now(), 'planted')`, enrollment, contact)
	b.exec(`insert into digested (event_id, journey_id, label, enrollment_id, step_key, key) values ($2, 'path', 'l', $1, 's', 'planted')`, enrollment, uuid.New())
	b.exec(`insert into paused_effects (id, enrollment_id, journey_id, step_key, n, node, is_send, held_at, starts)
		values (gen_random_uuid(), $1, 'path', 's', 1, 'planted', false, now(), '{"a":"planted"}')`, enrollment)
	b.exec(`insert into enrollment_issues values ($1, 'blocked', 'planted', now(), now())`, enrollment)
	b.exec(`insert into memberships (id, bucket_id, contact_id, epoch, status, source, entered_at, anchor_at, last_evaluated_at, fired, created_at, updated_at)
		values ($1, 'some', $2, 1, 'active', 'event', now(), now(), now(), '{"planted":1}', now(), now())`, stay, contact)
	b.exec(`insert into sends (id, key, contact_id, enrollment_id, template_key, status, to_email, reply_to, subject, html, text, headers, tags, props, provider_id,
			bounce_reason, redirected_to, created_at, updated_at)
		values ($1, 'planted', $2, $3, 'welcome', 'queued', 'planted@example.com', 'planted', 'planted', 'planted', 'planted', '{"a":"planted"}', '{"a":"planted"}',
			'{"a":"planted"}', 'planted', 'planted', 'planted', now(), now())`, send, contact, enrollment)
	b.exec(`insert into sends (id, key, template_key, status, reason, to_email, created_at, updated_at)
		values (gen_random_uuid(), 'planted-2', 'receipt', 'failed', 'planted', 'planted@example.com', now(), now())`)
	b.exec(`insert into tracked_links (id, send_id, url) values (gen_random_uuid(), $1, 'https://planted')`, send)
	b.exec(`insert into hits (id, send_id, class, ip_address, user_agent, at) values (gen_random_uuid(), $1, 'human', 'planted', 'planted', now())`, send)
	b.exec(`insert into mailbox values ('planted', 'planted', '', '{"to":"planted@example.com"}', now())`)
	campaign := uuid.New()
	b.exec(`insert into campaigns (id, name, status, audience_kind, audience_id, template_key, created_at, updated_at)
		values ($1, 'spring', 'sending', 'list', 'news', 'welcome', now(), now())`, campaign)
	b.exec(`insert into campaign_recipients (campaign_id, contact_id, email_key, due_at) values ($1, $2, 'planted@example.com', now())`, campaign, contact)
	b.exec(`insert into date_dues values ($1, 'path', now(), 'planted', 0)`, contact)
	b.exec(`insert into property_dates values ($1, 'planted', now())`, contact)
	b.exec(`insert into clock_retries values ($1, 'some', now(), 0, now(), 'planted')`, contact)
	b.exec(`insert into backfilled_contacts values ('some', 1, $1)`, contact)
	b.exec(`insert into outbox (id, ordering_key, kind, key, payload, due_at, created_at, destination) values
		($3, $1, 'capture', 'planted', '{"a":"planted"}', now(), now(), 'posthog'), (gen_random_uuid(), $2, 'dwell', 'planted-3', '{"a":"planted"}', now(), now(), 'temporal')`,
		contact, stay, send)
	b.exec(`update outbox set status = 'delivered' where kind = 'dwell'`)
	b.exec(`update outbox set status = 'dead', last_error = 'planted' where kind = 'capture'`)
	b.exec(`insert into dead_letters (id, source, source_id, payload, error, created_at, updated_at) values (gen_random_uuid(), 'outbox.capture', $1, '{"a":"planted"}', 'planted', now(), now())`, send.String())
	b.exec(`insert into send_files (send_id, place, name, type, size) values ($1, 0, 'planted.pdf', 'application/pdf', 1)`, send)
	b.exec(`insert into answers values ($1, 'nps.answered', '{"score":9}', now(), 'planted', now())`, send)
	b.exec(`insert into inbox (id, source, message_id, body, headers, received_at, last_error) values (gen_random_uuid(), 'crm', 'planted', convert_to('{"id":"planted-ada"}', 'UTF8'), '{}', now(), 'planted')`)
	record := uuid.New()
	b.exec(`insert into preferences (id, email, email_key, contact_id, unsubscribed_all, categories, suppressed, suppression_reason, suppressed_at, created_at, updated_at)
		values ($1, 'Planted@example.com', 'planted@example.com', $2, true, '{"news":false,"tips":true}', true, 'complaint', now(), now(), now())`, record, contact)
	b.exec(`insert into audit_logs (id, actor_type, actor, action, resource, resource_id, contact_id, detail) values
		(gen_random_uuid(), 'system', 'cli', 'contacts.update', 'contacts', $1, $2, '{"new":{"name":"planted"}}'),
		(gen_random_uuid(), 'system', 'cli', 'suppressions.create', 'suppressions', $3, null, '{"with":{"note":"planted"}}')`, contact.String(), contact, record.String())
	return b, contact
}

// tables are all tables of the product.
func (b *bundle) tables() []string {
	b.t.Helper()
	return b.texts(`select table_name::text from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' order by 1`)
}

// mentioning are the tables that have a word in some row.
func (b *bundle) mentioning(word string) (found []string) {
	b.t.Helper()
	for _, table := range b.tables() {
		if b.count(`select count(*) from `+table+` x where x::text ilike '%'||$1||'%'`, word) > 0 {
			found = append(found, table)
		}
	}
	return found
}

// I-51, E-68: whatever is known of somebody is in no table afterwards, whoever adds tables.
func TestAnErasedContactIsInNoTable(t *testing.T) {
	t.Parallel()
	b, contact := longLife(t)
	planted := b.mentioning("planted")
	for _, table := range b.tables() {
		if table != "backfilled_contacts" { // ids only
			require.NotEqual(t, slices.Contains(withoutContacts, table), slices.Contains(planted, table), "table %s: does it say something of contacts? then plant something in it", table)
		}
	}
	id := b.erase(contact)
	require.Empty(t, b.mentioning("planted"))
	require.Equal(t, 0, b.count(`select (select count(*) from contact_keys) + (select count(*) from backfilled_contacts) + (select count(*) from events)`))
	require.Equal(t, []string{"exited deleted"}, b.statuses("path"), "that there was an enrollment stays")
	require.Equal(t, []string{"failed", "skipped no_email"}, b.texts(`select status || coalesce(' ' || reason, '') from sends order by 1`), "and that there were mails")
	require.Equal(t, []string{"cancel"}, b.texts(`select kind from outbox where status = 'pending' and kind = 'cancel'`), "its workflow is told")
	require.Equal(t, []string{"true true {} done"}, b.texts(`select suppression_kept || ' ' || (removed <> '{}') || ' ' || lookups::text || ' done' from erasures where id = $1 and completed_at is not null`, id))

	again, err := b.ingester.Erase(t.Context(), uuid.New(), contact, "")
	require.NoError(t, err)
	require.False(t, again, "twice is once")
}

// I-51: what comes with the same ids afterwards makes somebody new; a repeat of an erased
// event is a repeat still; the uuid leads nowhere.
func TestAnErasedContactBeginsAnew(t *testing.T) {
	t.Parallel()
	b, contact := longLife(t)
	b.erase(contact)

	repeat := b.send(ingest.Event{Name: "signed.up", UserID: "planted-ada", Key: "planted-key"})
	require.False(t, repeat.Stored)
	require.Zero(t, b.count(`select count(*) from contact_keys`))

	fresh := b.send(with(user("signed.up", "planted-ada"), `{"plan":"pro"}`))
	require.True(t, fresh.Stored)
	require.NotEqual(t, contact, fresh.ContactID)
	require.Equal(t, 1, b.count(`select max(entry) from enrollments where contact_id = $1`, fresh.ContactID), "counted anew")
	other := b.send(user("viewed", contact.String()))
	require.NotEqual(t, contact, other.ContactID, "the uuid is a user id like any other")
}

// E-68: an address that was not to be written to still is not, though nobody can read which
// it is; a record made of it takes up what was kept, under the id that old links name.
func TestAnErasedAddressStaysSuppressed(t *testing.T) {
	t.Parallel()
	b, contact := longLife(t)
	record := b.texts(`select id::text from preferences`)[0]
	b.erase(contact)
	require.Equal(t, []string{record + ` true complaint {"news": false}`}, b.texts(`select id || ' ' || suppressed || ' ' || suppression_reason || ' ' || categories::text from preferences
		where email = '' and contact_id is null and email_key like 'erased:%'`))

	fresh := b.send(with(ingest.Event{Name: "signed.up", UserID: "ada", Email: "PLANTED@example.com"}, `{"plan":"pro"}`))
	require.Equal(t, []string{"user_unsubscribed"}, b.texts(`select reason from decisions where contact_id = $1`, fresh.ContactID), "nobody enrolls who is off everything (E-20)")
	row, err := b.store.PreferenceRecord(t.Context(), "planted@example.com", &fresh.ContactID)
	require.NoError(t, err)
	require.Equal(t, record, row.ID.String())
	require.True(t, row.Suppressed)
	require.True(t, row.UnsubscribedAll)
	require.JSONEq(t, `{"news":false}`, string(row.Categories))
	require.Equal(t, 1, b.count(`select count(*) from preferences`))
}

// I-19, E-64: the record of an address that somebody else has too stays theirs; one that says
// nothing goes.
func TestAnErasureLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sendAll(ingest.Event{Name: "x", UserID: "ada", Email: "team@example.com"}, ingest.Event{Name: "x", UserID: "bob", Email: "team@example.com"},
		ingest.Event{Name: "x", UserID: "eve", Email: "eve@example.com"})
	ada, eve := b.personID("ada"), b.personID("eve")
	_, err := b.store.PreferenceRecord(t.Context(), "team@example.com", &ada)
	require.NoError(t, err)
	_, err = b.store.PreferenceRecord(t.Context(), "eve@example.com", &eve)
	require.NoError(t, err)
	b.exec(`update preferences set suppressed = true where email = 'team@example.com'`)
	b.erase(ada)
	b.erase(eve)
	require.Equal(t, []string{"team@example.com"}, b.texts(`select email_key from preferences where contact_id is null and suppressed`))
	require.Equal(t, 1, b.count(`select count(*) from preferences`))
	require.Equal(t, 1, b.count(`select count(*) from events`))
	require.Equal(t, []string{"bob"}, b.texts(`select key from contact_keys`))
}

// I-51: a process may die between any two pieces: what is left is found by what led to the
// contact, and removed by whoever takes it up.
func TestAnErasureThatWasCutOff(t *testing.T) {
	t.Parallel()
	b, contact := longLife(t)
	id := b.begin(contact)
	require.NotEmpty(t, b.mentioning("planted"))
	for _, reference := range []string{"planted-ada", "planted-second", " planted@EXAMPLE.com", contact.String()} {
		found, begun, err := b.store.ErasureFind(t.Context(), reference)
		require.NoError(t, err)
		require.Nil(t, found)
		require.NotNil(t, begun, reference)
		require.Equal(t, id, begun.ID)
	}
	_, nobody, err := b.store.ErasureFind(t.Context(), "bob")
	require.NoError(t, err)
	require.Nil(t, nobody)

	b.exec(`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'died'; end $$`)
	b.exec(`create trigger refuse before delete on mailbox for each row execute function refuse()`)
	_, err = b.store.FinishErasures(t.Context())
	require.ErrorContains(t, err, "erase from mailbox")
	b.exec(`drop trigger refuse on mailbox`)
	n, err := b.store.FinishErasures(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Empty(t, b.mentioning("planted"))
	_, begun, err := b.store.ErasureFind(t.Context(), "planted-ada")
	require.NoError(t, err)
	require.Nil(t, begun, "what led to it is forgotten")
}

// deleted contacts are erased too.
func TestADeletedContactIsErased(t *testing.T) {
	t.Parallel()
	b, contact := longLife(t)
	_, err := b.ingester.Delete(t.Context(), contact)
	require.NoError(t, err)
	found, _, err := b.store.ErasureFind(t.Context(), "planted-ada")
	require.NoError(t, err)
	require.Equal(t, contact, found.ID)
	b.erase(contact)
	require.Empty(t, b.mentioning("planted"))
}

// I-52: an event that races with the erasure is before it, and goes, or after it, and is of
// somebody new. Two erasures at once are one.
func TestAnErasureRacesWithEvents(t *testing.T) {
	t.Parallel()
	b, contact := longLife(t)
	var wg sync.WaitGroup
	results := make([]ingest.Result, 40)
	begun := make([]bool, 2)
	for i := range results {
		wg.Go(func() {
			r, err := b.ingester.Ingest(t.Context(), ingest.Event{Name: "raced", UserID: "planted-ada", Email: "planted@example.com"})
			if err == nil {
				results[i] = r
			}
		})
		if i == 10 || i == 20 {
			wg.Go(func() {
				id := uuid.Must(uuid.NewV7())
				found, err := b.ingester.Erase(t.Context(), id, contact, "")
				if err == nil && found {
					_, err = b.store.FinishErasure(t.Context(), id)
				}
				begun[i/10-1] = err == nil && found
			})
		}
	}
	wg.Wait()
	require.NotEqual(t, begun[0], begun[1], "one of them was first")
	after := map[uuid.UUID]bool{}
	for _, r := range results {
		require.True(t, r.Stored)
		if r.ContactID != contact {
			after[r.ContactID] = true
		}
	}
	require.LessOrEqual(t, len(after), 1, "one new contact for all of them")
	require.Zero(t, b.count(`select count(*) from events where contact_id = $1`, contact))
	require.Equal(t, 1, b.count(`select count(*) from erasures`))
}
