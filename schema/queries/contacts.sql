-- name: ContactLock :one
-- Takes the contact's lock, under which everything about it is decided (I-5).
-- A merged-away id resolves to its survivor.
select * from contacts
where id = coalesce((select m.merged_into from contacts m where m.id = @id), @id)
for update;

-- name: ContactDelete :exec
-- Softly: its external id and its address still lead to it (I-49). What browsers call it
-- is free for the next person there (I-48).
with released as (delete from contact_keys where contact_id = @id and kind = 'anonymous')
update contacts set deleted_at = clock_timestamp(), updated_at = clock_timestamp(), anonymous_id = null
where id = @id and deleted_at is null;

-- name: ContactStaysEnd :exec
-- In buckets that no registry in force has, too (B-51).
update memberships set status = 'left', left_at = clock_timestamp(), left_reason = 'deleted', leave_at = null, updated_at = clock_timestamp()
where contact_id = @contact_id and status = 'active';

-- name: ContactSurvivor :many
-- The contact as committed, of a merged one the survivor (J-121).
select * from contacts
where id = coalesce((select m.merged_into from contacts m where m.id = @id), @id);
