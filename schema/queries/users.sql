-- name: UsersLock :exec
-- Whoever makes, removes or changes the role of a user comes one after another: the first
-- is one, and the last admin stays (O-6, O-9).
select pg_advisory_xact_lock(20562);

-- name: UsersAny :one
select exists (select 1 from users);

-- name: UserInsert :one
insert into users (id, name, email, email_key, role, password, created_at, updated_at)
values (@id, @name, @email, @email_key, @role, @password, @now, @now)
on conflict (email_key) do nothing
returning *;

-- name: UserGet :one
select * from users where id = @id;

-- name: UserByEmail :one
select * from users where email_key = @email_key;

-- name: UsersList :many
select * from users order by email_key limit 1000;

-- name: UsersSessions :many
-- How many sessions users have, and when one was begun or extended last.
select user_id, count(*) as sessions, max(updated_at)::timestamptz as last_seen_at from sessions
where expires_at > @now::timestamptz group by user_id;

-- name: UsersInvited :many
select user_id::uuid as user_id, expires_at from one_time_links
where purpose = 'invitation' and user_id is not null and expires_at > @now::timestamptz;

-- name: UsersOtherAdmins :one
select count(*) from users where role = 'admin' and password is not null and id <> @id;

-- name: UserSetRole :exec
update users set role = @role, updated_at = @now where id = @id;

-- name: UserSetPassword :exec
update users set password = @password::text, updated_at = @now where id = @id;

-- name: UserRehash :exec
-- Only if nobody set another one meanwhile.
update users set password = @password::text where id = @id and password = @former::text;

-- name: UserSetProfile :exec
update users set name = @name, timezone = @timezone, theme = @theme, compact = @compact, shortcuts = @shortcuts, updated_at = @now where id = @id;

-- name: UserSetName :exec
update users set name = @name, updated_at = @now where id = @id;

-- name: UserDelete :exec
delete from users where id = @id;

-- name: SessionInsert :exec
insert into sessions (id, user_id, hash, ip_address, user_agent, remember, proved_at, expires_at, created_at, updated_at)
values (@id, @user_id, @hash, @ip_address, @user_agent, @remember, @now, @expires_at, @now, @now);

-- name: SessionFind :one
select sqlc.embed(s), sqlc.embed(u) from sessions s join users u on u.id = s.user_id
where s.hash = @hash and s.expires_at > @now::timestamptz;

-- name: SessionExtend :exec
update sessions set expires_at = @expires_at, updated_at = @now where id = @id;

-- name: SessionProve :exec
update sessions set proved_at = @now where id = @id;

-- name: SessionDelete :many
delete from sessions where hash = @hash returning id, user_id;

-- name: SessionsDeleteOf :execrows
-- All of a user, but for the one that is kept.
delete from sessions where user_id = @user_id and id <> @keep;

-- name: SessionsList :many
select * from sessions where user_id = @user_id and expires_at > @now::timestamptz order by created_at desc, id limit 100;

-- name: SessionsSweep :exec
delete from sessions where id in (select s.id from sessions s where s.expires_at < sqlc.arg('now')::timestamptz - interval '1 day' limit 1000);

-- name: LinkPut :exec
insert into one_time_links (hash, purpose, user_id, expires_at, created_at)
values (@hash, @purpose, @user_id, @expires_at, @now)
on conflict (purpose, user_id) do update set hash = excluded.hash, expires_at = excluded.expires_at, created_at = excluded.created_at;

-- name: LinkFind :one
select * from one_time_links where hash = @hash and purpose = @purpose and expires_at > @now::timestamptz;

-- name: LinkTake :one
delete from one_time_links where hash = @hash and purpose = @purpose and expires_at > @now::timestamptz returning *;

-- name: LinksVoid :exec
delete from one_time_links where purpose = @purpose and user_id is not distinct from sqlc.narg('user_id')::uuid;

-- name: AttemptLock :exec
select pg_advisory_xact_lock(20563, hashtext(@caller::text));

-- name: AttemptCount :one
select count(*) as used, coalesce(min(at), sqlc.arg('now')::timestamptz)::timestamptz as oldest
from attempts where caller = @caller and at > sqlc.arg('now')::timestamptz - interval '1 minute';

-- name: AttemptInsert :exec
insert into attempts (id, caller, at) values (@id, @caller, @now);

-- name: AttemptsSweep :exec
delete from attempts where id in (select a.id from attempts a where a.at <= sqlc.arg('now')::timestamptz - interval '1 minute' limit 1000);

-- name: UsersOthers :one
select exists (select 1 from users where id <> @id);
