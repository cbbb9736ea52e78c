-- Erasure of a contact (I-51, E-68). What decides runs in one transaction under the contact's
-- lock: from then on nothing leads to it. Its rows go in pieces afterwards, which may be cut
-- off and taken up again at any time.

-- name: ErasureContact :many
-- Whom a reference names, deleted ones too (R-51); a live one first.
select c.* from (
    select 1 as rank, coalesce(m.merged_into, m.id) as id from contacts m where m.id = sqlc.narg('contact_id')::uuid
    union all
    select 2, k.contact_id from contact_keys k where k.kind = 'user' and k.key = sqlc.arg('reference')::text
    union all
    select 3, e.id from contacts e where e.email_key = sqlc.narg('email_key')::text and e.merged_into is null
    union all
    select 4, a.contact_id from contact_keys a where a.kind = 'anonymous' and a.key = sqlc.arg('reference')::text
) r
join contacts c on c.id = r.id
where c.merged_into is null and c.erased_at is null
order by r.rank, c.deleted_at is not null, c.external_id is null, c.last_seen_at desc, c.id
limit 1;

-- name: ErasureUnfinished :many
-- The erasure that a reference leads to, as long as it is not done: of a contact by its
-- uuid, or by what led to it.
select e.* from erasures e
where e.completed_at is null
  and (e.contact_id = sqlc.narg('contact_id')::uuid or hogsend_erased(@reference::text) = any(e.lookups)
    or hogsend_erased(sqlc.narg('email_key')::text) = any(e.lookups))
order by e.requested_at desc limit 1;

-- name: ErasuresOpen :many
select id from erasures where completed_at is null order by requested_at limit 100;

-- name: ErasureGet :many
select * from erasures where id = @id;

-- name: ErasureInsert :exec
-- Whether a record of its addresses says that they are not to be written to is noted before
-- the records go.
with ids as (
    select array_agg(c.id) as all_of from contacts c where c.id = @contact_id::uuid or c.merged_into = @contact_id::uuid
)
insert into erasures (id, contact_id, contact_ids, lookups, reason, suppression_kept, requested_at)
select @id::uuid, c.id, i.all_of,
    array(select hogsend_erased(k.key) from contact_keys k where k.contact_id = c.id and k.kind <> 'email')
        || case when c.email_key is null then '{}' else array[hogsend_erased(c.email_key)] end,
    @reason::text,
    exists (
        select from preferences p
        where (p.contact_id = any(i.all_of) or p.email_key = c.email_key)
          and (p.suppressed or p.unsubscribed_all or jsonb_path_exists(p.categories, '$.* ? (@ == false)'))
    ),
    clock_timestamp()
from contacts c, ids i
where c.id = @contact_id::uuid;

-- name: ErasureForget :exec
-- Temporal is told to forget the contact, behind the cancels of its workflows.
insert into outbox (id, ordering_key, kind, key, payload, due_at, created_at)
values (gen_random_uuid(), @contact_id, 'forget', 'forget/' || @id::uuid, jsonb_build_object('erasureId', @id::uuid), statement_timestamp(), statement_timestamp());

-- name: ErasureForgotten :many
-- Whom Temporal is to forget, and since when.
select contact_ids, extract(epoch from clock_timestamp() - requested_at)::float8 as seconds from erasures where id = @id;

-- name: ErasureMails :exec
-- Mails to the address that no contact is named for become the contact's, and go with them.
update sends s set contact_id = c.id
from contacts c
where c.id = @contact_id::uuid and s.contact_id is null and lower(s.to_email) = c.email_key
  and not exists (select from contacts o where o.email_key = c.email_key and o.id <> c.id and o.merged_into is null and o.deleted_at is null);

-- name: ErasureAudit :exec
-- Entries about records of its addresses become the contact's, and go with it.
update audit_logs a set contact_id = @contact_id::uuid
from preferences p, contacts c
where c.id = @contact_id::uuid and (p.contact_id = c.id or p.email_key = c.email_key)
  and a.resource in ('preferences', 'suppressions') and a.resource_id = p.id::text and a.contact_id is null;

