-- name: SchedulesInsert :exec
insert into schedules (event_name, bucket_id, due_at)
values (@event_name, @bucket_id, @due_at)
on conflict (event_name) do nothing;

-- name: SchedulesForget :exec
-- Those that no journey of the build has any more.
delete from schedules where event_name <> all(@event_names::text[]);

-- name: SchedulesNext :one
select s.event_name, s.bucket_id, s.due_at, s.position, clock_timestamp()::timestamptz as now
from schedules s
where s.event_name = any(@event_names::text[])
order by s.due_at, s.event_name limit 1;

-- name: SchedulesMembers :many
-- Who was a member at the instant, and still is.
select m.id, m.contact_id from memberships m
where m.bucket_id = @bucket_id and m.status = 'active' and m.id > @position::uuid and m.entered_at <= @due_at::timestamptz
order by m.id limit @size::int;

-- name: SchedulesAdvance :exec
-- Progress is compared before it is moved: a clock that was thought dead does no harm.
update schedules set due_at = @due_at::timestamptz, position = @position::uuid
where event_name = @event_name and due_at = @was_due_at::timestamptz and position = @was_position::uuid;
