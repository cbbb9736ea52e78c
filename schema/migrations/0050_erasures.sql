-- +goose Up

-- That somebody was erased (I-51): it names nobody. contact_ids are the contact and those
-- that were merged into it. lookups are keyed hashes of what led to it, while its rows are
-- still being removed; removed is how many rows of each table that were.
create table erasures (
    id              uuid primary key,
    contact_id      uuid        not null unique,
    contact_ids     uuid[]      not null,
    lookups         text[]      not null default '{}',
    reason          text        not null default '',
    suppression_kept boolean    not null,
    removed         jsonb       not null default '{}',
    requested_at    timestamptz not null,
    completed_at    timestamptz
);

create index erasures_open on erasures (requested_at) where completed_at is null;

-- A contact that was erased is a row without content, for what is under way of it.
alter table contacts add column erased_at timestamptz;

-- The idempotency keys of erased events: a repeat is one still (I-36).
create table erased_keys (
    space       text        not null,
    digest      text        not null,
    event_id    uuid        not null,
    received_at timestamptz not null,
    primary key (space, digest)
);

-- What hashes of erased addresses are keyed by, drawn once for this database.
create table erasure_key (
    singleton boolean primary key default true check (singleton),
    inner_key bytea not null,
    outer_key bytea not null
);

insert into erasure_key (inner_key, outer_key)
select sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')),
    sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'));

-- +goose StatementBegin
create function hogsend_erased(value text) returns text language sql stable as $$
    select 'erased:' || encode(sha256(k.outer_key || sha256(k.inner_key || convert_to(value, 'UTF8'))), 'hex') from erasure_key k
$$;

-- A record that is made of an address takes over what its hash has kept (E-68): the row is
-- the new one with the old id, which links in mails name.
create function hogsend_preference_returns() returns trigger language plpgsql as $$
declare
    kept preferences;
begin
    delete from preferences where email_key = hogsend_erased(new.email_key) returning * into kept;
    if found then
        update preferences
        set id = kept.id, unsubscribed_all = new.unsubscribed_all or kept.unsubscribed_all, categories = kept.categories || new.categories,
            suppressed = new.suppressed or kept.suppressed, suppression_reason = coalesce(kept.suppression_reason, new.suppression_reason),
            suppressed_at = coalesce(kept.suppressed_at, new.suppressed_at), bounce_count = greatest(new.bounce_count, kept.bounce_count),
            last_bounce_at = greatest(new.last_bounce_at, kept.last_bounce_at)
        where id = new.id;
    end if;
    return null;
end
$$;
-- +goose StatementEnd

create trigger erased_returns after insert on preferences for each row execute function hogsend_preference_returns();
