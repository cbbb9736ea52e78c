-- +goose Up

-- Files that mails carry, each content once, by its hash (E-84). One that no mail has any
-- more is deleted a day after it was brought last.
create table files (
    hash    bytea primary key,
    content bytea       not null,
    used_at timestamptz not null
);

alter table files alter column content set storage external;

-- The files of a send, in their order. Without a hash the content is not kept any more.
create table send_files (
    send_id uuid     not null,
    place   smallint not null,
    hash    bytea references files (hash),
    name    text     not null,
    type    text     not null,
    inline  text     not null default '',
    size    integer  not null,
    primary key (send_id, place)
);

create index send_files_hash on send_files (hash);

-- How many a send has: most have none, and nobody looks for them.
alter table sends add column files smallint not null default 0;
