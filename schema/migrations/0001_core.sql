-- +goose Up

-- One person. merged_into points at the survivor of a merge (I-25); deleted_at
-- marks a soft deletion (I-48). email_key is the address as compared (I-19).
create table contacts (
    id           uuid primary key,
    external_id  text,
    anonymous_id text, -- the oldest one; the others are in contact_keys
    email        text,
    email_key    text,
    timezone     text,
    properties   jsonb       not null default '{}',
    first_seen_at timestamptz not null,
    last_seen_at timestamptz not null,
    deleted_at   timestamptz,
    merged_into  uuid,
    created_at   timestamptz not null,
    updated_at   timestamptz not null
) with (fillfactor = 85);

create index contacts_email on contacts (email_key) where email_key is not null;
create index contacts_merged on contacts (merged_into) where merged_into is not null;

-- Every key that resolves to a contact. kind 'email' exists only while the owner of
-- the address has no external id: it reserves the address for one unidentified contact.
create table contact_keys (
    kind       text        not null check (kind in ('user', 'anonymous', 'email')),
    key        text        not null,
    contact_id uuid        not null,
    created_at timestamptz not null,
    primary key (kind, key)
);

create index contact_keys_contact on contact_keys (contact_id);

-- seq is the order of reception of one contact's events: it is drawn under the contact's lock.
create table events (
    id          uuid primary key,
    seq         bigint generated always as identity,
    contact_id  uuid             not null,
    name        text             not null,
    properties  jsonb            not null,
    value       double precision,
    currency    text,
    source      text             not null,
    hops        smallint         not null default 0,
    identity_conflict boolean    not null default false,
    occurred_at timestamptz      not null,
    received_at timestamptz      not null
);

create index events_contact_name on events (contact_id, name, occurred_at);
create index events_contact_seq on events (contact_id, seq);
create index events_name on events (name, occurred_at);

-- Idempotency keys; clients' keys and ours are different name spaces (I-35).
create table event_keys (
    space       text        not null check (space in ('client', 'internal')),
    key         text        not null,
    event_id    uuid        not null,
    contact_id  uuid,
    received_at timestamptz not null,
    primary key (space, key)
);

create table enrollments (
    id                  uuid primary key,
    contact_id          uuid        not null,
    journey_id          text        not null,
    entry               integer     not null,
    status              text        not null check (status in ('active', 'waiting', 'completed', 'failed', 'exited')),
    node                text        not null,
    context             jsonb       not null default '{}',
    trigger_event_id    uuid        not null,
    trigger_seq         bigint      not null,
    hops                smallint    not null default 0,
    version             text        not null default '',
    build_id            text        not null default '',
    workflow_id         text        not null,
    first_run_id        text, -- the run that claimed it (J-54)
    error               text,
    exit_reason         text,
    completed_at        timestamptz,
    exited_at           timestamptz,
    created_at          timestamptz not null,
    updated_at          timestamptz not null
) with (fillfactor = 80);

create unique index enrollments_entry on enrollments (contact_id, journey_id, entry);
create unique index enrollments_live on enrollments (contact_id, journey_id) where status in ('active', 'waiting');
create index enrollments_journey on enrollments (journey_id, status);

-- One row per wait and sleep of an enrollment. Postgres decides when it closes (J-126).
create table waits (
    id            uuid primary key,
    enrollment_id uuid        not null references enrollments (id) on delete cascade,
    contact_id    uuid        not null,
    step_key      text        not null,
    label         text        not null,
    event_name    text, -- null for a sleep
    conditions    jsonb,
    deadline      timestamptz, -- null: forever
    status        text        not null check (status in ('open', 'matched', 'timed_out', 'closed')),
    event_id      uuid,
    event_seq     bigint,
    registered_at timestamptz not null,
    closed_at     timestamptz,
    unique (enrollment_id, step_key)
);

create index waits_open on waits (contact_id, event_name) where status = 'open' and event_name is not null;

-- Why somebody did or did not get into a journey (J-44).
create table decisions (
    id            uuid primary key,
    at            timestamptz not null,
    type          text        not null check (type in ('enrollment', 'reaction')),
    contact_id    uuid        not null,
    journey_id    text        not null,
    event_id      uuid        not null,
    event_name    text        not null,
    outcome       text        not null check (outcome in ('enrolled', 'skipped')),
    reason        text,
    enrollment_id uuid,
    detail        jsonb       not null default '{}'
);

create index decisions_contact on decisions (contact_id, at desc, id);

