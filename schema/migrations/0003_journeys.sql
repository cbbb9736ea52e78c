-- +goose Up

-- A pause is apart from the switch: null is running (J-100).
alter table journey_configs add column paused_at timestamptz, add column pause_reason text;

-- How often a failed enrollment was taken up again (J-96).
alter table enrollments add column retries integer not null default 0;

-- What a pause holds: one row per effect of an enrollment that was about to begin
-- (J-101). It is open until it is released; due_at is set when the journey resumes.
create table holds (
    id            uuid primary key,
    enrollment_id uuid        not null references enrollments (id) on delete cascade,
    journey_id    text        not null, -- the one in journey_configs that was found paused
    step_key      text        not null,
    n             integer     not null, -- a step may be held again and again
    node          text        not null, -- of the step
    is_send       boolean     not null,
    held_at       timestamptz not null,
    due_at        timestamptz,
    skip          boolean     not null default false, -- not to be run: paused_late (J-105)
    closed_at     timestamptz,
    unique (enrollment_id, step_key, n)
);

create index holds_open on holds (journey_id, held_at) where closed_at is null;
create index holds_due on holds (due_at, held_at) where closed_at is null and due_at is not null;

-- One row: when holds were released last, so that all workers together keep the pace (J-103).
create table release_pace (
    singleton   boolean primary key default true check (singleton),
    released_at timestamptz not null default 'epoch'
);

insert into release_pace default values;

-- What is wrong with enrollments in flight, as last seen: blocked (J-95), stranded
-- (J-98), a long history (J-99).
create table troubles (
    enrollment_id uuid        not null references enrollments (id) on delete cascade,
    kind          text        not null check (kind in ('blocked', 'stranded', 'history')),
    detail        text        not null default '',
    since         timestamptz not null,
    seen_at       timestamptz not null,
    primary key (enrollment_id, kind)
);

-- What the reconciler looks at (J-98).
create index enrollments_untouched on enrollments (updated_at, id) where status = 'active';
create index waits_due on waits (deadline, id) where status = 'open' and deadline is not null;
create index waits_matched on waits (closed_at) where status = 'matched';