-- name: ErasurePreferences :exec
-- A record that says no stays under the hash of its address; the others go. That of an
-- address which somebody else has too stays theirs.
with mine as (
    select p.id, (p.suppressed or p.unsubscribed_all or jsonb_path_exists(p.categories, '$.* ? (@ == false)')) as kept,
        exists (
            select from contacts o
            where o.email_key = p.email_key and o.id <> c.id and o.merged_into is null and o.deleted_at is null
        ) as shared
    from contacts c
    join preferences p on p.email_key = c.email_key
        or p.contact_id in (select m.id from contacts m where m.id = c.id or m.merged_into = c.id)
    where c.id = @contact_id::uuid
    order by p.id
), gone as (
    delete from preferences p using mine m where p.id = m.id and not m.kept and not m.shared
)
update preferences p
set contact_id = null,
    email = case when m.shared then p.email else '' end,
    email_key = case when m.shared then p.email_key else hogsend_erased(p.email_key) end,
    categories = case when m.shared then p.categories
        else (select coalesce(jsonb_object_agg(j.key, j.value), '{}') from jsonb_each(p.categories) j where j.value = 'false') end
from mine m
where p.id = m.id and (m.kept or m.shared);

-- name: ErasureInbox :exec
-- What other systems told that names it and is not applied yet goes, and its dead letters
-- with it: its address in any case, its ids as whole texts, but for the shortest ones, which
-- mean anything.
with words as (
    select convert_to('"' || k.key || '"', 'UTF8') as id, null as address
    from contact_keys k where k.contact_id = @contact_id::uuid and k.kind <> 'email' and length(k.key) > 2
    union all
    select null, c.email_key from contacts c where (c.id = @contact_id::uuid or c.merged_into = @contact_id::uuid) and c.email_key is not null
), gone as (
    delete from inbox i
    where exists (select from words w where position(w.id in i.body) > 0 or position(w.address in lower(convert_from(i.body, 'UTF8'))) > 0)
    returning i.source, i.message_id
)
delete from dead_letters d using gone g where d.source = 'webhook.' || g.source and d.source_id = g.message_id;

-- name: ErasureEmpty :exec
-- Nothing leads to the contact any more, and its row and those merged into it say nothing.
with gone as (delete from contact_keys where contact_id = @contact_id)
update contacts
set external_id = null, anonymous_id = null, email = null, email_key = null, timezone = null, properties = '{}',
    first_seen_at = clock_timestamp(), last_seen_at = clock_timestamp(), erased_at = clock_timestamp(), updated_at = clock_timestamp()
where id = @contact_id or merged_into = @contact_id;

-- The pieces. Each removes at most row_limit rows, and says how many those were.

-- name: ErasePieceKeys :execrows
-- A repeat of an event is recognized by the digest of its key (I-51).
with gone as (
    delete from event_keys k where (k.space, k.key) in (
        select e.space, e.key from event_keys e where e.contact_id = any(@ids::uuid[]) limit @row_limit
    ) returning k.space, k.key, k.event_id, k.received_at
)
insert into erased_keys (space, digest, event_id, received_at)
select g.space, encode(sha256(convert_to(g.key, 'UTF8')), 'hex'), g.event_id, g.received_at from gone g
on conflict do nothing;

-- name: ErasePieceEvents :execrows
delete from events v where v.id in (select e.id from events e where e.contact_id = any(@ids::uuid[]) limit @row_limit);

-- name: ErasePieceDecisions :execrows
delete from decisions d where d.id in (select o.id from decisions o where o.contact_id = any(@ids::uuid[]) limit @row_limit);

-- name: ErasePieceTimers :execrows
-- What was told of its stays, but for what still is to be: timers to cancel.
delete from outbox o where o.id in (
    select b.id from memberships m join outbox b on b.ordering_key = m.id
    where m.contact_id = any(@ids::uuid[]) and b.status <> 'pending' limit @row_limit
);

-- name: ErasePieceStays :execrows
delete from memberships m where m.id in (select o.id from memberships o where o.contact_id = any(@ids::uuid[]) limit @row_limit);

-- name: ErasePieceSteps :execrows
delete from step_logs l where (l.enrollment_id, l.step_key, l.action) in (
    select o.enrollment_id, o.step_key, o.action from enrollments e join step_logs o on o.enrollment_id = e.id
    where e.contact_id = any(@ids::uuid[]) limit @row_limit
);

