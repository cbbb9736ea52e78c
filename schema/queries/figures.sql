-- Figures (O-27 to O-29). What there is of contacts, enrollments and memberships is kept in
-- counts; what became of mails is read from indexes that cover it.

-- name: CountsSum :many
-- Of one kind, by key and state: what was added up, and what was not yet.
select c.key, c.state, sum(c.n)::bigint as n, sum(c.seconds)::float8 as seconds from (
    select k.key, k.state, k.n, k.seconds from counts k where k.kind = @kind::text
    union all
    select h.key, h.state, h.n, h.seconds from count_changes h where h.kind = @kind::text
) c
group by c.key, c.state;

-- name: CountsFold :execrows
-- Adds changes up, the oldest first. Whoever reads meanwhile sees each once.
with gone as (
    delete from count_changes where id = any(array(select h.id from count_changes h order by h.id limit @row_limit for update skip locked))
    returning id, kind, key, state, n, seconds
), folded as (
    insert into counts (kind, key, state, n, seconds)
    select kind, key, state, sum(n), sum(seconds) from gone group by kind, key, state order by kind, key, state
    on conflict (kind, key, state) do update set n = counts.n + excluded.n, seconds = counts.seconds + excluded.seconds
)
select id from gone;

-- name: FiguresSent :one
select count(sent_at) filter (where sent_at > @day::timestamptz) as in_day,
    count(sent_at) filter (where sent_at > @week::timestamptz) as in_week,
    count(sent_at) as in_month, count(bounced_at) as bounced
from sends
where sent_at is not null and not test and sent_at > @month::timestamptz;

-- name: FiguresJourneySends :one
select count(*) as sent, count(coalesce(opened_at, clicked_at)) as opened, count(clicked_at) as clicked from sends
where sent_at is not null and not test and journey_id = any(@journey_ids::text[]);

-- name: FiguresTemplates :many
select template_key, count(*) as sent, count(coalesce(delivered_at, opened_at, clicked_at)) as delivered,
    count(coalesce(opened_at, clicked_at)) as opened, count(clicked_at) as clicked, count(bounced_at) as bounced
from sends
where sent_at is not null and not test
    and sent_at >= coalesce(sqlc.narg('since')::timestamptz, '-infinity') and sent_at <= coalesce(sqlc.narg('until')::timestamptz, 'infinity')
group by template_key
order by template_key;

-- name: FiguresDeliverability :many
select to_char(date_trunc(@unit::text, sent_at at time zone @zone::text), 'YYYY-MM-DD"T"HH24') as period, count(*) as sent,
    count(coalesce(delivered_at, opened_at, clicked_at)) as delivered, count(bounced_at) as bounced, count(complained_at) as complained
from sends
where sent_at is not null and not test
    and sent_at >= coalesce(sqlc.narg('since')::timestamptz, '-infinity') and sent_at <= coalesce(sqlc.narg('until')::timestamptz, 'infinity')
group by 1;

-- name: FiguresEvents :many
select e.period::text as period, e.name, e.total from (
    select to_char(date_trunc(@unit::text, occurred_at at time zone @zone::text), 'YYYY-MM-DD"T"HH24') as period, name, count(*) as total
    from events
    where (occurred_at at time zone 'UTC') >= coalesce(sqlc.narg('since')::timestamptz at time zone 'UTC', '-infinity')
        and (occurred_at at time zone 'UTC') <= coalesce(sqlc.narg('until')::timestamptz at time zone 'UTC', 'infinity')
    group by 1, 2
    order by 1 desc, 2
    limit 10000
) e
order by e.period, e.name;

-- name: FiguresEventsNamed :many
select e.period::text as period, e.name, e.total from (
    select to_char(date_trunc(@unit::text, occurred_at at time zone @zone::text), 'YYYY-MM-DD"T"HH24') as period, name, count(*) as total
    from events
    where name = @name::text
        and occurred_at >= coalesce(sqlc.narg('since')::timestamptz, '-infinity') and occurred_at <= coalesce(sqlc.narg('until')::timestamptz, 'infinity')
    group by 1, 2
    order by 1 desc, 2
    limit 10000
) e
order by e.period, e.name;

-- name: FiguresBucket :many
-- Who entered and left, by period.
select t.period::text as period, sum(t.entered)::bigint as entered, sum(t.gone)::bigint as gone from (
    select to_char(date_trunc(@unit::text, i.entered_at at time zone @zone::text), 'YYYY-MM-DD"T"HH24') as period, 1 as entered, 0 as gone
    from memberships i
    where i.bucket_id = @bucket_id::text and i.status in ('active', 'left')
        and i.entered_at >= coalesce(sqlc.narg('since')::timestamptz, '-infinity') and i.entered_at <= coalesce(sqlc.narg('until')::timestamptz, 'infinity')
    union all
    select to_char(date_trunc(@unit::text, o.left_at at time zone @zone::text), 'YYYY-MM-DD"T"HH24'), 0, 1
    from memberships o
    where o.bucket_id = @bucket_id::text and o.left_at is not null
        and o.left_at >= coalesce(sqlc.narg('since')::timestamptz, '-infinity') and o.left_at <= coalesce(sqlc.narg('until')::timestamptz, 'infinity')
) t
group by t.period;

-- name: FiguresTemplateSent :one
select exists (select from sends where template_key = @template_key::text and sent_at is not null and not test);

-- name: FiguresTemplate :many
select to_char(date_trunc(@unit::text, sent_at at time zone @zone::text), 'YYYY-MM-DD"T"HH24') as period, count(*) as sent,
    count(coalesce(delivered_at, opened_at, clicked_at)) as delivered, count(coalesce(opened_at, clicked_at)) as opened,
    count(clicked_at) as clicked, count(bounced_at) as bounced, count(complained_at) as complained
from sends
where template_key = @template_key::text and sent_at is not null and not test
    and sent_at >= coalesce(sqlc.narg('since')::timestamptz, '-infinity') and sent_at <= coalesce(sqlc.narg('until')::timestamptz, 'infinity')
group by 1;

-- name: ContactSends :many
-- Those to a contact, and those to its address that are of no contact (E-45).
select a.* from (
    (select s.* from sends s where s.contact_id = @contact_id::uuid order by s.created_at desc, s.id limit @row_end::int)
    union all
    (select o.* from sends o where o.contact_id is null and o.claimed_at is not null and lower(o.to_email) = lower(@email::text)
        order by o.created_at desc, o.id limit @row_end::int)
) a
order by a.created_at desc, a.id
limit @row_limit::int offset @row_offset::int;

-- name: ContactSendsCount :one
select ((select count(*) from sends s where s.contact_id = @contact_id::uuid)
    + (select count(*) from sends o where o.contact_id is null and o.claimed_at is not null and lower(o.to_email) = lower(@email::text)))::bigint as total;
