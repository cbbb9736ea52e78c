-- +goose Up

-- Who is told what happens (P-14): by programs that register them, as long as one does.
create table destinations (
    id      text primary key,
    events  text[]      not null,
    seen_at timestamptz not null
);

-- +goose StatementBegin
-- A message for each destination that listens, in the transaction of what happened (P-15).
-- What has the key already is the same message. contact is null of what is about nobody.
create function hogsend_hook(kind text, contact uuid, key text, at timestamptz, data jsonb) returns void language sql as $$
    insert into outbox (id, ordering_key, destination, kind, key, payload, due_at, created_at)
    select gen_random_uuid(), gen_random_uuid(), 'webhook:' || d.id, 'webhook', 'hook/' || d.id || '/' || kind || '/' || hogsend_hook.key,
        jsonb_build_object('type', kind, 'contactId', contact, 'at', to_jsonb(at), 'data', data), clock_timestamp(), clock_timestamp()
    from destinations d where kind = any(d.events)
    on conflict (key) do nothing
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create function hogsend_hook_contacts() returns trigger language plpgsql as $$
declare
    changed text[];
begin
    if not exists (select from destinations) then
        return null;
    end if;
    if tg_level = 'STATEMENT' then
        perform hogsend_hook('contact.created', a.id, a.id::text, a.created_at, '{}') from added a;
        return null;
    end if;
    case
    when new.merged_into is not null and old.merged_into is null then
        perform hogsend_hook('contact.merged', new.merged_into, new.id::text, new.updated_at, jsonb_build_object('into', new.merged_into, 'from', new.id));
    when new.merged_into is not null or old.erased_at is not null then
    when new.erased_at is not null then
        perform hogsend_hook('contact.erased', new.id, new.id::text, new.erased_at, '{}');
    when new.deleted_at is not null and old.deleted_at is null then
        perform hogsend_hook('contact.deleted', new.id, new.id::text || '/' || extract(epoch from new.deleted_at), new.deleted_at, '{}');
    else
        select coalesce(array_agg(k.name order by k.name), '{}') into changed from (
            select coalesce(o.key, n.key) as name from jsonb_each(old.properties) o full join jsonb_each(new.properties) n on n.key = o.key
            where o.value is distinct from n.value
            union all select 'externalId' where old.external_id is distinct from new.external_id
            union all select 'email' where old.email is distinct from new.email
            union all select 'timezone' where old.timezone is distinct from new.timezone
        ) k;
        if changed <> '{}' then
            perform hogsend_hook('contact.updated', new.id, gen_random_uuid()::text, new.updated_at, jsonb_build_object('changed', changed));
        end if;
    end case;
    return null;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function hogsend_hook_enrollments() returns trigger language plpgsql as $$
begin
    if not exists (select from destinations) then
        return null;
    end if;
    if tg_level = 'STATEMENT' then
        perform hogsend_hook('journey.enrolled', a.contact_id, a.id::text, a.created_at, hogsend_hook_enrollment(a)) from added a;
        -- One may have ended within what stored it.
        perform hogsend_hook('journey.' || a.status, a.contact_id, a.id::text, a.updated_at, hogsend_hook_enrollment(a))
        from added a where a.status in ('completed', 'failed', 'exited') and a.exit_reason is distinct from 'deleted';
    else
        perform hogsend_hook('journey.' || new.status, new.contact_id, new.id::text || '/' || extract(epoch from new.updated_at), new.updated_at, hogsend_hook_enrollment(new));
    end if;
    return null;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function hogsend_hook_enrollment(e enrollments) returns jsonb language sql stable as $$
    select jsonb_build_object('enrollment', jsonb_build_object(
            'stateId', e.id, 'journeyId', e.journey_id, 'status', e.status, 'currentNodeId', e.node, 'entryCount', e.entry, 'key', nullif(e.key, ''), 'createdAt', e.created_at
        )) || jsonb_strip_nulls(jsonb_build_object('reason', e.exit_reason, 'error', e.error))
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Events of hogsend's own that are told: those of buckets, and of what people did with mails.
create function hogsend_hook_events() returns trigger language plpgsql as $$
begin
    if not exists (select from destinations) then
        return null;
    end if;
    perform hogsend_hook(k.kind, a.contact_id, a.id::text, a.occurred_at, case
        when k.kind like 'bucket.%' then jsonb_strip_nulls(jsonb_build_object(
            'bucketId', a.properties -> 'bucketId', 'epoch', a.properties -> 'entryCount', 'reason', a.properties -> 'reason',
            'label', case when k.kind = 'bucket.dwelled' then split_part(a.name, ':', 4) end, 'ordinal', a.properties -> 'dwellCount'))
        else jsonb_build_object('send', a.properties - array['linkId', 'linkUrl', 'category', 'via'])
            || jsonb_strip_nulls(jsonb_build_object('link', a.properties -> 'linkUrl', 'category', a.properties -> 'category', 'via', a.properties -> 'via'))
        end)
    from (
        select added.*, case
            when source = 'bucket' and properties ->> 'transition' = 'entered' and name like 'bucket:%:%' then 'bucket.entered'
            when source = 'bucket' and properties ->> 'transition' = 'left' and name like 'bucket:%:%' then 'bucket.left'
            when source = 'bucket' and properties ->> 'transition' = 'dwell' and name like 'bucket:%:%' then 'bucket.dwelled'
            when name = 'email.link_clicked' then 'email.clicked'
            when name in ('email.opened', 'email.bounced', 'email.complained', 'email.unsubscribed', 'email.resubscribed') then name
        end as told
        from added where source in ('bucket', 'email')
    ) a cross join lateral (select a.told as kind) k
    where k.kind is not null;
    return null;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function hogsend_hook_sends() returns trigger language plpgsql as $$
