-- name: RetryRivals :one
-- Other enrollments of the contact in the journey, of the same key, that have not ended (J-96).
select count(*) from enrollments e
where e.contact_id = @contact_id and e.journey_id = any(@journey_ids::text[])
    and e.key = @key and e.status in ('active', 'waiting') and not e.concurrent and e.id <> @id;

-- name: RetrySet :execrows
update enrollments
set status = 'active', retries = retries + 1, error = null, completed_at = null, updated_at = @now
where id = @id and status = 'failed';

-- name: RetrySends :many
-- The sends of one step, the last retry's first.
select * from sends where key = any(@keys::text[]) order by created_at desc, id desc;

-- name: RetryWaits :exec
-- The waits that the failure closed go on; those that ended by themselves stay ended.
update waits set status = 'open', closed_at = null
where enrollment_id = @enrollment_id and status = 'closed' and closed_at = @failed_at;
