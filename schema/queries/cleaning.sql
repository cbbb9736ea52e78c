-- name: DecisionsPrune :many
-- Deletes old decisions that enrolled nobody, but for those about people in flight
-- (J-45, O-34). Ids grow with time, so that the primary key finds them.
delete from decisions where id = any(array(
    select d.id from decisions d
    where d.id > @after_id::uuid and d.id < @before_id::uuid and d.at < @before::timestamptz and d.outcome = 'skipped'
        and not exists (select from enrollments e where e.id = d.enrollment_id and e.status in ('active', 'waiting'))
    order by d.id limit @row_limit
    for update skip locked
))
returning id;
