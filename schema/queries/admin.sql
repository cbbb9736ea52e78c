-- name: ContactResolve :one
-- What a path or query names: contact uuid, external id, e-mail, anonymous id, in
-- that order (H-7). An address shared by identified contacts means the one seen
-- last (I-22). Deleted contacts do not resolve.
select c.* from (
    select 1 as rank, coalesce(m.merged_into, m.id) as id from contacts m where m.id = sqlc.narg('contact_id')::uuid
    union all
    select 2, k.contact_id from contact_keys k where k.kind = 'user' and k.key = sqlc.arg('reference')::text
    union all
    select 3, e.id from contacts e where e.email_key = sqlc.narg('email_key')::text and e.merged_into is null
    union all
    select 4, a.contact_id from contact_keys a where a.kind = 'anonymous' and a.key = sqlc.arg('reference')::text
) r
join contacts c on c.id = r.id
where c.deleted_at is null and c.merged_into is null
order by r.rank, c.external_id is null, c.last_seen_at desc, c.id
limit 1;

-- name: AdminAnonymousIDs :many
-- The newest anonymous id of each contact.
select distinct on (contact_id) contact_id, key from contact_keys
where kind = 'anonymous' and contact_id = any(sqlc.arg('contact_ids')::uuid[])
order by contact_id, created_at desc, key;

-- The lists whose rows may be large end a page where it has so many bytes, behind its
-- first row (H-12).

-- name: AdminContactsList :many
with page as (
    select p.id, row_number() over w as place, sum(octet_length(p.properties::text)) over w as size
    from (
        select id, last_seen_at, properties from contacts
        where deleted_at is null and merged_into is null
          and (sqlc.arg('pattern')::text = '' or lower(email) like sqlc.arg('pattern')::text or lower(external_id) like sqlc.arg('pattern')::text)
        order by last_seen_at desc, id
        limit sqlc.arg('row_limit') offset sqlc.arg('row_offset')
    ) p
    window w as (order by p.last_seen_at desc, p.id)
)
select c.* from page join contacts c on c.id = page.id
where page.place = 1 or page.size <= sqlc.arg('max_bytes')::bigint
order by page.place;

-- name: AdminContactsCount :one
select count(*) from contacts
where deleted_at is null and merged_into is null
  and (sqlc.arg('pattern')::text = '' or lower(email) like sqlc.arg('pattern')::text or lower(external_id) like sqlc.arg('pattern')::text);

-- name: AdminDecisionsList :many
select * from decisions
where contact_id = sqlc.arg('contact_id')
  and (sqlc.narg('journey_id')::text is null or journey_id = sqlc.narg('journey_id'))
  and (sqlc.narg('outcome')::text is null or outcome = sqlc.narg('outcome'))
  and (sqlc.narg('reason')::text is null or reason = sqlc.narg('reason'))
  and (sqlc.narg('since')::timestamptz is null or at >= sqlc.narg('since'))
  and (sqlc.narg('until')::timestamptz is null or at <= sqlc.narg('until'))
order by at desc, id
limit sqlc.arg('row_limit') offset sqlc.arg('row_offset');

-- name: AdminDecisionsCount :one
select count(*) from decisions
where contact_id = sqlc.arg('contact_id')
  and (sqlc.narg('journey_id')::text is null or journey_id = sqlc.narg('journey_id'))
  and (sqlc.narg('outcome')::text is null or outcome = sqlc.narg('outcome'))
  and (sqlc.narg('reason')::text is null or reason = sqlc.narg('reason'))
  and (sqlc.narg('since')::timestamptz is null or at >= sqlc.narg('since'))
  and (sqlc.narg('until')::timestamptz is null or at <= sqlc.narg('until'));

-- name: AdminPreferenceFind :one
-- The record of an address; for a contact without one, its record written last.
select * from preferences
where email_key = sqlc.narg('email_key')::text or contact_id = sqlc.narg('contact_id')::uuid
order by email_key = sqlc.narg('email_key')::text desc nulls last, updated_at desc, id
limit 1;

-- name: AdminJourneyCounts :many
select journey_id, status, count(*) as total from enrollments
where journey_id = any(sqlc.arg('journey_ids')::text[])
group by journey_id, status;

-- name: AdminJourneyConfigs :many
select * from journey_configs;

-- name: AdminJourneySwitch :one
insert into journey_configs (journey_id, enabled, updated_at)
values (sqlc.arg('journey_id'), sqlc.arg('enabled'), sqlc.arg('now'))
on conflict (journey_id) do update set enabled = excluded.enabled, updated_at = excluded.updated_at
returning *;

-- name: AdminStatesList :many
with page as (
    select p.id, row_number() over w as place, sum(octet_length(p.context::text) + octet_length(pc.properties::text)) over w as size
    from (
        select e.id, e.created_at, e.contact_id, e.context from enrollments e
        where e.journey_id = any(sqlc.arg('journey_ids')::text[])
          and (sqlc.narg('status')::text is null or e.status = sqlc.narg('status'))
          and (sqlc.narg('contact_id')::uuid is null or e.contact_id = sqlc.narg('contact_id'))
          and (sqlc.narg('key')::text is null or e.key = sqlc.narg('key'))
        order by e.created_at desc, e.id
        limit sqlc.arg('row_limit') offset sqlc.arg('row_offset')
    ) p
    join contacts pc on pc.id = p.contact_id
    window w as (order by p.created_at desc, p.id)
)
select sqlc.embed(e), sqlc.embed(c) from page
join enrollments e on e.id = page.id
join contacts c on c.id = e.contact_id
where page.place = 1 or page.size <= sqlc.arg('max_bytes')::bigint
order by page.place;

