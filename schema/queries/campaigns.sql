-- name: CampaignInsert :execrows
-- A key that is known creates nothing (H-11).
insert into campaigns (id, key, name, status, audience_kind, audience_id, template_key, props, from_email, subject, scheduled_at, local_at,
    rate_per_minute, sample, sample_to, created_at, updated_at)
values (@id, @key, @name, @status, @audience_kind, @audience_id, @template_key, @props, @from_email, @subject, @scheduled_at, @local_at,
    @rate_per_minute, @sample, @sample_to, @now, @now)
on conflict (key) do nothing;

-- name: CampaignByKey :many
select * from campaigns where key = @key;

-- name: CampaignGet :many
select sqlc.embed(c), clock_timestamp()::timestamptz as now from campaigns c where c.id = @id;

-- name: CampaignLock :many
select sqlc.embed(c), clock_timestamp()::timestamptz as now from campaigns c where c.id = @id for update;

-- name: CampaignList :many
select * from campaigns
where cardinality(@statuses::text[]) = 0 or status = any(@statuses::text[])
order by created_at desc, id desc
limit @row_limit offset @row_offset;

-- name: CampaignCount :one
select count(*) from campaigns where cardinality(@statuses::text[]) = 0 or status = any(@statuses::text[]);

-- name: CampaignFigures :many
-- What became of the recipients so far, of campaigns that are not over.
select campaign_id, status, count(*) as n from campaign_recipients where campaign_id = any(@ids::uuid[]) group by campaign_id, status;

-- name: CampaignReasons :many
select status, coalesce(reason, '')::text as reason, count(*) as n from campaign_recipients where campaign_id = @id group by status, reason order by status, n desc, reason;

-- name: CampaignFreezeBucket :execrows
-- The ledger, of one snapshot: one row for each address (E-70). Of several contacts that
-- share one, the one that we know best.
insert into campaign_recipients (campaign_id, contact_id, email_key, due_at)
select distinct on (c.email_key) @campaign_id::uuid, c.id, c.email_key, @now::timestamptz
from memberships m join contacts c on c.id = m.contact_id
where m.bucket_id = @bucket_id and m.status = 'active' and c.deleted_at is null and c.merged_into is null and c.email_key <> ''
order by c.email_key, c.external_id is null, c.last_seen_at desc, c.id;

-- name: CampaignFreezeList :execrows
-- The same for the subscribers of a list: no record of the address or the contact says no,
-- and one says yes, where nobody is on it unasked (E-20).
insert into campaign_recipients (campaign_id, contact_id, email_key, due_at)
select distinct on (c.email_key) @campaign_id::uuid, c.id, c.email_key, @now::timestamptz
from contacts c
where c.deleted_at is null and c.merged_into is null and c.email_key <> ''
    and not exists (select from preferences p where p.email_key = c.email_key and (p.unsubscribed_all or p.categories -> @list_id::text = 'false'))
    and not exists (select from preferences p where p.contact_id = c.id and (p.unsubscribed_all or p.categories -> @list_id::text = 'false'))
    and (@default_opt_in::boolean
        or exists (select from preferences p where p.email_key = c.email_key and p.categories -> @list_id::text = 'true')
        or exists (select from preferences p where p.contact_id = c.id and p.categories -> @list_id::text = 'true'))
order by c.email_key, c.external_id is null, c.last_seen_at desc, c.id;

-- name: CampaignSampleFirst :execrows
update campaign_recipients u set rank = 0
where u.campaign_id = @campaign_id and u.contact_id in (
    select r.contact_id from campaign_recipients r where r.campaign_id = @campaign_id and r.status = 'open' order by r.rank, r.due_at, r.contact_id limit @n
);

-- name: CampaignSampleTo :execrows
update campaign_recipients set rank = 0 where campaign_id = @campaign_id and contact_id = any(@contact_ids::uuid[]);

-- name: CampaignZones :many
-- What says where the recipients of a page live (S-1).
select r.contact_id, c.timezone, jsonb_strip_nulls(jsonb_build_object(
    'timezone', c.properties -> 'timezone', '$timezone', c.properties -> '$timezone', '$geoip_time_zone', c.properties -> '$geoip_time_zone'
))::jsonb as properties
from campaign_recipients r join contacts c on c.id = r.contact_id
where r.campaign_id = @campaign_id and r.contact_id > @after
order by r.contact_id limit @row_limit;

-- name: CampaignDue :exec
update campaign_recipients set due_at = @due_at where campaign_id = @campaign_id and contact_id = any(@contact_ids::uuid[]);

-- name: CampaignStart :exec
update campaigns set status = 'queued', started_at = @now, total_recipients = @total, updated_at = @now where id = @id;

-- name: CampaignSending :exec
update campaigns set status = 'sending', updated_at = clock_timestamp() where id = @id and status = 'queued';

-- name: CampaignEnd :exec
-- Ends it with its final figures: of one canceled earlier, only they are missing.
update campaigns c
set status = case when c.status = 'canceled' then c.status else @status::text end, completed_at = clock_timestamp(), updated_at = clock_timestamp(), error = @error,
    sent_count = f.sent, failed_count = f.failed, skipped_count = c.total_recipients - f.sent - f.failed
