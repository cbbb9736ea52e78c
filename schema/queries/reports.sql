-- name: WebhookSeen :one
select exists (select from webhook_messages where source = @source and id = @id);

-- name: WebhookKeep :execrows
insert into webhook_messages (source, id, applied_at) values (@source, @id, @now) on conflict do nothing;

-- name: WebhookClean :execrows
-- In small steps, so that it disturbs nobody (O-34).
delete from webhook_messages where (source, id) in (
    select m.source, m.id from webhook_messages m where m.applied_at < @before limit 5000
);

-- name: ReportedSend :many
-- The send that a report is about: by the provider's id, or else by our own (E-63). Of an
-- erased person's mails nothing is kept any more.
select * from sends
where (provider_id = @provider_id or id = sqlc.narg('id')::uuid) and key not like 'erased:%'
order by (provider_id = @provider_id) desc nulls last limit 1;

-- name: ReportedSendWrite :execrows
-- Writes what a report says, if the send still is as it was read.
update sends
set status = @status, reason = sqlc.narg('reason'), provider_id = coalesce(provider_id, @provider_id), sent_at = sqlc.narg('sent_at'),
    delivered_at = sqlc.narg('delivered_at'), delayed_at = sqlc.narg('delayed_at'), bounced_at = sqlc.narg('bounced_at'), complained_at = sqlc.narg('complained_at'),
    bounce_type = sqlc.narg('bounce_type'), bounce_reason = sqlc.narg('bounce_reason'), updated_at = @now
where id = @id and status = @was_status and updated_at = @was_updated_at;

-- name: AdminSuppressionsList :many
select * from preferences
where (suppressed or unsubscribed_all or bounce_count > 0) and email <> ''
  and (case @kind::text
        when 'bounced' then bounce_count > 0
        when 'unsubscribed' then unsubscribed_all
        when 'complained' then suppression_reason = 'complaint'
        when 'manual' then suppression_reason = 'manual'
        else true end)
  and (@search::text = '' or position(lower(@search::text) in lower(email)) > 0)
order by updated_at desc, id
limit @row_limit offset @row_offset;

-- name: AdminSuppressionsCount :one
select count(*) from preferences
where (suppressed or unsubscribed_all or bounce_count > 0) and email <> ''
  and (case @kind::text
        when 'bounced' then bounce_count > 0
        when 'unsubscribed' then unsubscribed_all
        when 'complained' then suppression_reason = 'complaint'
        when 'manual' then suppression_reason = 'manual'
        else true end)
  and (@search::text = '' or position(lower(@search::text) in lower(email)) > 0);
