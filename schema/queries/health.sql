-- name: HealthWorkers :many
-- Every instance that wrote within a day, the newest sign first (O-31).
select id, last_seen_at from worker_heartbeats
where last_seen_at > sqlc.arg('now')::timestamptz - interval '24 hours'
order by last_seen_at desc, id;

-- name: HealthOutbox :one
-- How many rows wait for delivery, and how long the oldest of them has (O-30). What another
-- system has refused waits for its next attempt, and is not late.
select count(*) as pending,
    greatest(coalesce(extract(epoch from sqlc.arg('now')::timestamptz - min(created_at)), 0), 0)::double precision as lag_seconds
from outbox where status = 'pending' and (destination = 'temporal' or attempts = 0);
