package onpostgres

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/pause"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/tracking"
)

var _ backend.Backend = (*Backend)(nil)

// Apply implements backend.Backend.
func (b *Backend) Apply(action backend.Action) error {
	if err := b.set(early); err != nil {
		return err
	}
	switch a := action.(type) {
	case backend.Event:
		return b.event(a)
	case backend.Change:
		properties, err := backend.Encode(a.Properties)
		if err != nil {
			return err
		}
		return b.update(a.Contact, properties)
	case backend.Timezone:
		zone := &a.Zone
		if a.Zone == "" {
			zone = nil
		}
		id := b.contact(a.Contact)
		_, err := b.ingester.Update(b.ctx, id, ingest.Change{Zoned: true}, func(q *storedb.Queries) error { return q.ContactTimezoneSet(b.ctx, zone, id) })
		return err
	case backend.Preference:
		return b.prefer(a)
	case backend.Suppression:
		if err := b.preference(a.Contact); err != nil {
			return err
		}
		return b.exec(`update preferences p set suppressed = $2 <> '', suppression_reason = nullif($2, '') from contacts c
			where c.id = $1 and p.email_key = c.email_key`, b.contact(a.Contact), a.Reason)
	case backend.Enter:
		return b.update(a.Contact, map[string]json.RawMessage{backend.OrderedProperty(a.BucketID): json.RawMessage("true")})
	case backend.Leave:
		return b.leave(a)
	case backend.Due:
		return b.due(a)
	case backend.Cancel:
		return b.cancel(a)
	case backend.Delete:
		_, err := b.ingester.Delete(b.ctx, b.contact(a.Contact))
		return err
	case backend.Switch:
		return b.exec(`insert into journey_configs (journey_id, enabled, updated_at) values ($1, $2, clock_timestamp())
			on conflict (journey_id) do update set enabled = excluded.enabled`, b.canonical(a.JourneyID), a.On)
	case backend.Answer:
		return b.answer(a)
	case backend.Engagement:
		return b.engage(a)
	case backend.Pause:
		_, err := pause.Start(b.ctx, b.store, b.ids(a.JourneyID), "", cmp.Or(a.Entries, contract.HoldEntries), b.Now())
		return err
	case backend.Resume:
		return pause.Resume(b.ctx, b.store, b.ids(a.JourneyID), a.Policy, backend.LateAfter, b.Now())
	}
	return fmt.Errorf("postgres does not know %T", action)
}

// contact is the uuid of a contact of the script; one that was merged away still leads to
// the survivor.
func (b *Backend) contact(name string) uuid.UUID {
	id := backend.ContactID(name)
	var survivor uuid.UUID
	if b.store.Pool.QueryRow(b.ctx, `select coalesce(merged_into, id) from contacts where id = $1`, id).Scan(&survivor) == nil {
		return survivor
	}
	return id
}

// ids are all ids of a journey.
func (b *Backend) ids(journeyID string) []string {
	for _, j := range b.Registry.Journeys {
		if ids := append([]string{j.ID}, j.Aliases...); slices.Contains(ids, journeyID) {
			return ids
		}
	}
	return []string{journeyID}
}

func (b *Backend) canonical(journeyID string) string { return b.ids(journeyID)[0] }

func (b *Backend) event(a backend.Event) error {
	i := slices.IndexFunc(b.People, func(p backend.Person) bool { return p.Name() == a.Contact })
	ev, err := a.Keyed(b.People[i])
	if err != nil {
		return err
	}
	_, err = b.ingester.Ingest(b.ctx, ingest.Event{
		Name: ev.Name, UserID: ev.UserID, Email: ev.Email, AnonymousID: ev.AnonymousID, Properties: ev.Properties, ContactProperties: ev.ContactProperties, Lists: ev.Lists, Timestamp: ev.Timestamp,
	})
	return err
}

func (b *Backend) update(contact string, properties map[string]json.RawMessage) error {
	_, err := b.ingester.Update(b.ctx, b.contact(contact), ingest.Change{Properties: properties})
	return err
}

// tell stores an event about a contact that the product itself makes.
func (b *Backend) tell(contact uuid.UUID, name, key string, properties map[string]any) error {
	body, err := json.Marshal(properties)
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	_, err = b.ingester.Ingest(b.ctx, ingest.Event{Name: name, UserID: contact.String(), Properties: body, Source: "email", Key: key})
	return err
}

// preference makes the record of the contact's address, if need be.
func (b *Backend) preference(contact string) error {
	return b.exec(`insert into preferences (id, email, email_key, contact_id, created_at, updated_at)
		select gen_random_uuid(), email, email_key, id, clock_timestamp(), clock_timestamp() from contacts where id = $1 and email_key is not null
		on conflict (email_key) do nothing`, b.contact(contact))
}

