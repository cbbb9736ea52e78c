-- name: HeartbeatsUpsert :exec
-- One row per worker instance, up while it is at most 30 s old (O-31).
insert into worker_heartbeats (id, build_id, registry_digest, task_queue, started_at, last_seen_at)
values (@id, @build_id, @registry_digest, @task_queue, statement_timestamp(), statement_timestamp())
on conflict (id) do update
set build_id = excluded.build_id, registry_digest = excluded.registry_digest,
    task_queue = excluded.task_queue, last_seen_at = excluded.last_seen_at;

-- name: HeartbeatsDelete :exec
delete from worker_heartbeats where id = @id;

-- name: HeartbeatsList :many
-- The instances seen within the last 30 s, in the order of their start.
select * from worker_heartbeats
where last_seen_at >= coalesce(sqlc.narg('now')::timestamptz, statement_timestamp()) - interval '30 s'
order by started_at, id;
