-- What Studio's first page tells, and what every page shows in its frame. Nothing here
-- counts a large table: row_limit is the most that is looked at.

-- name: OverviewCounts :one
-- How many there are, as it is kept by who writes them (O-29).
select coalesce(sum(c.n) filter (where c.kind = 'contacts'), 0)::bigint as contacts,
    coalesce(sum(c.n) filter (where c.kind = 'enrollments' and c.state = 'live'), 0)::bigint as in_journeys,
    coalesce(sum(c.n) filter (where c.kind = 'memberships' and c.state = 'active'), 0)::bigint as members
from (
    select k.kind, k.state, k.n from counts k
    union all
    select h.kind, h.state, h.n from count_changes h
) c;

-- name: OverviewMails :many
-- The newest mails by the day that they were written on, as its place among the starts of
-- days, and by what became of them.
select width_bucket(s.created_at, @days::timestamptz[])::int as day, s.status, count(*) as total
from (
    select created_at, status from sends where created_at >= (@days::timestamptz[])[1] order by created_at desc, id limit @row_limit
) s
group by 1, 2 order by 1, 2;

-- name: OverviewRefusals :many
-- Why mails were not sent, the most frequent first.
select coalesce(s.reason, '')::text as reason, count(*) as total
from (
    select p.reason from unnest(array['suppressed', 'skipped']) as r (status)
    cross join lateral (
        select o.reason from sends o where o.status = r.status and o.status not in ('sent', 'delivered') and o.created_at >= sqlc.arg('since')::timestamptz order by o.created_at desc limit @row_limit
    ) p
) s
group by 1 order by 2 desc, 1 limit 8;

-- name: OverviewTroubles :many
select e.journey_id, t.kind, count(*) as people, min(t.since)::timestamptz as since from enrollment_issues t
join enrollments e on e.id = t.enrollment_id and e.status in ('active', 'waiting')
group by e.journey_id, t.kind order by people desc, e.journey_id, t.kind limit 50;

-- name: OverviewFailures :many
select journey_id, count(*) as people, max(updated_at)::timestamptz as newest from enrollments
where journey_id = any(@journey_ids::text[]) and status = 'failed' and updated_at >= sqlc.arg('since')::timestamptz
group by journey_id order by people desc, journey_id limit 50;

-- name: OverviewPulse :one
-- What the frame of every page shows.
select
    (select count(*) from enrollment_issues)::bigint as troubles,
    (select count(*) from (select 1 from dead_letters where status = 'pending' limit @row_limit) d)::bigint as dead_letters,
    (select count(distinct h.registry_digest) from worker_heartbeats h where h.last_seen_at >= sqlc.arg('since')::timestamptz)::bigint as digests;

-- name: OverviewFirsts :one
-- What has happened at all.
select ((select e.id from events e order by e.id limit 1) is not null)::bool as event, ((select n.id from enrollments n order by n.id limit 1) is not null)::bool as journey,
    ((select s.sent_at from sends s where s.sent_at is not null order by s.sent_at desc nulls last, s.id desc limit 1) is not null)::bool as mail;

-- name: OverviewBucketChanges :many
select id, definition, last_change from buckets where last_change is not null;

-- name: OverviewBackfills :many
select bucket_id, mode, status, processed, joined, left_count, error, created_at, updated_at from backfills
where status in ('pending', 'processing', 'failed') order by created_at, bucket_id limit 50;

-- name: OverviewWorkers :many
select * from worker_heartbeats where last_seen_at > sqlc.arg('now')::timestamptz - interval '24 hours' order by last_seen_at desc, id limit 100;