declare
    kind text;
begin
    if new.contact_id is null or new.test or not exists (select from destinations) then
        return null;
    end if;
    foreach kind in array array_remove(array[
        case when new.sent_at is not null and (tg_op = 'INSERT' or old.sent_at is null) then 'email.sent' end,
        case when new.delivered_at is not null and (tg_op = 'INSERT' or old.delivered_at is null) then 'email.delivered' end,
        case when new.status in ('failed', 'suppressed', 'skipped') and (tg_op = 'INSERT' or old.status <> new.status) then 'email.' || new.status end
    ], null) loop
        perform hogsend_hook(kind, new.contact_id, new.id::text, new.updated_at, jsonb_build_object('send', jsonb_build_object(
            'emailSendId', new.id, 'templateKey', new.template_key, 'category', nullif(new.category, ''), 'status', new.status, 'reason', new.reason,
            'journeyId', new.journey_id, 'journeyStateId', new.enrollment_id, 'campaignId', new.campaign_id, 'sentAt', new.sent_at, 'deliveredAt', new.delivered_at)));
    end loop;
    return null;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function hogsend_hook_campaigns() returns trigger language plpgsql as $$
declare
    kind text := case
        when new.started_at is not null and old.started_at is null then 'campaign.started'
        when new.status = 'canceled' then 'campaign.canceled'
        when new.status in ('sent', 'failed') then 'campaign.completed'
    end;
begin
    if kind is not null then
        perform hogsend_hook(kind, null, new.id::text, new.updated_at, jsonb_build_object('campaign', jsonb_build_object(
            'id', new.id, 'name', new.name, 'status', new.status, 'templateKey', new.template_key, new.audience_kind, new.audience_id,
            'totalRecipients', new.total_recipients, 'sentCount', new.sent_count, 'skippedCount', new.skipped_count, 'failedCount', new.failed_count)));
    end if;
    return null;
end $$;
-- +goose StatementEnd

create trigger hooked_added after insert on contacts referencing new table as added for each statement execute function hogsend_hook_contacts();
create trigger hooked_changed after update on contacts for each row
    when (old.updated_at is distinct from new.updated_at or old.merged_into is distinct from new.merged_into or old.erased_at is distinct from new.erased_at)
    execute function hogsend_hook_contacts();
create trigger hooked_added after insert on enrollments referencing new table as added for each statement execute function hogsend_hook_enrollments();
create trigger hooked_changed after update on enrollments for each row
    when (old.status <> new.status and new.status in ('completed', 'failed', 'exited') and new.exit_reason is distinct from 'deleted')
    execute function hogsend_hook_enrollments();
create trigger hooked_added after insert on events referencing new table as added for each statement execute function hogsend_hook_events();
create trigger hooked_added after insert on sends for each row when (new.status <> 'queued') execute function hogsend_hook_sends();
create trigger hooked_changed after update on sends for each row
    when (old.status <> new.status or old.sent_at is distinct from new.sent_at or old.delivered_at is distinct from new.delivered_at)
    execute function hogsend_hook_sends();
create trigger hooked_changed after update on campaigns for each row
    when (old.status <> new.status or old.started_at is distinct from new.started_at) execute function hogsend_hook_campaigns();
