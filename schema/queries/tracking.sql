-- name: LinksInsert :exec
insert into tracked_links (id, send_id, url)
select unnest(@ids::uuid[]), @send_id, unnest(@urls::text[])
on conflict (id) do nothing;

-- name: HitSend :many
-- The send that a hit is about, without its content, and what is known of hits on it:
-- how many other links were followed from the address of late (E-50), and how many hits
-- are kept of it. None of an erased person.
select s.id, s.contact_id, s.enrollment_id, s.journey_id, s.campaign_id, s.template_key, s.category, s.status, s.reason,
    s.first_attempt_at, s.sent_at, s.opened_at, s.clicked_at, s.updated_at,
    (
        select count(distinct h.link_id) from hits h
        where h.send_id = s.id and h.at > @since::timestamptz and h.link_id <> sqlc.narg('link_id')::uuid and h.ip_address = @ip_address::text
    )::int as others,
    (select count(*) from (select from hits h where h.send_id = s.id limit @most::int) k)::int as kept
from sends s
where s.id = @id and s.key not like 'erased:%';

-- name: LinkGet :many
select * from tracked_links where id = @id;

-- name: HitLock :exec
-- Lets people's hits of a mail be decided one after another.
select from sends where id = @id for update;

-- name: HitInsert :execrows
-- Keeps a hit of a person unless other links were followed from its address meanwhile: then
-- it is a machine's after all.
insert into hits (id, send_id, link_id, class, ip_address, user_agent, at)
select @id::uuid, @send_id::uuid, sqlc.narg('link_id')::uuid, @class::text, sqlc.narg('ip_address')::text, sqlc.narg('user_agent')::text, @at::timestamptz
where @class::text = 'machine' or (
    select count(distinct h.link_id) from hits h
    where h.send_id = @send_id::uuid and h.at > @since::timestamptz and h.link_id <> sqlc.narg('link_id')::uuid and h.ip_address = sqlc.narg('ip_address')::text
) < @others::int;

-- name: LinkClick :execrows
-- Counts a click of a person; the first one finds the link as it was read.
update tracked_links set click_count = click_count + 1, clicked_at = least(clicked_at, @at::timestamptz)
where id = @id and (clicked_at is null) = @first::boolean;

-- name: HitSendWrite :execrows
-- Writes what a person's hit says, if the send still is as it was read.
update sends
set status = @status, reason = sqlc.narg('reason'), sent_at = sqlc.narg('sent_at'), opened_at = sqlc.narg('opened_at'), clicked_at = sqlc.narg('clicked_at'),
    provider_id = coalesce(provider_id, sqlc.narg('provider_id')), updated_at = @now
where id = @id and status = @was_status and updated_at = @was_updated_at;

-- name: HitsClean :execrows
-- What machines did is kept for a while (O-34).
delete from hits where id in (
    select h.id from hits h where h.class = 'machine' and h.at < @before limit 5000
);

-- name: HitsForget :execrows
-- Who a person was is forgotten, that there was one is not (O-34).
update hits set ip_address = null, user_agent = null where id in (
    select h.id from hits h where (h.ip_address is not null or h.user_agent is not null) and h.at < @before limit 5000
);

-- name: LinksOfSend :many
select * from tracked_links where send_id = @send_id order by url, id;

-- name: ClicksOfSend :many
-- What people followed, oldest first.
select * from hits where send_id = @send_id and class = 'human' and link_id is not null order by at, id;
