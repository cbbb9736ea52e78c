-- name: ApiKeysByHash :one
-- An expired key is found, so that the caller can say that it is expired (O-2).
select * from api_keys where hash = @hash and revoked_at is null;

-- name: ApiKeysInsert :exec
insert into api_keys (id, name, prefix, hash, scopes, created_by, expires_at, created_at)
values (@id, @name, @prefix, @hash, @scopes, @created_by, @expires_at, @created_at);

-- name: ApiKeysRevoke :execrows
-- The first revocation stands.
update api_keys set revoked_at = coalesce(revoked_at, sqlc.arg('now')::timestamptz) where id = @id;

-- name: ApiKeysTouch :exec
-- At most one write every 5 minutes, whichever server comes first (O-3).
update api_keys set last_used_at = @now
where id = @id and (last_used_at is null or last_used_at <= sqlc.arg('now')::timestamptz - interval '5 minutes');

-- name: ApiKeysList :many
select * from api_keys
where sqlc.arg('include_revoked')::boolean or revoked_at is null
order by created_at desc, id
limit @row_limit offset @row_offset;

-- name: ApiKeysCount :one
select count(*) from api_keys where sqlc.arg('include_revoked')::boolean or revoked_at is null;
