-- +goose Up

-- A wait for the first of several events has them all in one row, and the place of the
-- one that came (J-130). A digest's wait is a sleep with digest set (J-143).
alter table waits
    add column alternatives jsonb,
    add column place        smallint not null default 0,
    add column digest       boolean  not null default false;

create index waits_any on waits (contact_id) where status = 'open' and alternatives is not null;
create index waits_digest on waits (enrollment_id) where status = 'open' and digest;
