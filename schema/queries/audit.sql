-- name: AuditInsert :exec
insert into audit_logs (id, actor_type, actor_id, actor, action, resource, resource_id, contact_id, detail, ip_address, request_id)
values (@id, @actor_type, @actor_id, @actor, @action, @resource, @resource_id, @contact_id, @detail, @ip_address, @request_id);

-- name: AuditList :many
select * from audit_logs
where (sqlc.narg('actor')::text is null or actor = sqlc.narg('actor'))
  and (sqlc.narg('resource')::text is null or resource = sqlc.narg('resource'))
  and (sqlc.narg('resource_id')::text is null or resource_id = sqlc.narg('resource_id'))
  and (sqlc.narg('action')::text is null or action = sqlc.narg('action'))
  and (sqlc.narg('since')::timestamptz is null or created_at >= sqlc.narg('since'))
  and (sqlc.narg('until')::timestamptz is null or created_at <= sqlc.narg('until'))
order by created_at desc, id desc
limit sqlc.arg('row_limit') offset sqlc.arg('row_offset');

-- name: AuditCount :one
select count(*) from audit_logs
where (sqlc.narg('actor')::text is null or actor = sqlc.narg('actor'))
  and (sqlc.narg('resource')::text is null or resource = sqlc.narg('resource'))
  and (sqlc.narg('resource_id')::text is null or resource_id = sqlc.narg('resource_id'))
  and (sqlc.narg('action')::text is null or action = sqlc.narg('action'))
  and (sqlc.narg('since')::timestamptz is null or created_at >= sqlc.narg('since'))
  and (sqlc.narg('until')::timestamptz is null or created_at <= sqlc.narg('until'));

-- name: JourneyConfigLock :one
-- The switch of a journey, made as it is without one, and locked.
insert into journey_configs (journey_id, enabled, updated_at)
values (sqlc.arg('journey_id'), true, sqlc.arg('now'))
on conflict (journey_id) do update set journey_id = excluded.journey_id
returning *;

-- name: JourneyChanged :exec
update journey_configs set last_change = sqlc.arg('last_change') where journey_id = sqlc.arg('journey_id');

-- name: BucketChanged :exec
update buckets set last_change = sqlc.arg('last_change') where id = sqlc.arg('id');

-- name: BucketLastChange :one
select last_change from buckets where id = sqlc.arg('id');
