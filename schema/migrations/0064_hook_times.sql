-- +goose Up

-- Instants in messages are written as the API writes them (H-9).
-- +goose StatementBegin
create function hogsend_wire(at timestamptz) returns text language sql immutable as $$
    select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create or replace function hogsend_hook_enrollment(e enrollments) returns jsonb language sql stable as $$
    select jsonb_build_object('enrollment', jsonb_build_object(
            'stateId', e.id, 'journeyId', e.journey_id, 'status', e.status, 'currentNodeId', e.node, 'entryCount', e.entry, 'key', nullif(e.key, ''),
            'createdAt', hogsend_wire(e.created_at)
        )) || jsonb_strip_nulls(jsonb_build_object('reason', e.exit_reason, 'error', e.error))
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create or replace function hogsend_hook_sends() returns trigger language plpgsql as $$
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
            'journeyId', new.journey_id, 'journeyStateId', new.enrollment_id, 'campaignId', new.campaign_id,
            'sentAt', hogsend_wire(new.sent_at), 'deliveredAt', hogsend_wire(new.delivered_at))));
    end loop;
    return null;
end $$;
-- +goose StatementEnd
