-- name: StepLogInsert :exec
-- One row per step and action; repeats and replays add none (J-114).
insert into step_logs (enrollment_id, step_key, action, from_node, to_node, detail, build_id, at)
values (@enrollment_id, @step_key, @action, @from_node, @to_node, @detail, @build_id, @at)
on conflict do nothing;

-- name: OnceGet :many
select value from once_values where enrollment_id = @enrollment_id and label = @label;

-- name: OnceInsert :exec
insert into once_values (enrollment_id, label, value, created_at)
values (@enrollment_id, @label, @value, @now)
on conflict do nothing;
