-- What Prometheus is told when it asks (O-43): each statement looks at a partial index.

-- name: MetricsOutbox :many
select destination, count(*) as pending,
    greatest(coalesce(extract(epoch from clock_timestamp() - min(case when attempts > 0 then created_at else due_at end)), 0), 0)::float8 as lag_seconds
from outbox where status = 'pending'
group by destination;

-- name: MetricsCounts :one
select (select count(*) from dead_letters where status = 'pending')::bigint as dead_letters,
    (select count(*) from worker_heartbeats where last_seen_at > clock_timestamp() - interval '30 seconds')::bigint as workers,
    greatest(coalesce(extract(epoch from clock_timestamp() - (select min(deadline) from waits where status = 'open' and deadline is not null)), 0), 0)::float8 as waits_lag_seconds,
    (select count(*) from imports where status in ('pending', 'processing'))::bigint as imports;

-- name: MetricsIssues :many
-- Enrollments that cannot go on, by journey (J-95, J-98): there are as many rows as were found.
select e.journey_id, i.kind, count(*)::bigint as enrollments
from enrollment_issues i join enrollments e on e.id = i.enrollment_id
where i.kind in ('blocked', 'stranded')
group by e.journey_id, i.kind;
