-- +goose Up

-- What providers report of a mail (E-43, E-44).
alter table sends
    add column delivered_at  timestamptz,
    add column bounced_at    timestamptz,
    add column complained_at timestamptz,
    add column bounce_type   text check (bounce_type in ('hard', 'soft')),
    add column bounce_reason text,
    drop constraint sends_status_check,
    add constraint sends_status_check check (
        status in ('queued', 'sent', 'delivered', 'opened', 'clicked', 'bounced', 'complained', 'failed', 'suppressed', 'skipped')
    );

create index sends_provider on sends (provider_id) where provider_id is not null;

-- How often mails to an address came back (E-64).
alter table preferences add column bounce_count integer not null default 0, add column last_bounce_at timestamptz;

create index preferences_listed on preferences (updated_at desc, id) where suppressed or unsubscribed_all or bounce_count > 0;

-- The messages of webhooks that have been applied, each once (E-61).
create table webhook_messages (
    source     text        not null,
    id         text        not null,
    applied_at timestamptz not null,
    primary key (source, id)
);

create index webhook_messages_applied on webhook_messages (applied_at);