-- name: ErasePieceValues :execrows
delete from once_values v where (v.enrollment_id, v.label) in (
    select o.enrollment_id, o.label from enrollments e join once_values o on o.enrollment_id = e.id
    where e.contact_id = any(@ids::uuid[]) limit @row_limit
);

-- name: ErasePieceDigested :execrows
delete from digested d where (d.event_id, d.journey_id, d.key, d.label) in (
    select o.event_id, o.journey_id, o.key, o.label from enrollments e join digested o on o.enrollment_id = e.id
    where e.contact_id = any(@ids::uuid[]) limit @row_limit
);

-- name: ErasePieceDigests :execrows
delete from digests d where (d.enrollment_id, d.step_key) in (
    select o.enrollment_id, o.step_key from enrollments e join digests o on o.enrollment_id = e.id
    where e.contact_id = any(@ids::uuid[]) limit @row_limit
);

-- name: ErasePieceWaits :execrows
delete from waits w where w.id in (
    select o.id from enrollments e join waits o on o.enrollment_id = e.id where e.contact_id = any(@ids::uuid[]) limit @row_limit
);

-- name: ErasePieceHeld :execrows
delete from paused_effects p where p.id in (
    select o.id from enrollments e join paused_effects o on o.enrollment_id = e.id where e.contact_id = any(@ids::uuid[]) limit @row_limit
);

-- name: ErasePieceIssues :execrows
delete from enrollment_issues i where (i.enrollment_id, i.kind) in (
    select o.enrollment_id, o.kind from enrollments e join enrollment_issues o on o.enrollment_id = e.id
    where e.contact_id = any(@ids::uuid[]) limit @row_limit
);

-- name: ErasePieceEnrollments :execrows
-- That there was one stays, without what it was about: figures go by it.
update enrollments n set context = '{}', key = '', error = null
where n.id in (
    select e.id from enrollments e
    where e.contact_id = any(@ids::uuid[]) and (e.context <> '{}' or e.key <> '' or e.error is not null) limit @row_limit
);

-- name: ErasePieceHits :execrows
delete from hits h where h.id in (
    select o.id from sends s join hits o on o.send_id = s.id where s.contact_id = any(@ids::uuid[]) limit @row_limit
);

-- name: ErasePieceLinks :execrows
delete from tracked_links l where l.id in (
    (select o.id from sends s join tracked_links o on o.send_id = s.id where s.contact_id = any(@ids::uuid[]) limit @row_limit)
    union all -- where others were led of the person (E-83)
    (
        select o.id from enrollments e join sends s on s.enrollment_id = e.id join tracked_links o on o.send_id = s.id
        where e.contact_id = any(@ids::uuid[]) limit @row_limit
    )
);

-- name: ErasePieceAnswers :execrows
delete from answers a where (a.send_id, a.event) in (
    (select o.send_id, o.event from sends s join answers o on o.send_id = s.id where s.contact_id = any(@ids::uuid[]) limit @row_limit)
    union all -- what others said of the person (E-83)
    (
        select o.send_id, o.event from enrollments e join sends s on s.enrollment_id = e.id join answers o on o.send_id = s.id
        where e.contact_id = any(@ids::uuid[]) limit @row_limit
    )
);

-- name: ErasePieceMailbox :execrows
delete from mailbox m where m.key in (
    (select o.key from sends s join mailbox o on o.key = s.key where s.contact_id = any(@ids::uuid[]) limit @row_limit)
    union all -- what others were told of the person (E-83)
    (
        select o.key from enrollments e join sends s on s.enrollment_id = e.id join mailbox o on o.key = s.key
        where e.contact_id = any(@ids::uuid[]) limit @row_limit
    )
);

-- name: ErasePieceFiles :execrows
-- The files of the person's mails, and of those about the person; contents that no other
-- mail has are deleted by the pruning that follows.
delete from send_files f where f.send_id in (
    (select s.id from sends s join send_files o on o.send_id = s.id where s.contact_id = any(@ids::uuid[]) limit @row_limit)
    union all
    (
        select s.id from enrollments e join sends s on s.enrollment_id = e.id join send_files o on o.send_id = s.id
        where e.contact_id = any(@ids::uuid[]) limit @row_limit
    )
);

