-- +goose Up

-- The bucket definitions of each build that has run, in the order of appearance:
-- the newest one that a live worker has is in force (B-5).
create table registries (
    digest        text primary key,
    build_id      text        not null,
    definitions   jsonb       not null,
    first_seen_at timestamptz not null
);

-- One row: which registry is in force, and a version that every change of what
-- ingest must know about buckets raises.
create table registry_state (
    singleton boolean primary key default true check (singleton),
    digest    text   not null default '',
    version   bigint not null default 1
);

insert into registry_state default values;

-- A bucket with the definition in force. enabled is the operator's switch, disabled
-- the one in code; a bucket that no registry in force has is frozen (B-50, W-31).
create table buckets (
    id           text primary key,
    definition   jsonb       not null,
    hash         text        not null, -- of the criteria in force; '' until settled for the first time
    registered   boolean     not null,
    disabled     boolean     not null default false,
    enabled      boolean     not null default true,
    generation   integer     not null default 0,
    pending      text        not null default '', -- why it must be settled once it is enabled
    created_at   timestamptz not null,
    updated_at   timestamptz not null
);

-- One stay of one contact in one bucket (B-13). Rows are never used again.
create table memberships (
    id                uuid primary key,
    bucket_id         text        not null,
    contact_id        uuid        not null,
    epoch             integer     not null,
    status            text        not null check (status in ('active', 'left')),
    source            text        not null check (source in ('event', 'reconcile', 'backfill', 'manual')),
    muted             boolean     not null default false, -- no "entered" was emitted
    entered_at        timestamptz not null,
    anchor_at         timestamptz not null, -- dwell counts from here (B-38)
    max_dwell_at      timestamptz,
    leave_at          timestamptz, -- a deferred leave (B-21)
    leave_reason      text,
    leave_silent      boolean     not null default false,
    due_at            timestamptz generated always as (least(max_dwell_at, leave_at)) stored,
    last_evaluated_at timestamptz not null,
    left_at           timestamptz,
    left_reason       text,
    fired             jsonb       not null default '{}', -- last ordinal by dwell label
    created_at        timestamptz not null,
    updated_at        timestamptz not null
) with (fillfactor = 80);

create unique index memberships_epoch on memberships (contact_id, bucket_id, epoch);
create unique index memberships_active on memberships (contact_id, bucket_id) where status = 'active';
create index memberships_members on memberships (bucket_id, id) where status = 'active';
create index memberships_entered on memberships (bucket_id, status, entered_at desc, id);
create index memberships_overdue on memberships (contact_id, due_at) where status = 'active' and due_at is not null;
create index memberships_due on memberships (bucket_id, due_at) where status = 'active' and due_at is not null;

-- Applying a new or changed definition to the contacts that existed at settle_at.
create table backfills (
    id         uuid primary key,
    bucket_id  text        not null,
    generation integer     not null,
    mode       text        not null check (mode in ('first-time', 'reeval')),
    policy     text        not null, -- how joins and leaves are emitted (W-23)
    status     text        not null check (status in ('pending', 'processing', 'completed', 'failed')),
    settle_at  timestamptz not null,
    position   uuid        not null default '00000000-0000-0000-0000-000000000000',
    total      bigint      not null default 0, -- contacts to settle, estimated at its start
    processed  bigint      not null default 0,
    joined     bigint      not null default 0,
    left_count bigint      not null default 0,
    error      text,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create index backfills_bucket on backfills (bucket_id, created_at desc, id);
create unique index backfills_open on backfills (bucket_id) where status in ('pending', 'processing', 'failed');

-- Contacts that were settled ahead of a backfill that has not come to them (W-22).
create table settled (
    bucket_id  text    not null,
    generation integer not null,
    contact_id uuid    not null,
    primary key (contact_id, bucket_id, generation)
);

create index settled_bucket on settled (bucket_id, generation);

-- How far the clock has come, per event name and window in use (DESIGN 5.3).
create table clock_cursors (
    event_name text        not null,
    within_us  bigint      not null,
    cursor_at  timestamptz not null, -- edges up to here are applied
    primary key (event_name, within_us)
);

-- Contacts whose evaluation failed or whose lock was held: tried again on their own (W-13).
create table clock_retries (
    contact_id uuid        not null,
    bucket_id  text        not null,
    edge_at    timestamptz not null,
    attempts   integer     not null default 0,
    due_at     timestamptz not null,
    error      text        not null default '',
    primary key (contact_id, bucket_id, edge_at)
);

create index clock_retries_due on clock_retries (due_at);

-- Dwell reactions whose timers are still to be set, or canceled, for members that
-- exist already (B-46, B-47, B-52).
create table arming (
    id         uuid primary key,
    bucket_id  text        not null,
    journey_id text        not null,
    schedule   jsonb       not null,
    round      text        not null, -- makes the keys of a later arming its own
    cancels    boolean     not null,
    position   uuid        not null default '00000000-0000-0000-0000-000000000000', -- a membership
    overdue    bigint      not null default 0, -- timers due at once so far
    created_at timestamptz not null
);

-- First human open and click of a mail (C-10).
alter table sends add column opened_at timestamptz, add column clicked_at timestamptz;
create index sends_template on sends (contact_id, template_key, sent_at desc) where sent_at is not null;

-- A reaction's run may overlap with another one of it (B-34, J-49).
alter table enrollments add column concurrent boolean not null default false;
drop index enrollments_live;
create unique index enrollments_live on enrollments (contact_id, journey_id) where status in ('active', 'waiting') and not concurrent;
create index enrollments_open on enrollments (contact_id) where status in ('active', 'waiting');

-- What a member list and a backfill walk along.
create index contacts_live on contacts (id) where deleted_at is null and merged_into is null;
