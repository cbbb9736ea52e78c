-- name: ContactTimezoneSet :exec
-- Of a merged-away contact the survivor's.
update contacts set timezone = @timezone, updated_at = clock_timestamp(), written_at = clock_timestamp()
where id = coalesce((select m.merged_into from contacts m where m.id = @id), @id);