-- name: ErasePieceSends :execrows
-- That there was one stays, without whom it was to and what it said: figures go by it. Its
-- key, which a client may have made of anything, goes when nothing is found by it any more.
update sends w
set key = 'erased:' || w.id, updated_at = clock_timestamp(), to_email = '', redirected_to = null, reply_to = '', subject = '', html = '', text = '', headers = '{}', tags = '{}', props = null,
    provider_id = null, bounce_reason = null, due_at = null, deferred_for = null,
    status = case when w.status = 'queued' then 'skipped' else w.status end,
    reason = case when w.status = 'queued' then 'no_email' when w.status = 'failed' then null else w.reason end
where w.id in (
    (select s.id from sends s where s.contact_id = any(@ids::uuid[]) and s.key not like 'erased:%' limit @row_limit)
    union all -- what others were told of the person (E-83)
    (
        select s.id from enrollments e join sends s on s.enrollment_id = e.id
        where e.contact_id = any(@ids::uuid[]) and s.key not like 'erased:%' limit @row_limit
    )
);

-- name: ErasePieceRecipients :execrows
-- That a campaign had a recipient stays, for its figures; it gets no mail any more.
update campaign_recipients r
set email_key = 'erased:' || r.contact_id, reason = case when r.status = 'open' then 'no_email' else r.reason end,
    status = case when r.status = 'open' then 'skipped' else r.status end
where (r.campaign_id, r.contact_id) in (
    select o.campaign_id, o.contact_id from campaign_recipients o
    where o.contact_id = any(@ids::uuid[]) and o.email_key not like 'erased:%' limit @row_limit
);

-- name: ErasePieceLetters :execrows
delete from dead_letters l where l.id in (
    select o.id from outbox b join dead_letters o on o.source = 'outbox.' || b.kind and o.source_id = b.id::text
    where b.ordering_key = any(@ids::uuid[]) or b.kind = 'webhook' and (b.payload ->> 'contactId')::uuid = any(@ids::uuid[]) limit @row_limit
);

-- name: ErasePieceOutbox :execrows
-- What still is to be told of it are ids; only captures and webhooks carry what somebody did.
-- That it is erased is told all the same.
delete from outbox o where o.id in (
    select b.id from outbox b
    where b.ordering_key = any(@ids::uuid[]) and (b.status <> 'pending' or b.kind = 'capture')
        or b.kind = 'webhook' and (b.payload ->> 'contactId')::uuid = any(@ids::uuid[]) and (b.status <> 'pending' or b.payload ->> 'type' <> 'contact.erased')
    limit @row_limit
);

-- name: ErasePieceDates :execrows
delete from date_dues d where (d.contact_id, d.journey_id) in (
    select o.contact_id, o.journey_id from date_dues o where o.contact_id = any(@ids::uuid[]) limit @row_limit
);

-- name: ErasePiecePropertyDates :execrows
delete from property_dates d where (d.contact_id, d.property) in (
    select o.contact_id, o.property from property_dates o where o.contact_id = any(@ids::uuid[]) limit @row_limit
);

-- name: ErasePieceRetries :execrows
delete from clock_retries r where (r.contact_id, r.bucket_id, r.edge_at) in (
    select o.contact_id, o.bucket_id, o.edge_at from clock_retries o where o.contact_id = any(@ids::uuid[]) limit @row_limit
);

-- name: ErasePieceBackfilled :execrows
delete from backfilled_contacts b where (b.contact_id, b.bucket_id, b.generation) in (
    select o.contact_id, o.bucket_id, o.generation from backfilled_contacts o where o.contact_id = any(@ids::uuid[]) limit @row_limit
);

-- name: ErasePieceAudit :execrows
-- Who did what to it when stays; what was written goes.
update audit_logs a set detail = '{}'
where a.id in (
    select o.id from audit_logs o where o.contact_id = any(@ids::uuid[]) and o.detail <> '{}' and o.action <> 'contacts.erase' limit @row_limit
);

-- name: ErasureNote :exec
-- Adds up what was removed.
update erasures set removed = removed || jsonb_build_object(@what::text, coalesce((removed ->> @what::text)::bigint, 0) + @n::bigint) where id = @id;

-- name: ErasureComplete :exec
update erasures set completed_at = coalesce(completed_at, clock_timestamp()), lookups = '{}' where id = @id;