from (
    select count(*) filter (where r.status = 'sent') as sent, count(*) filter (where r.status = 'failed') as failed
    from campaign_recipients r where r.campaign_id = @id
) f
where c.id = @id and c.completed_at is null;

-- name: CampaignPause :execrows
update campaigns set paused_at = @now::timestamptz, updated_at = @now::timestamptz where id = @id and paused_at is null and status in ('scheduled', 'queued', 'sending');

-- name: CampaignSampled :execrows
-- The sample is out: it pauses, and what is resumed is the rest.
update campaigns set paused_at = @now::timestamptz, sampled = true, updated_at = @now::timestamptz
where id = @id and not sampled and status in ('queued', 'sending');

-- name: CampaignResume :execrows
update campaigns set paused_at = null, updated_at = @now::timestamptz where id = @id and paused_at is not null and status in ('scheduled', 'queued', 'sending');

-- name: CampaignCancel :execrows
update campaigns set status = 'canceled', canceled_at = @now::timestamptz, updated_at = @now::timestamptz where id = @id and status in ('scheduled', 'queued', 'sending');

-- name: CampaignShare :many
-- Keeps a campaign as it is until the claim has committed: a cancel or a pause waits for
-- the claims that came before it, and stops those that come after (E-73).
select status, paused_at from campaigns where id = @id for share;

-- name: RecipientGet :many
select * from campaign_recipients where campaign_id = @campaign_id and contact_id = @contact_id;

-- name: RecipientsDue :many
-- A page of those who are due, after a place of the order: all, or those whose mail was
-- claimed and whose outcome is not known yet.
select * from campaign_recipients
where campaign_id = @campaign_id and status = 'open' and rank <= @rank and due_at <= @now::timestamptz and (not @claimed::boolean or send_id is not null)
    and (rank, due_at, contact_id) > (@after_rank::smallint, @after_due::timestamptz, @after_contact::uuid)
order by rank, due_at, contact_id limit @row_limit;

-- name: RecipientNext :many
-- When the next open one is due.
select l.due_at::timestamptz as due_at from generate_series(0, @rank::int) n cross join lateral (
    select o.due_at from campaign_recipients o
    where o.campaign_id = @campaign_id and o.status = 'open' and o.rank = n and (not @claimed::boolean or o.send_id is not null)
    order by o.due_at limit 1
) l
order by l.due_at limit 1;

-- name: RecipientMailed :one
-- Whether another send of the campaign went to the contact, which was merged, or to the
-- address, which became this contact's: nobody gets two (E-71).
select (exists (
    select from sends s where s.campaign_id = @campaign_id and s.contact_id = @contact_id and s.key <> @key and s.status not in ('suppressed', 'skipped')
) or exists (
    select from sends s where lower(s.to_email) = lower(@address::text) and s.claimed_at is not null and s.campaign_id = @campaign_id and s.key <> @key
))::boolean as mailed;

-- name: RecipientClaim :exec
update campaign_recipients set send_id = @send_id where campaign_id = @campaign_id and contact_id = @contact_id and status = 'open';

-- name: RecipientDefer :exec
update campaign_recipients set due_at = @due_at where campaign_id = @campaign_id and contact_id = @contact_id and status = 'open';

-- name: RecipientRetry :exec
-- After a failure that may pass: others go on meanwhile.
update campaign_recipients set due_at = clock_timestamp() + make_interval(secs => @pause_seconds::float8), failures = failures + 1
where campaign_id = @campaign_id and contact_id = @contact_id and status = 'open';

-- name: RecipientSettle :exec
-- What became of the send is what became of the recipient.
update campaign_recipients r
set status = case when s.status in ('suppressed', 'skipped') then 'skipped' when s.status = 'failed' then 'failed' else 'sent' end,
    reason = case when s.status in ('suppressed', 'skipped', 'failed') then s.reason end, send_id = s.id
from sends s
where s.key = @key and s.status <> 'queued' and r.campaign_id = @campaign_id and r.contact_id = @contact_id and r.status = 'open';

-- name: RecipientEnd :exec
-- Of one without a send.
update campaign_recipients set status = @status::text, reason = @reason::text where campaign_id = @campaign_id and contact_id = @contact_id and status = 'open';

-- name: RecipientsSpare :execrows
-- Spares some of those whose mail was not claimed before the cancel.
update campaign_recipients r set status = 'skipped', reason = 'canceled'
where r.campaign_id = @campaign_id and r.contact_id in (
    select o.contact_id from campaign_recipients o
    where o.campaign_id = @campaign_id and o.status = 'open' and o.send_id is null order by o.rank, o.due_at, o.contact_id limit @row_limit
);

-- name: CampaignDeferredEnd :execrows
-- Deferred mails of a canceled campaign.
update sends set status = 'skipped', reason = 'canceled', due_at = null, updated_at = clock_timestamp()
where campaign_id = @campaign_id and status = 'queued' and claimed_at is null;

-- name: CampaignAwaitsBackfill :one
-- Whether the bucket still looks at contacts that were there before it.
select exists (select from backfills where bucket_id = @bucket_id and status in ('pending', 'processing'));
