-- name: StepLogInsert :exec
-- One row per step and action; repeats and replays add none (J-114).
insert into step_logs (enrollment_id, step_key, action, from_node, to_node, detail, build_id, at)
values (@enrollment_id, @step_key, @action, @from_node, @to_node, @detail, @build_id, @at)
on conflict do nothing;

-- name: StepMove :exec
-- A row of the step log and with it where the live enrollment stands from then on. A
-- repeated step does neither: the enrollment may have gone on since (J-66, J-114).
with logged as (
    insert into step_logs (enrollment_id, step_key, action, from_node, to_node, detail, build_id, at)
    values (@enrollment_id, @step_key, @action, @from_node, @to_node, @detail, @build_id, @at)
    on conflict do nothing
    returning enrollment_id
)
update enrollments e set status = @status, node = @to_node, updated_at = @at
from logged l where e.id = l.enrollment_id and e.status in ('active', 'waiting');

-- name: OnceGet :many
select value from once_values where enrollment_id = @enrollment_id and label = @label;

-- name: OnceInsert :exec
insert into once_values (enrollment_id, label, value, created_at)
values (@enrollment_id, @label, @value, @now)
on conflict do nothing;
