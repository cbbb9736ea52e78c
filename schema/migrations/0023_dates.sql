-- +goose Up

-- The journeys that dates of contacts trigger, as they are in force (J-156). position is
-- the last contact that was looked at since begun_at, until filled.
create table date_triggers (
    journey_id text primary key,
    definition jsonb       not null,
    begun_at   timestamptz not null,
    position   uuid        not null default '00000000-0000-0000-0000-000000000000',
    filled     boolean     not null default false
);

-- When each contact is due next in each of them (J-157). value is the property that it is
-- computed from, year that of a yearly one, else 0.
create table date_dues (
    contact_id uuid        not null,
    journey_id text        not null,
    due_at     timestamptz not null,
    value      text        not null,
    year       integer     not null,
    primary key (contact_id, journey_id)
);

create index date_dues_due on date_dues (due_at, contact_id, journey_id);
create index date_dues_journey on date_dues (journey_id);
