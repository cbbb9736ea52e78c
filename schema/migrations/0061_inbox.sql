-- +goose Up

-- What other systems told, verified and not applied yet (P-7). A row goes when it is applied.
create table inbox (
    id          uuid primary key,
    source      text        not null,
    message_id  text        not null, -- the sender's; of a message without one, the digest of its body
    body        bytea       not null,
    headers     jsonb       not null default '{}',
    received_at timestamptz not null,
    attempts    integer     not null default 0, -- our own
    due_at      timestamptz,          -- of the next one; null when a person has to decide
    last_error  text,
    unique (source, message_id)
);

create index inbox_due on inbox (due_at) where due_at is not null;
