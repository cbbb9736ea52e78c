-- Contacts by what names them, and what happened to one.

-- name: ContactsByUserID :many
-- The live contact of an external id, else of a contact uuid (I-20).
select c.* from contacts c
where c.deleted_at is null and c.merged_into is null and c.id = coalesce(
    (select k.contact_id from contact_keys k where k.kind = 'user' and k.key = sqlc.arg('user_id')::text),
    (select coalesce(m.merged_into, m.id) from contacts m where m.id = sqlc.narg('contact_id')::uuid));

-- name: ContactsByAddress :many
-- The live contacts that have an address, the one first that it means alone (I-22).
select c.* from contacts c
where c.email_key = @email_key::text and c.deleted_at is null and c.merged_into is null
order by c.external_id is null, c.last_seen_at desc, c.id
limit 100;

-- name: TimelineCount :one
-- How many entries a timeline has, of the kinds that are asked for (R-54).
select ((select count(*) from events e where @events::bool and e.contact_id = @contact_id::uuid)
    + (select count(*) from enrollments n where @journeys::bool and n.contact_id = @contact_id::uuid)
    + (select count(*) from sends s where @emails::bool and s.contact_id = @contact_id::uuid)
    + (select count(*) + count(m.left_at) from memberships m where @buckets::bool and m.contact_id = @contact_id::uuid)
    + (select count(*) from decisions d where @decisions::bool and d.contact_id = @contact_id::uuid))::bigint as total;

-- name: TimelineList :many
-- A page of the timeline, newest first: what each entry is, and its row. No part gives more
-- than the page can show.
select t.type, t.at, t.id from (
(select 'event'::text as type, e.occurred_at::timestamptz as at, e.id::uuid as id from events e
    where @events::bool and e.contact_id = @contact_id::uuid
    order by e.occurred_at desc, e.id limit @row_end::int)
union all
(select 'journey', n.updated_at, n.id from enrollments n
    where @journeys::bool and n.contact_id = @contact_id::uuid
    order by n.updated_at desc, n.id limit @row_end::int)
union all
(select 'email', coalesce(s.sent_at, s.created_at), s.id from sends s
    where @emails::bool and s.contact_id = @contact_id::uuid
    order by 2 desc, s.id limit @row_end::int)
union all
(select 'entered', m.entered_at, m.id from memberships m
    where @buckets::bool and m.contact_id = @contact_id::uuid
    order by m.entered_at desc, m.id limit @row_end::int)
union all
(select 'left', m.left_at, m.id from memberships m
    where @buckets::bool and m.contact_id = @contact_id::uuid and m.left_at is not null
    order by m.left_at desc, m.id limit @row_end::int)
union all
(select 'decision', d.at, d.id from decisions d
    where @decisions::bool and d.contact_id = @contact_id::uuid
    order by d.at desc, d.id limit @row_end::int)
) t
order by t.at desc, t.type, t.id
limit @row_limit::int offset @row_offset::int;

-- name: TimelineEvents :many
select * from events where id = any(@ids::uuid[]);

-- name: TimelineEnrollments :many
select id, journey_id, status, node, error, exit_reason from enrollments where id = any(@ids::uuid[]);

-- name: TimelineSends :many
select id, template_key, subject, status, reason from sends where id = any(@ids::uuid[]);

-- name: TimelineMemberships :many
select id, bucket_id, epoch, source, left_reason from memberships where id = any(@ids::uuid[]);

-- name: TimelineDecisions :many
select * from decisions where id = any(@ids::uuid[]);
