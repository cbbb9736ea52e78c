-- +goose Up

-- A mail to many (E-69). key is what it is created once by: "api:" and the client's
-- idempotency key, "code:" and the id that it is declared under.
create table campaigns (
    id               uuid primary key,
    key              text unique,
    name             text        not null,
    status           text        not null check (status in ('scheduled', 'queued', 'sending', 'sent', 'failed', 'canceled', 'expired')),
    audience_kind    text        not null check (audience_kind in ('list', 'bucket')),
    audience_id      text        not null,
    template_key     text        not null,
    props            jsonb,
    from_email       text        not null default '',
    subject          text        not null default '',
    scheduled_at     timestamptz, -- null: at once
    local_at         text,        -- a time on each recipient's wall instead of one instant
    rate_per_minute  integer     not null default 0, -- 0: as fast as mails go
    sample           integer     not null default 0, -- how many are mailed before it pauses itself
    sample_to        uuid[]      not null default '{}',
    sampled          boolean     not null default false, -- the sample is out
    paused_at        timestamptz,
    -- Figures: those of the ledger once it is frozen, the final ones once it is over.
    total_recipients integer     not null default 0,
    sent_count       integer     not null default 0,
    skipped_count    integer     not null default 0,
    failed_count     integer     not null default 0,
    error            text,
    started_at       timestamptz, -- the ledger is frozen
    completed_at     timestamptz,
    canceled_at      timestamptz,
    created_at       timestamptz not null,
    updated_at       timestamptz not null
);

create index campaigns_newest on campaigns (created_at desc, id desc);

-- The ledger: who gets it, one row each (E-70, E-71). An open one is due at due_at; one
-- with a send has been claimed.
create table campaign_recipients (
    campaign_id uuid        not null references campaigns (id) on delete cascade,
    contact_id  uuid        not null,
    email_key   text        not null,
    rank        smallint    not null default 1, -- 0: the sample
    status      text        not null default 'open' check (status in ('open', 'sent', 'skipped', 'failed')),
    reason      text,
    send_id     uuid,
    due_at      timestamptz not null,
    failures    integer     not null default 0,
    primary key (campaign_id, contact_id),
    unique (campaign_id, email_key)
) with (fillfactor = 80);

create index campaign_recipients_open on campaign_recipients (campaign_id, rank, due_at, contact_id) where status = 'open';
create index campaign_recipients_status on campaign_recipients (campaign_id, status);