-- name: AdminStatesCount :one
select count(*) from enrollments e
where e.journey_id = any(sqlc.arg('journey_ids')::text[])
  and (sqlc.narg('status')::text is null or e.status = sqlc.narg('status'))
  and (sqlc.narg('contact_id')::uuid is null or e.contact_id = sqlc.narg('contact_id'))
  and (sqlc.narg('key')::text is null or e.key = sqlc.narg('key'));

-- name: AdminStatesRecent :many
select sqlc.embed(e), sqlc.embed(c) from enrollments e
join contacts c on c.id = e.contact_id
where e.journey_id = any(sqlc.arg('journey_ids')::text[])
order by e.updated_at desc, e.id
limit 10;

-- name: AdminStateGet :one
select sqlc.embed(e), sqlc.embed(c) from enrollments e
join contacts c on c.id = e.contact_id
where e.id = sqlc.arg('id');

-- name: AdminLogsList :many
with page as (
    select p.seq, row_number() over w as place, sum(octet_length(p.detail::text)) over w as size
    from (
        select at, seq, detail from step_logs where enrollment_id = sqlc.arg('enrollment_id')
        order by at, seq
        limit sqlc.arg('row_limit') offset sqlc.arg('row_offset')
    ) p
    window w as (order by p.at, p.seq)
)
select l.* from page
join step_logs l on l.enrollment_id = sqlc.arg('enrollment_id') and l.seq = page.seq
where page.place = 1 or page.size <= sqlc.arg('max_bytes')::bigint
order by page.place;

-- name: AdminLogsCount :one
select count(*) from step_logs where enrollment_id = sqlc.arg('enrollment_id');

-- name: AdminEventsList :many
-- Events of everybody, of a name, or of a contact: each part has an index of its own, and one
-- of them has rows.
with page as (
    select p.id, row_number() over w as place, sum(octet_length(p.properties::text) + octet_length(pc.properties::text)) over w as size
    from (
        (
            select e.id, e.occurred_at, e.contact_id, e.properties from events e
            where sqlc.narg('name')::text is null and sqlc.narg('contact_id')::uuid is null
              and (e.occurred_at at time zone 'UTC') >= coalesce(sqlc.narg('since')::timestamptz at time zone 'UTC', '-infinity')
              and (e.occurred_at at time zone 'UTC') <= coalesce(sqlc.narg('until')::timestamptz at time zone 'UTC', 'infinity')
            order by (e.occurred_at at time zone 'UTC') desc, e.id
            limit sqlc.arg('row_limit') offset sqlc.arg('row_offset')
        )
        union all
        (
            select e.id, e.occurred_at, e.contact_id, e.properties from events e
            where e.name = sqlc.narg('name') and sqlc.narg('contact_id') is null
              and (sqlc.narg('since')::timestamptz is null or e.occurred_at >= sqlc.narg('since'))
              and (sqlc.narg('until')::timestamptz is null or e.occurred_at <= sqlc.narg('until'))
            order by e.occurred_at desc, e.id
            limit sqlc.arg('row_limit') offset sqlc.arg('row_offset')
        )
        union all
        (
            select e.id, e.occurred_at, e.contact_id, e.properties from events e
            where e.contact_id = sqlc.narg('contact_id') and (sqlc.narg('name') is null or e.name = sqlc.narg('name'))
              and (sqlc.narg('since')::timestamptz is null or e.occurred_at >= sqlc.narg('since'))
              and (sqlc.narg('until')::timestamptz is null or e.occurred_at <= sqlc.narg('until'))
            order by e.occurred_at desc, e.id
            limit sqlc.arg('row_limit') offset sqlc.arg('row_offset')
        )
    ) p
    join contacts pc on pc.id = p.contact_id
    window w as (order by p.occurred_at desc, p.id)
)
select sqlc.embed(e), sqlc.embed(c) from page
join events e on e.id = page.id
join contacts c on c.id = e.contact_id
where page.place = 1 or page.size <= sqlc.arg('max_bytes')::bigint
order by page.place;

-- name: AdminEventsCount :one
select (
    (
        select count(*) from events e
        where sqlc.narg('name')::text is null and sqlc.narg('contact_id')::uuid is null
              and (e.occurred_at at time zone 'UTC') >= coalesce(sqlc.narg('since')::timestamptz at time zone 'UTC', '-infinity')
              and (e.occurred_at at time zone 'UTC') <= coalesce(sqlc.narg('until')::timestamptz at time zone 'UTC', 'infinity')
    ) + (
        select count(*) from events e
        where e.name = sqlc.narg('name') and sqlc.narg('contact_id') is null
          and (sqlc.narg('since')::timestamptz is null or e.occurred_at >= sqlc.narg('since'))
          and (sqlc.narg('until')::timestamptz is null or e.occurred_at <= sqlc.narg('until'))
    ) + (
        select count(*) from events e
        where e.contact_id = sqlc.narg('contact_id') and (sqlc.narg('name') is null or e.name = sqlc.narg('name'))
          and (sqlc.narg('since')::timestamptz is null or e.occurred_at >= sqlc.narg('since'))
          and (sqlc.narg('until')::timestamptz is null or e.occurred_at <= sqlc.narg('until'))
    )
)::bigint as count;

-- name: AdminEventGet :one
select sqlc.embed(e), sqlc.embed(c) from events e
join contacts c on c.id = e.contact_id
where e.id = sqlc.arg('id');
