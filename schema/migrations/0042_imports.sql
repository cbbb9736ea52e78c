-- +goose Up

-- Files that are imported row by row (O-19). data is there until the end; processed_rows is
-- where the work goes on after whatever interrupted it.
create table imports (
    id             uuid primary key,
    kind           text        not null check (kind in ('contacts', 'suppressions')),
    format         text        not null check (format in ('csv', 'json')),
    file_name      text        not null default '',
    data           text,
    status         text        not null default 'pending' check (status in ('pending', 'processing', 'completed', 'failed')),
    total_rows     integer,
    processed_rows integer     not null default 0,
    failed_rows    integer     not null default 0,
    errors         jsonb       not null default '[]',
    created_at     timestamptz not null,
    updated_at     timestamptz not null
);
