-- Imports of contacts and suppressions.

-- name: ImportInsert :exec
insert into imports (id, kind, format, file_name, data, created_at, updated_at)
values (@id, @kind, @format, @file_name, @data::text, @now::timestamptz, @now::timestamptz);

-- name: ImportGet :many
select id, status, total_rows, processed_rows, failed_rows, errors, created_at, updated_at from imports where id = @id;

-- name: ImportOpen :many
-- One that has not ended, with its file.
select * from imports where id = @id and status in ('pending', 'processing');

-- name: ImportAdvance :execrows
-- Moves on from where the caller began, and from nowhere else: of two who work at the same
-- import one advances. The file goes with the end.
update imports
set status = @status, total_rows = @total_rows::int, processed_rows = @processed_rows::int, failed_rows = @failed_rows, errors = @errors,
    data = case when @status::text = 'processing' then data end, updated_at = clock_timestamp()
where id = @id and processed_rows = @before::int and status in ('pending', 'processing');

-- name: ImportFail :exec
update imports set status = 'failed', errors = @errors, data = null, updated_at = clock_timestamp()
where id = @id and status in ('pending', 'processing');

-- name: SuppressionsImport :exec
-- A stronger reason replaces a weaker one and its date; otherwise what stands stays (E-65).
insert into preferences (id, email, email_key, suppressed, suppression_reason, suppressed_at, created_at, updated_at)
select w.id, w.email, w.email_key, true, w.reason, @now::timestamptz, @now::timestamptz, @now::timestamptz
from (
    select unnest(@ids::uuid[]) as id, unnest(@emails::text[]) as email, unnest(@email_keys::text[]) as email_key, unnest(@reasons::text[]) as reason
) w
order by w.email_key
on conflict (email_key) do update
set suppressed = true, suppression_reason = excluded.suppression_reason, suppressed_at = excluded.suppressed_at, updated_at = excluded.updated_at
where not preferences.suppressed
    or array_position(array['import', 'manual', 'bounce', 'complaint'], excluded.suppression_reason)
        > coalesce(array_position(array['import', 'manual', 'bounce', 'complaint'], preferences.suppression_reason), 0);
