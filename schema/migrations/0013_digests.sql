-- +goose Up

-- Each digest of a contact, journey and label: the events received up to flushed_at
-- were looked at (J-143).
create table digests (
    enrollment_id uuid        not null references enrollments (id) on delete cascade,
    step_key      text        not null,
    contact_id    uuid        not null,
    journey_id    text        not null,
    label         text        not null,
    flushed_at    timestamptz not null,
    primary key (enrollment_id, step_key)
);

create index digests_last on digests (contact_id, journey_id, label, flushed_at);

-- What a digest has collected: no event is in two of them.
create table digested (
    event_id      uuid not null,
    journey_id    text not null,
    label         text not null,
    enrollment_id uuid not null references enrollments (id) on delete cascade,
    step_key      text not null,
    primary key (event_id, journey_id, label)
);

create index digested_step on digested (enrollment_id, step_key);
