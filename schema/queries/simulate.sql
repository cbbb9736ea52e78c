-- Simulation of buckets over history (B-59). The first ones read what is stored, the
-- others run in a scratch schema with tables of the same names.

-- name: SimulationContacts :many
-- The next people by id. They are there from the first thing that is known of them.
select c.id, c.external_id, c.anonymous_id, c.timezone, c.properties, c.deleted_at, least(c.first_seen_at, c.created_at)::timestamptz as since
from contacts c
where c.id > @after::uuid and c.merged_into is null and least(c.first_seen_at, c.created_at) < @before::timestamptz
order by c.id limit @size::int;

-- name: SimulationEvents :many
-- The properties of those that criteria look into.
select e.contact_id, e.name, e.occurred_at, (case when e.name = any(@detailed::text[]) then e.properties else '{}' end)::jsonb as properties
from events e
where e.contact_id = any(@contact_ids::uuid[]) and e.name = any(@names::text[]) and e.occurred_at <= @until::timestamptz
order by e.contact_id, e.occurred_at, e.seq;

-- name: SimulationSends :many
select s.id, s.contact_id::uuid as contact_id, s.template_key, s.sent_at::timestamptz as sent_at, s.opened_at, s.clicked_at from sends s
where s.contact_id = any(@contact_ids::uuid[]) and s.template_key = any(@templates::text[]) and s.sent_at <= @until::timestamptz;

-- name: SimulationDates :many
select d.contact_id, d.property, d.at from property_dates d where d.contact_id = any(@contact_ids::uuid[]);

-- name: SimulationMembers :many
select m.id, m.bucket_id, m.contact_id, m.epoch, m.entered_at, m.anchor_at, coalesce(c.external_id, c.anonymous_id, c.id::text)::text as contact_key
from memberships m join contacts c on c.id = m.contact_id
where m.contact_id = any(@contact_ids::uuid[]) and m.status = 'active'
order by m.contact_id, m.bucket_id;

-- name: SimulationSent :exec
insert into sends (id, key, contact_id, template_key, status, sent_at, created_at, updated_at)
values (@id::uuid, (@id::uuid)::text, @contact_id::uuid, @template_key::text, 'sent', @sent_at::timestamptz, @sent_at::timestamptz, @sent_at::timestamptz);

-- name: SimulationOpened :exec
update sends set opened_at = @opened_at::timestamptz where id = @id::uuid;

-- name: SimulationClicked :exec
update sends set clicked_at = @clicked_at::timestamptz where id = @id::uuid;
