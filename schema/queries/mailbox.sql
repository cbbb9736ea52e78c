-- name: MailboxAccept :one
-- Stores a mail under its key, or finds the one that is there: whoever comes
-- first, every caller gets the first id and digest (E-40).
insert into mailbox (key, id, digest, message, created_at)
values (@key, @id, @digest, @message, statement_timestamp())
on conflict (key) do update set key = excluded.key
returning id, digest;

-- name: MailboxListOldest :many
-- Mails with the sends they belong to, oldest first, behind a place in that order.
-- An empty address means all of them.
select m.id, m.message, m.created_at, coalesce(s.template_key, '') as template_key, coalesce(s.journey_id, '') as journey_id
from mailbox m
left join sends s on s.key = m.key
where (sqlc.narg('after_at')::timestamptz is null or (m.created_at, m.id) > (sqlc.narg('after_at'), @after_id::text))
  and (@to_email::text = '' or lower(m.message->>'to') = lower(@to_email))
order by m.created_at, m.id
limit @max_rows;

-- name: MailboxListNewest :many
-- The same, newest first.
select m.id, m.message, m.created_at, coalesce(s.template_key, '') as template_key, coalesce(s.journey_id, '') as journey_id
from mailbox m
left join sends s on s.key = m.key
where (sqlc.narg('after_at')::timestamptz is null or (m.created_at, m.id) < (sqlc.narg('after_at'), @after_id::text))
  and (@to_email::text = '' or lower(m.message->>'to') = lower(@to_email))
order by m.created_at desc, m.id desc
limit @max_rows;
