-- +goose Up

-- Rules that tell somebody what goes wrong (O-14). config is sealed, shown is what of it is
-- told (O-16).
create table alert_rules (
    id               uuid primary key,
    name             text        not null,
    type             text        not null,
    threshold        jsonb       not null,
    channel          text        not null check (channel in ('webhook', 'slack', 'email')),
    config           text        not null,
    shown            jsonb       not null,
    enabled          boolean     not null,
    cooldown_minutes integer     not null check (cooldown_minutes > 0),
    last_fired_at    timestamptz,
    created_at       timestamptz not null,
    updated_at       timestamptz not null
);

-- What rules fired. A firing is pending until its delivery succeeded or was given up, and
-- keeps its rule from firing again meanwhile (O-15).
create table alert_history (
    id         uuid primary key,
    rule_id    uuid        not null references alert_rules (id) on delete cascade,
    payload    jsonb       not null,
    status     text        not null default 'pending' check (status in ('pending', 'delivered', 'failed')),
    error      text,
    created_at timestamptz not null,
    settled_at timestamptz
);

create unique index alert_history_pending on alert_history (rule_id) where status = 'pending';
create index alert_history_newest on alert_history (created_at desc, id desc);
create index alert_history_rule on alert_history (rule_id, created_at desc);
