-- name: CaptureInsert :exec
-- What PostHog is to be told; asking twice is asking once.
insert into outbox (id, ordering_key, destination, kind, key, payload, trace, due_at, created_at)
values (@id, @ordering_key, @destination, @kind, @key, @payload, @trace, @now, @now)
on conflict (key) do nothing;
