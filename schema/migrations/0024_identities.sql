-- +goose Up

-- When values were written into a contact last, by an event or an operator: whose values
-- a merge keeps (I-25). The epoch means never; null, of a contact that is older than this
-- column, means when it was changed last.
alter table contacts add column written_at timestamptz;

-- What browsers call a deleted contact is free for the next person there (I-48).
delete from contact_keys k using contacts c
where k.contact_id = c.id and k.kind = 'anonymous' and c.deleted_at is not null;
update contacts set anonymous_id = null where deleted_at is not null and anonymous_id is not null;

-- The event that caused an internal one in its transaction (I-61); null for none.
alter table events add column cause_id uuid;

-- The new properties of a contact, unless they have grown beyond what one may have (H-12).
-- Small ones are not measured: text is at most six times as long as what is stored.
-- +goose StatementBegin
create function hogsend_bounded(before jsonb, after jsonb) returns jsonb language plpgsql immutable as $$
begin
    if pg_column_size(after) < 8000 then
        return after;
    end if;
    if octet_length(after::text) > 262144 and octet_length(after::text) > octet_length(before::text)
        or (select count(*) from jsonb_object_keys(after)) > greatest(1000, (select count(*) from jsonb_object_keys(before))) then
        raise exception 'properties of a contact beyond their bounds' using errcode = 'HS001';
    end if;
    return after;
end
$$;
-- +goose StatementEnd