-- What an enrollment did, once per step and action (J-114).
create table step_logs (
    seq           bigint generated always as identity,
    enrollment_id uuid        not null references enrollments (id) on delete cascade,
    step_key      text        not null,
    action        text        not null,
    from_node     text        not null default '',
    to_node       text        not null default '',
    detail        jsonb       not null default '{}',
    build_id      text        not null default '',
    at            timestamptz not null,
    primary key (enrollment_id, step_key, action)
);

-- Values kept by Run.Once (J-139).
create table once_values (
    enrollment_id uuid        not null references enrollments (id) on delete cascade,
    label         text        not null,
    value         jsonb       not null,
    created_at    timestamptz not null,
    primary key (enrollment_id, label)
);

-- One row per address: opt-outs and suppression. It needs no contact.
create table preferences (
    id                 uuid primary key,
    email              text        not null,
    email_key          text        not null unique,
    contact_id         uuid,
    unsubscribed_all   boolean     not null default false,
    categories         jsonb       not null default '{}',
    suppressed         boolean     not null default false,
    suppression_reason text check (suppression_reason in ('bounce', 'complaint', 'manual', 'import')),
    suppressed_at      timestamptz,
    created_at         timestamptz not null,
    updated_at         timestamptz not null
);

create index preferences_contact on preferences (contact_id) where contact_id is not null;

-- One mail to one address under one key (E-28, E-29).
create table sends (
    id               uuid primary key,
    key              text        not null unique,
    contact_id       uuid,
    enrollment_id    uuid,
    journey_id       text,
    template_key     text        not null,
    category         text        not null default '',
    status           text        not null check (status in ('queued', 'sent', 'failed', 'suppressed', 'skipped')),
    reason           text,
    from_email       text        not null default '',
    to_email         text        not null default '',
    reply_to         text        not null default '',
    subject          text        not null default '',
    html             text        not null default '',
    text             text        not null default '',
    headers          jsonb       not null default '{}',
    tags             jsonb       not null default '{}',
    props            jsonb,
    provider_id      text,
    claimed_at       timestamptz,
    first_attempt_at timestamptz,
    unclear          boolean     not null default false, -- an attempt ended without a clear answer (E-31)
    sent_at          timestamptz,
    created_at       timestamptz not null,
    updated_at       timestamptz not null
);

create index sends_contact on sends (contact_id, created_at desc);
create index sends_enrollment on sends (enrollment_id) where enrollment_id is not null;
create index sends_created on sends (created_at desc, id);

-- What the mailbox provider accepted: mails that never leave (E-40).
create table mailbox (
    key        text primary key,
    id         text        not null,
    digest     bytea       not null,
    message    jsonb       not null,
    created_at timestamptz not null
);

create index mailbox_created on mailbox (created_at, id);

-- What Temporal and other systems are still to be told, in order per contact.
create table outbox (
    id           uuid primary key,
    seq          bigint generated always as identity,
    contact_id   uuid        not null,
    event_id     uuid,
    kind         text        not null,
    key          text        not null unique,
    payload      jsonb       not null,
    status       text        not null default 'pending' check (status in ('pending', 'delivered', 'dead')),
    attempts     integer     not null default 0,
    due_at       timestamptz not null, -- a lease moves it ahead, so a lost lease expires by itself
    leased_by    text,
    last_error   text,
    created_at   timestamptz not null,
    delivered_at timestamptz
) with (fillfactor = 80);

create index outbox_due on outbox (due_at, seq) where status = 'pending';
create index outbox_contact on outbox (contact_id, seq) where status = 'pending';

create table dead_letters (
    id          uuid primary key,
    source      text        not null,
    source_id   text,
    payload     jsonb       not null,
    error       text        not null,
    retry_count integer     not null default 0,
    status      text        not null default 'pending' check (status in ('pending', 'retried', 'discarded')),
    retried_at  timestamptz,
    created_at  timestamptz not null,
    updated_at  timestamptz not null
);

-- An operator's switch of a journey (J-33).
create table journey_configs (
    journey_id text primary key,
    enabled    boolean     not null,
    updated_at timestamptz not null
);

create table api_keys (
    id           uuid primary key,
    name         text        not null,
    prefix       text        not null,
    hash         bytea       not null unique,
    scopes       text[]      not null,
    created_by   text,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz,
    created_at   timestamptz not null
);

create table worker_heartbeats (
    id              text primary key,
    build_id        text        not null,
    registry_digest text        not null,
    task_queue      text        not null,
    started_at      timestamptz not null,
    last_seen_at    timestamptz not null
);
