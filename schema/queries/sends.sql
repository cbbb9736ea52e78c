-- name: SendFind :many
select * from sends where key = @key;

-- name: PreferenceEnsure :exec
-- Every address that is written to has its record (E-29).
insert into preferences (id, email, email_key, contact_id, created_at, updated_at)
values (@id, @email, @email_key, @contact_id, @now, @now)
on conflict (email_key) do nothing;

-- name: PreferenceLock :many
-- The record of the address, locked after the contact (E-12), and all records
-- linked to the contact (E-20).
select * from preferences
where email_key = @email_key or contact_id = @contact_id
order by id
for update;

-- name: PreferencesEnsure :exec
-- The records of some addresses, in one order for all who make several at once.
insert into preferences (id, email, email_key, created_at, updated_at)
select w.id, w.email, w.email_key, clock_timestamp(), clock_timestamp()
from (select unnest(@ids::uuid[]) as id, unnest(@emails::text[]) as email, unnest(@email_keys::text[]) as email_key) w
order by w.email_key
on conflict (email_key) do nothing;

-- name: PreferencesLock :many
-- Locked after the contacts (E-12).
select email_key, unsubscribed_all, categories from preferences
where email_key = any(@email_keys::text[])
order by id
for update;

-- name: PreferencesChoose :exec
-- Writes choices into records that are locked; one that is nobody's becomes the contact's.
update preferences p set categories = w.categories, contact_id = coalesce(p.contact_id, w.contact_id), updated_at = w.at
from (
    select unnest(@email_keys::text[]) as email_key, unnest(@contact_ids::uuid[]) as contact_id, unnest(@categories::jsonb[]) as categories,
        unnest(@instants::timestamptz[]) as at
) w
where p.email_key = w.email_key;

-- name: PreferenceList :many
select * from preferences where email_key = @email_key or contact_id = @contact_id;

-- name: SendInsert :exec
insert into sends (id, key, contact_id, enrollment_id, journey_id, campaign_id, template_key, category, status, reason, from_email, to_email,
    reply_to, subject, html, text, headers, tags, props, redirected_to, claimed_at, due_at, deferred_for, test, files, created_at, updated_at)
values (@id, @key, @contact_id, @enrollment_id, @journey_id, @campaign_id, @template_key, @category, @status, @reason, @from_email, @to_email,
    @reply_to, @subject, @html, @text, @headers, @tags, @props, @redirected_to, @claimed_at, @due_at, @deferred_for, @test, @files, @created_at, @now);

-- name: SendGet :many
select * from sends where id = @id;

-- name: SendReplace :exec
-- Takes away a deferred send, for the row that takes its place in the same transaction (E-27).
delete from sends where id = @id and status = 'queued' and claimed_at is null;

-- name: SendAttempt :one
-- Commits the time of the first call before it starts (E-29). A call that is under way has
-- no reason yet: one that left none, because its process died, ended without a clear
-- answer (E-31). last_reason is how the call before this one ended.
with before as (
    select b.id, b.reason, b.first_attempt_at is not null and b.reason is null as silent
    from sends b where b.key = @key and b.status = 'queued' for update
)
update sends set first_attempt_at = coalesce(sends.first_attempt_at, clock_timestamp()), unclear = sends.unclear or before.silent,
    reason = null, updated_at = clock_timestamp()
from before where sends.id = before.id
returning sqlc.embed(sends), coalesce(before.reason, '')::text as last_reason, clock_timestamp()::timestamptz as now;

-- name: SendAccept :execrows
update sends set status = 'sent', provider_id = @provider_id, reason = null, sent_at = clock_timestamp(), updated_at = clock_timestamp()
where key = @key and status = 'queued';

-- name: SendFail :execrows
update sends set status = 'failed', reason = @reason, updated_at = clock_timestamp()
where key = @key and status = 'queued';

-- name: SendNote :exec
-- Remembers how the last attempt ended, and for good that one ended without a
-- clear answer (E-31).
update sends set reason = @reason, unclear = unclear or @unclear, updated_at = clock_timestamp()
where key = @key and status = 'queued';

-- name: SendGap :many
-- The journey's newest claim for the contact that may count, if it is younger (E-24).
select s.claimed_at::timestamptz as claimed_at, s.status, s.reason, s.journey_id, s.category from sends s
where s.contact_id = @contact_id and s.claimed_at > @since::timestamptz and s.journey_id = any(@journey_ids::text[])
    and s.status not in ('suppressed', 'skipped') and (s.status <> 'failed' or s.reason = 'unknown_outcome') and s.key not like 'test:%'
order by s.claimed_at desc limit 1;

-- name: SendCap :many
-- The newest claims for the contact or the address that may count toward a cap, as many
-- as it allows (E-21, E-22). No category means all (E-23).
select c.claimed_at::timestamptz as claimed_at, c.status, c.reason, c.journey_id, c.category from (
    (
        select s.id, s.claimed_at, s.status, s.reason, s.journey_id, s.category from sends s
        where s.contact_id = @contact_id and s.claimed_at >= @since::timestamptz
            and s.status not in ('suppressed', 'skipped') and (s.status <> 'failed' or s.reason = 'unknown_outcome') and s.key not like 'test:%'
            and (@category::text = '' or s.category = @category::text)
        order by s.claimed_at desc limit @max_count
    )
    union
    (
        select s.id, s.claimed_at, s.status, s.reason, s.journey_id, s.category from sends s
        where lower(s.to_email) = lower(@address::text) and s.claimed_at >= @since::timestamptz
            and s.status not in ('suppressed', 'skipped') and (s.status <> 'failed' or s.reason = 'unknown_outcome') and s.key not like 'test:%'
            and (@category::text = '' or s.category = @category::text)
        order by s.claimed_at desc limit @max_count
    )
) c
order by c.claimed_at desc limit @max_count;

-- name: PreferenceGet :many
select * from preferences where id = @id;

-- name: PreferenceByKey :many
select * from preferences where email_key = @email_key;

-- name: PreferenceWrite :execrows
-- Writes a record if it still is as it was read.
update preferences
set unsubscribed_all = @unsubscribed_all, categories = @categories, suppressed = @suppressed, suppression_reason = sqlc.narg('suppression_reason'),
    suppressed_at = sqlc.narg('suppressed_at'), bounce_count = @bounce_count, last_bounce_at = sqlc.narg('last_bounce_at'),
    contact_id = coalesce(contact_id, sqlc.narg('contact_id')), updated_at = @now
where id = @id and unsubscribed_all = @was_unsubscribed_all and categories = @was_categories and suppressed = @was_suppressed and bounce_count = @was_bounce_count
    and suppression_reason is not distinct from sqlc.narg('was_suppression_reason');