// prefer changes opt-outs; what changed is told by an event each (E-57).
func (b *Backend) prefer(a backend.Preference) error {
	if err := b.preference(a.Contact); err != nil {
		return err
	}
	id, name := b.contact(a.Contact), "email.resubscribed"
	if a.Out {
		name = "email.unsubscribed"
	}
	if len(a.Categories) == 0 {
		return b.preferOne(id, name, nil, `update preferences p set unsubscribed_all = $2 from contacts c
			where c.id = $1 and p.email_key = c.email_key and p.unsubscribed_all <> $2`, id, a.Out)
	}
	for _, category := range a.Categories {
		err := b.preferOne(id, name, category, `update preferences p set categories = p.categories || jsonb_build_object($2::text, not $3::bool) from contacts c
			where c.id = $1 and p.email_key = c.email_key and coalesce((p.categories ->> $2)::bool, true) = $3`, id, category, a.Out)
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *Backend) preferOne(contact uuid.UUID, event string, category any, statement string, args ...any) error {
	done, err := b.store.Pool.Exec(b.ctx, statement, args...)
	if err != nil {
		return fmt.Errorf("change preference: %w", err)
	}
	if done.RowsAffected() == 0 {
		return nil
	}
	return b.tell(contact, event, "", map[string]any{"category": category, "via": "api"})
}

// leave ends a membership: because the script says that the criteria do not hold, or
// because its greatest age is now.
func (b *Backend) leave(a backend.Leave) error {
	if a.Reason != hogsend.LeftByMaxDwell {
		return b.update(a.Contact, map[string]json.RawMessage{backend.OrderedProperty(a.BucketID): json.RawMessage("null")})
	}
	if err := b.exec(`update memberships set max_dwell_at = $3 where contact_id = $1 and bucket_id = $2 and status = 'active'`,
		b.contact(a.Contact), a.BucketID, b.Now()); err != nil {
		return err
	}
	_, _, err := b.Tick()
	return err
}

// due lets the present instant of a schedule come.
func (b *Backend) due(a backend.Due) error {
	if err := b.set(0); err != nil {
		return err
	}
	if err := b.exec(`insert into schedules (event_name, bucket_id, due_at) values ($1, $2, $3)
		on conflict (event_name) do update set due_at = excluded.due_at, position = default`, a.Trigger.Event, a.Trigger.BucketID, b.Now()); err != nil {
		return err
	}
	_, err := b.tellMembers()
	return err
}

// cancel ends an enrollment as an operator does (J-82).
func (b *Backend) cancel(a backend.Cancel) error {
	var id uuid.UUID
	err := b.store.Pool.QueryRow(b.ctx, `select id from enrollments where contact_id = $1 and journey_id = any($2) and status in ('active', 'waiting')`,
		b.contact(a.Contact), b.ids(a.JourneyID)).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return &backend.NotEnrolledError{Contact: a.Contact, JourneyID: a.JourneyID}
	}
	if err != nil {
		return fmt.Errorf("find enrollment: %w", err)
	}
	return b.ingester.Exit(b.ctx, id, contract.ExitAdmin)
}

// answer tells what somebody answered by a link of a mail (E-86).
func (b *Backend) answer(a backend.Answer) error {
	rows, err := b.store.Pool.Query(b.ctx, `select * from sends where contact_id = $1 and template_key = $2 and sent_at is not null
		order by sent_at desc limit 1`, b.contact(a.Contact), a.Template)
	if err != nil {
		return fmt.Errorf("find mail: %w", err)
	}
	send, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[storedb.Send])
	if err != nil {
		return fmt.Errorf("%s got no mail %s by then: %w", a.Contact, a.Template, err)
	}
	chosen, err := email.Choose(a.Properties, email.UnsignedAnswers(send.Html+send.Text))
	if err != nil {
		return fmt.Errorf("answer the mail %s: %w", a.Template, err)
	}
	_, err = b.ingester.Answer(b.ctx, ingest.Answer{Send: send, Event: chosen.Event, Properties: chosen.Properties, Comment: a.Comment, At: b.Now()})
	return err
}

// engage opens a mail, or follows its link, as a person (E-75).
func (b *Backend) engage(a backend.Engagement) error {
	var sendID uuid.UUID
	err := b.store.Pool.QueryRow(b.ctx, `select id from sends where contact_id = $1 and template_key = $2 and sent_at is not null
		order by sent_at desc limit 1`, b.contact(a.Contact), a.Template).Scan(&sendID)
	if err != nil {
		return fmt.Errorf("%s got no mail %s by then: %w", a.Contact, a.Template, err)
	}
	return b.ingester.Hit(b.ctx, tracking.Classifier{}, ingest.Hit{SendID: sendID, URL: a.Link, Hit: tracking.Hit{At: b.Now(), Silent: true}})
}
