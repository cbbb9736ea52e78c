-- What lists of Studio turn back by, and how many there are (U-5). A page of newer rows
-- begins at the last of the keys that follow one; a number is not counted beyond row_limit.

-- name: StudioFeedNewer :many
select e.id from events e
where e.id > @after::uuid
  and (sqlc.narg('name')::text is null or e.name = sqlc.narg('name'))
  and (@internal::bool or not (e.name like 'bucket:%' or e.name like 'journey:%' or e.name like 'email.%'))
order by e.id
limit @row_limit;

-- name: StudioFeedCount :one
select count(*) from (
    select from events e
    where (sqlc.narg('name')::text is null or e.name = sqlc.narg('name'))
      and (@internal::bool or not (e.name like 'bucket:%' or e.name like 'journey:%' or e.name like 'email.%'))
    limit @row_limit
) e;

-- name: StudioRecentContactsNewer :many
select e.id from events e
where e.id > @after::uuid
  and not exists (select 1 from events n where n.contact_id = e.contact_id and n.seq > e.seq)
order by e.id
limit @row_limit;

-- name: StudioNewestContactsNewer :many
select id from contacts
where id > @after::uuid and deleted_at is null and merged_into is null
order by id
limit @row_limit;

-- name: StudioContactsCount :one
select count(*) from (
    select from contacts c
    where c.deleted_at is null and c.merged_into is null
      and (@pattern::text = '' or lower(c.email) like @pattern::text or lower(c.external_id) like @pattern::text)
    limit @row_limit
) c;

-- name: StudioMailsNewer :many
select s.created_at, s.id from sends s
where s.created_at >= sqlc.arg('since')::timestamptz
  and (s.created_at, s.id) > (sqlc.arg('after')::timestamptz, @after_id::uuid)
  and (sqlc.narg('statuses')::text[] is null or s.status = any(sqlc.narg('statuses')::text[]))
  and (sqlc.narg('contact_id')::uuid is null or s.contact_id = sqlc.narg('contact_id'))
  and (sqlc.narg('to_email')::text is null or lower(s.to_email) = lower(sqlc.narg('to_email')))
  and (sqlc.narg('template')::text is null or s.template_key = sqlc.narg('template'))
  and (sqlc.narg('journey')::text is null or s.journey_id = sqlc.narg('journey'))
  and (sqlc.narg('reason')::text is null or s.reason = sqlc.narg('reason'))
order by s.created_at, s.id
limit @row_limit;

-- name: StudioMailsCount :one
select count(*) from (
    select from sends s
    where s.created_at >= sqlc.arg('since')::timestamptz
      and (sqlc.narg('statuses')::text[] is null or s.status = any(sqlc.narg('statuses')::text[]))
      and (sqlc.narg('contact_id')::uuid is null or s.contact_id = sqlc.narg('contact_id'))
      and (sqlc.narg('to_email')::text is null or lower(s.to_email) = lower(sqlc.narg('to_email')))
      and (sqlc.narg('template')::text is null or s.template_key = sqlc.narg('template'))
      and (sqlc.narg('journey')::text is null or s.journey_id = sqlc.narg('journey'))
      and (sqlc.narg('reason')::text is null or s.reason = sqlc.narg('reason'))
    limit @row_limit
) s;

-- name: StudioPeopleNewer :many
select p.id from unnest(@journey_ids::text[]) as j (id)
cross join unnest(@statuses::text[]) as s (status)
cross join lateral (
    select o.id from enrollments o
    where o.journey_id = j.id and o.status = s.status and o.id > @after::uuid
      and (sqlc.narg('node')::text is null or exists (
          select from unnest(array[regexp_replace(regexp_replace(o.node, '^(paused:)+', ''), '^defer:', 'send:'), regexp_replace(regexp_replace(o.node, '^(paused:)+', ''), '^defer:', '')]) as a (node)
          where a.node = sqlc.narg('node') or right(sqlc.narg('node'), 1) = '*' and starts_with(a.node, left(sqlc.narg('node'), -1))
      ))
      and (sqlc.narg('error')::text is null or split_part(coalesce(o.error, ''), E'\n', 1) = sqlc.narg('error'))
    order by o.id limit @row_limit
) p
order by p.id
limit @row_limit;

-- name: StudioPeopleCount :one
select count(*) from (
    select from enrollments o
    where o.journey_id = any(@journey_ids::text[]) and o.status = any(@statuses::text[])
      and (sqlc.narg('node')::text is null or exists (
          select from unnest(array[regexp_replace(regexp_replace(o.node, '^(paused:)+', ''), '^defer:', 'send:'), regexp_replace(regexp_replace(o.node, '^(paused:)+', ''), '^defer:', '')]) as a (node)
          where a.node = sqlc.narg('node') or right(sqlc.narg('node'), 1) = '*' and starts_with(a.node, left(sqlc.narg('node'), -1))
      ))
      and (sqlc.narg('error')::text is null or split_part(coalesce(o.error, ''), E'\n', 1) = sqlc.narg('error'))
    limit @row_limit
) o;

-- name: StudioMembersNewer :many
select m.entered_at, m.id from memberships m
where m.bucket_id = @bucket_id and m.status = @status
  and m.entered_at >= sqlc.arg('after')::timestamptz and (m.entered_at > sqlc.arg('after')::timestamptz or m.id < @after_id::uuid)
order by m.entered_at, m.id desc
limit @row_limit;

-- name: StudioAudit :many
select * from audit_logs a
where (a.created_at, a.id) < (sqlc.arg('before')::timestamptz, @before_id::uuid)
  and (sqlc.narg('actor')::text is null or a.actor = sqlc.narg('actor'))
  and (sqlc.narg('resource')::text is null or a.resource = sqlc.narg('resource'))
  and (sqlc.narg('action')::text is null or a.action = sqlc.narg('action'))
order by a.created_at desc, a.id desc
limit @row_limit;

-- name: StudioAuditNewer :many
select a.created_at, a.id from audit_logs a
where (a.created_at, a.id) > (sqlc.arg('after')::timestamptz, @after_id::uuid)
  and (sqlc.narg('actor')::text is null or a.actor = sqlc.narg('actor'))
  and (sqlc.narg('resource')::text is null or a.resource = sqlc.narg('resource'))
  and (sqlc.narg('action')::text is null or a.action = sqlc.narg('action'))
order by a.created_at, a.id
limit @row_limit;

-- name: StudioAuditCount :one
select count(*) from (
    select from audit_logs a
    where (sqlc.narg('actor')::text is null or a.actor = sqlc.narg('actor'))
      and (sqlc.narg('resource')::text is null or a.resource = sqlc.narg('resource'))
      and (sqlc.narg('action')::text is null or a.action = sqlc.narg('action'))
    limit @row_limit
) a;

-- name: StudioStateCounts :many
-- How many stand how in journeys, in flight or at an end, as it is kept by who writes
-- enrollments (O-29).
select c.key::text as journey_id, c.state::text as state, sum(c.n)::bigint as total from (
    select k.key, k.state, k.n from counts k where k.kind = 'enrollments' and k.key = any(@journey_ids::text[])
    union all
    select h.key, h.state, h.n from count_changes h where h.kind = 'enrollments' and h.key = any(@journey_ids::text[])
) c
group by c.key, c.state having sum(c.n) > 0;

-- name: StudioWaiting :one
select count(*) from (
    select from enrollments e where e.journey_id = any(@journey_ids::text[]) and e.status = 'waiting' limit @row_limit
) e;
