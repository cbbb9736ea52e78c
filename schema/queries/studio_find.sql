-- name: FindMail :many
-- The mail that a provider knows by an id.
select id from sends where provider_id = @provider_id limit 1;

-- name: FindEnrollment :many
-- The enrollment that a workflow runs, of the contact whose id the workflow's has in it.
select id from enrollments where contact_id = @contact_id and workflow_id = @workflow_id limit 1;

-- name: FindDeleted :many
-- When a contact was deleted.
select deleted_at from contacts
where deleted_at is not null and merged_into is null
  and (id = sqlc.narg('id')::uuid or id = (select k.contact_id from contact_keys k where k.kind = 'user' and k.key = sqlc.narg('reference')::text))
limit 1;
