-- +goose Up

-- The people of Studio (O-7, O-9). password is an argon2id hash with its parameters; null
-- until the invitation is taken up.
create table users (
    id         uuid primary key,
    name       text        not null,
    email      text        not null,
    email_key  text        not null unique,
    role       text        not null check (role in ('admin', 'operator', 'viewer')),
    password   text,
    timezone   text        not null default 'UTC',
    theme      text        not null default 'auto' check (theme in ('auto', 'light', 'dark')),
    compact    boolean     not null default false,
    shortcuts  boolean     not null default true,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

-- Who is signed in where (O-8). hash is the SHA-256 of what the cookie holds. proved_at is
-- when the password was given last.
create table sessions (
    id         uuid primary key,
    user_id    uuid        not null references users (id) on delete cascade,
    hash       bytea       not null unique,
    ip_address text,
    user_agent text,
    remember   boolean     not null,
    proved_at  timestamptz not null,
    expires_at timestamptz not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create index sessions_user on sessions (user_id, created_at desc);
create index sessions_expired on sessions (expires_at);

-- Links that work once: the setup of the first admin (without a user), an invitation, the
-- sign-in of a developer. Only their hashes are kept; a newer one voids the older.
create table one_time_links (
    hash       bytea primary key,
    purpose    text        not null check (purpose in ('setup', 'invitation', 'sign_in')),
    user_id    uuid references users (id) on delete cascade,
    expires_at timestamptz not null,
    created_at timestamptz not null
);

create unique index one_time_links_newest on one_time_links (purpose, user_id) nulls not distinct;

-- What is counted for all servers together within the last minute (O-10).
create table attempts (
    id     uuid primary key,
    caller text        not null,
    at     timestamptz not null
);

create index attempts_caller on attempts (caller, at);
create index attempts_at on attempts (at);
