-- name: PostHogContact :one
-- What PostHog knows a contact by: never an address (P-10). A merged-away contact is
-- its survivor; one that was erased is nobody.
select coalesce(c.external_id, c.anonymous_id, c.id::text)::text as distinct_id
from contacts m join contacts c on c.id = coalesce(m.merged_into, m.id)
where m.id = @id::uuid and c.erased_at is null;

-- name: PostHogMembership :one
-- The same, and whether the contact is a member now of the bucket of a stay (P-12).
select coalesce(c.external_id, c.anonymous_id, c.id::text)::text as distinct_id,
    exists (
        select from memberships s join memberships a on a.bucket_id = s.bucket_id and a.status = 'active'
        where s.id = @stay_id::uuid and a.contact_id = c.id
    ) as member
from contacts m join contacts c on c.id = coalesce(m.merged_into, m.id)
where m.id = @id::uuid and c.erased_at is null;
