-- name: EnrollmentContactLock :one
-- Takes the lock of the contact an enrollment belongs to. A merge may move the
-- enrollment while this waits: the caller compares.
select c.id from contacts c
where c.id = (select e.contact_id from enrollments e where e.id = @id)
for update;

-- name: EnrollmentGet :one
select sqlc.embed(e), clock_timestamp()::timestamptz as now
from enrollments e where e.id = @id;

-- name: EnrollmentClaim :execrows
-- The first run that comes owns the enrollment for good (J-54).
update enrollments set first_run_id = @run_id::text, updated_at = @now
where id = @id and (first_run_id is null or first_run_id = @run_id::text) and status in ('active', 'waiting');

-- name: EnrollmentStand :exec
-- Where a live enrollment stands (J-59, J-60).
update enrollments set status = @status, node = @node, updated_at = @now
where id = @id and status in ('active', 'waiting');

-- name: EnrollmentContact :one
-- The contact as committed; a merged one's survivor (J-121).
select c.* from enrollments e
join contacts m on m.id = e.contact_id
join contacts c on c.id = coalesce(m.merged_into, m.id)
where e.id = @id;

-- name: EventGet :one
select * from events where id = @id;
