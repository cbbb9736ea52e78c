-- name: ContactLock :one
-- Takes the contact's lock, under which everything about it is decided (I-5).
-- A merged-away id resolves to its survivor.
select * from contacts
where id = coalesce((select m.merged_into from contacts m where m.id = @id), @id)
for update;
