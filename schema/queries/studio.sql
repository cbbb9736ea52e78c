-- name: StudioRecentContacts :many
-- The newest event of each contact, the newest first: who was active last. It walks the
-- primary key backwards; events of somebody who has a newer one are passed over.
select e.id as event_id, e.contact_id from events e
where e.id < @before::uuid
  and not exists (select 1 from events n where n.contact_id = e.contact_id and n.seq > e.seq)
order by e.id desc
limit @row_limit;

-- name: StudioNewestContacts :many
select * from contacts
where id < @before::uuid and deleted_at is null and merged_into is null
order by id desc
limit @row_limit;

-- name: StudioJourneyCounts :many
select contact_id, count(*) as total from enrollments
where contact_id = any(@contact_ids::uuid[]) and status in ('active', 'waiting')
group by contact_id;

-- name: StudioBucketCounts :many
select contact_id, count(*) as total from memberships
where contact_id = any(@contact_ids::uuid[]) and status = 'active'
group by contact_id;

-- name: StudioPreferences :many
select * from preferences where contact_id = any(@contact_ids::uuid[]) order by updated_at;

-- name: StudioContactKeys :many
select * from contact_keys where contact_id = @contact_id order by created_at, key limit 50;

-- name: StudioEnrollments :many
select * from enrollments
where contact_id = @contact_id and created_at < sqlc.arg('before')::timestamptz
order by created_at desc, id
limit @row_limit;

-- name: StudioLiveEnrollments :many
select * from enrollments
where contact_id = @contact_id and status in ('active', 'waiting')
order by created_at desc, id
limit 100;

-- name: StudioOpenWaits :many
select * from waits where enrollment_id = any(@enrollment_ids::uuid[]) and status = 'open' order by registered_at;

-- name: StudioMemberships :many
select * from memberships
where contact_id = @contact_id and entered_at < sqlc.arg('before')::timestamptz
order by entered_at desc, id
limit @row_limit;

-- name: StudioActiveMemberships :many
select * from memberships where contact_id = @contact_id and status = 'active' order by entered_at desc limit 100;

-- name: StudioEventsOf :many
-- Those before one in the order of reception, so that a page costs the same at any depth.
select * from events
where contact_id = @contact_id and seq < @before_seq::bigint and received_at <= sqlc.arg('before')::timestamptz
order by seq desc
limit @row_limit;

-- name: StudioDecisionsOf :many
select * from decisions
where contact_id = @contact_id and at < sqlc.arg('before')::timestamptz
order by at desc, id
limit @row_limit;

-- name: StudioDecisionsOfEvents :many
-- What events have decided; since bounds how far back is looked.
select * from decisions
where contact_id = any(@contact_ids::uuid[]) and at >= sqlc.arg('since')::timestamptz and event_id = any(@event_ids::uuid[])
order by at, id
limit 2000;

-- name: StudioSendsOf :many
select * from sends
where contact_id = @contact_id and created_at < sqlc.arg('before')::timestamptz
order by created_at desc, id
limit @row_limit;

-- name: StudioSendsOfTemplate :many
-- Those to a contact, and those to its address that are of no contact (E-45).
select a.* from (
    (select s.* from sends s where s.contact_id = @contact_id and s.template_key = @template_key order by s.created_at desc, s.id limit 5)
    union all
    (select o.* from sends o where o.contact_id is null and o.claimed_at is not null and lower(o.to_email) = lower(@email::text) and o.template_key = @template_key
        order by o.created_at desc, o.id limit 5)
) a
order by a.created_at desc, a.id
limit 5;

-- name: StudioCampaignsOfTemplate :many
select * from campaigns where template_key = @template_key order by created_at desc, id desc limit 5;

-- name: StudioNamesakes :many
-- Others with an address who did an event.
select sqlc.embed(c), e.received_at from contacts c
cross join lateral (select n.received_at from events n where n.contact_id = c.id and n.name = @name::text order by n.occurred_at desc limit 1) e
where c.email_key = @email_key and c.id <> @contact_id and c.deleted_at is null and c.merged_into is null
limit 3;

-- name: StudioNewestStay :many
select * from memberships where contact_id = @contact_id and bucket_id = @bucket_id order by entered_at desc, id limit 1;

-- name: StudioAuditOf :many
select * from audit_logs
where contact_id = @contact_id and created_at < sqlc.arg('before')::timestamptz
order by created_at desc, id
limit @row_limit;

-- name: StudioNewestDecision :many
select * from decisions
where contact_id = @contact_id and journey_id = any(@journey_ids::text[])
order by at desc, id
limit 1;

-- name: StudioNewestEnrollment :many
select * from enrollments
where contact_id = @contact_id and journey_id = any(@journey_ids::text[])
order by created_at desc, id
limit 1;

-- name: StudioNewestEvent :many
select * from events
where contact_id = @contact_id and name = @name
order by occurred_at desc
limit 1;

-- name: StudioFeed :many
select sqlc.embed(e), sqlc.embed(c) from events e
join contacts c on c.id = e.contact_id
where e.id < @before::uuid
  and (sqlc.narg('name')::text is null or e.name = sqlc.narg('name'))
  and (sqlc.narg('contact_id')::uuid is null or e.contact_id = sqlc.narg('contact_id'))
  and (@internal::bool or not (e.name like 'bucket:%' or e.name like 'journey:%' or e.name like 'email.%'))
order by e.id desc
limit @row_limit;

-- name: StudioEventNames :many
-- The names of events there are, each found by one step along the index.
with recursive names as (
    (select e.name from events e order by e.name limit 1)
    union all
    select (select e.name from events e where e.name > n.name order by e.name limit 1) from names n where n.name is not null
)
select n.name::text as name from names n where n.name is not null limit 200;

-- name: StudioMails :many
select * from sends s
where s.created_at >= sqlc.arg('since')::timestamptz
  and (s.created_at, s.id) < (sqlc.arg('before')::timestamptz, @before_id::uuid)
  and (sqlc.narg('statuses')::text[] is null or s.status = any(sqlc.narg('statuses')::text[]))
  and (sqlc.narg('contact_id')::uuid is null or s.contact_id = sqlc.narg('contact_id'))
  and (sqlc.narg('to_email')::text is null or lower(s.to_email) = lower(sqlc.narg('to_email')))
  and (sqlc.narg('template')::text is null or s.template_key = sqlc.narg('template'))
  and (sqlc.narg('journey')::text is null or s.journey_id = sqlc.narg('journey'))
  and (sqlc.narg('reason')::text is null or s.reason = sqlc.narg('reason'))
order by s.created_at desc, s.id desc
limit @row_limit;

-- name: StudioMail :many
select * from sends where id = @id;

-- name: StudioEvent :many
select sqlc.embed(e), sqlc.embed(c) from events e join contacts c on c.id = e.contact_id where e.id = @id;

-- name: StudioEffects :many
-- What began or ended by an event of a contact, by the enrollments that it began.
select * from enrollments where contact_id = @contact_id and trigger_event_id = @event_id order by created_at, id limit 100;

-- name: StudioSendsAfter :many
select * from sends where enrollment_id = any(@enrollment_ids::uuid[]) order by created_at, id limit 100;

-- name: StudioNodes :many
-- Where the people of a journey stand.
select node, count(*) as people, min(updated_at)::timestamptz as since from enrollments
where journey_id = any(@journey_ids::text[]) and status in ('active', 'waiting')
group by node order by people desc, node limit 300;

-- name: StudioPassages :many
-- Where the people went who entered a journey last, in the order in which most came there.
with newest as (
    select p.id from unnest(@journey_ids::text[]) as j (id)
    cross join unnest(array['active', 'waiting', 'completed', 'exited', 'failed']) as s (status)
    cross join lateral (
        select o.id from enrollments o where o.journey_id = j.id and o.status = s.status order by o.id desc limit @row_limit
    ) p
    order by p.id desc limit @row_limit
), walked as (
    select l.enrollment_id, l.to_node, row_number() over (partition by l.enrollment_id order by l.seq) as place
    from newest n join step_logs l on l.enrollment_id = n.id
)
select w.to_node as node, count(distinct w.enrollment_id) as people, (select count(*) from newest) as out_of
from walked w where w.to_node <> '' group by w.to_node order by avg(w.place), w.to_node limit 300;

-- name: StudioRefused :many
-- Who did not enter a journey since an instant, by the reason: at most the last rows of each id.
select coalesce(d.reason, '')::text as reason, count(*) as total, max(d.at)::timestamptz as newest,
    (array_agg(d.contact_id order by d.at desc))[1]::uuid as contact_id, (array_agg(d.event_id order by d.at desc))[1]::uuid as event_id
from unnest(@journey_ids::text[]) as j (id)
cross join lateral (
    select n.* from decisions n where n.journey_id = j.id and n.at >= sqlc.arg('since')::timestamptz order by n.at desc, n.id limit @row_limit
) d
where d.outcome = 'skipped'
group by 1 order by total desc, 1;

-- name: StudioBuilds :many
-- The people of a journey by version and build, with the waits that end first and last; an
-- instant that there is none of is the epoch (J-112).
select e.version, e.build_id, count(*) as people, count(distinct e.node) as nodes,
    coalesce(min(w.deadline), 'epoch')::timestamptz as earliest, coalesce(max(w.deadline), 'epoch')::timestamptz as latest,
    (select count(*) from worker_heartbeats h where h.build_id = e.build_id and h.last_seen_at >= sqlc.arg('now')::timestamptz - interval '30 s') as workers
from enrollments e
left join waits w on w.enrollment_id = e.id and w.status = 'open' and e.status = 'waiting'
where e.journey_id = any(@journey_ids::text[]) and e.status in ('active', 'waiting')
group by e.version, e.build_id order by people desc, e.version, e.build_id limit 50;

-- name: StudioFailures :many
-- The failures of a journey by what was wrong, the most frequent first.
select split_part(coalesce(error, ''), E'\n', 1)::text as error, count(*) as people, max(updated_at)::timestamptz as newest from enrollments
where journey_id = any(@journey_ids::text[]) and status = 'failed'
group by 1 order by people desc, 1 limit 10;

-- name: StudioTroubles :many
select t.kind, count(*) as people, min(t.since)::timestamptz as since from enrollment_issues t
join enrollments e on e.id = t.enrollment_id
where e.journey_id = any(@journey_ids::text[]) and e.status in ('active', 'waiting')
group by t.kind order by t.kind;

-- name: StudioMembers :many
-- Stays in a bucket, the newest first.
select sqlc.embed(m), sqlc.embed(c) from memberships m
join contacts c on c.id = m.contact_id
where m.bucket_id = @bucket_id and m.status = @status
  and m.entered_at <= sqlc.arg('before')::timestamptz and (m.entered_at < sqlc.arg('before')::timestamptz or m.id > @after_id::uuid)
order by m.entered_at desc, m.id
limit @row_limit;

-- name: StudioMembersDue :one
-- How many stays end or are looked at within an hour and within a day.
select count(*) filter (where due_at <= sqlc.arg('now')::timestamptz + interval '1 hour') as hour, count(*) as day
from (
    select due_at from memberships
    where bucket_id = @bucket_id and status = 'active' and due_at <= sqlc.arg('now')::timestamptz + interval '24 hours'
    limit @row_limit
) m;

-- name: StudioSuppressions :many
-- Addresses that get no mail, or to which mails came back; the one written last comes first.
select * from preferences
where (suppressed or unsubscribed_all or bounce_count > 0) and email <> ''
  and (case @kind::text
        when 'blocked' then suppressed
        when 'unsubscribed' then unsubscribed_all
        when 'bounced' then bounce_count > 0
        else true end)
  and (@search::text = '' or position(lower(@search::text) in lower(email)) > 0)
  and updated_at <= sqlc.arg('before')::timestamptz and (updated_at < sqlc.arg('before')::timestamptz or id > @after_id::uuid)
order by updated_at desc, id
limit @row_limit;

-- name: StudioSuppression :many
select * from preferences where id = @id;

-- name: StudioLetterGroups :many
-- What waits for a decision, by where it was for and what went wrong.
select source, split_part(error, E'\n', 1)::text as error, count(*) as total, max(created_at)::timestamptz as newest from dead_letters
where status = 'pending'
group by 1, 2 order by 3 desc, 1, 2 limit 20;

-- name: StudioLettersOfError :many
select id from dead_letters
where status = 'pending' and source = @source and split_part(error, E'\n', 1) = @error::text
order by created_at, id limit @row_limit;

-- name: StudioPeopleOf :many
-- The people of a journey who stand at a node, or failed with an error: of those in some
-- states all are looked at, which are few beside all that ever were in it. A node has those
-- held at it or waiting for its time as well; one that ends in * is all that begin so.
with standing as materialized (
    select o.id, o.node, o.error from enrollments o where o.journey_id = any(@journey_ids::text[]) and o.status = any(@statuses::text[])
), page as (
    select s.id from standing s
    where s.id < @before::uuid
      and (sqlc.narg('node')::text is null or exists (
          select from unnest(array[regexp_replace(regexp_replace(s.node, '^(paused:)+', ''), '^defer:', 'send:'), regexp_replace(regexp_replace(s.node, '^(paused:)+', ''), '^defer:', '')]) as a (node)
          where a.node = sqlc.narg('node') or right(sqlc.narg('node'), 1) = '*' and starts_with(a.node, left(sqlc.narg('node'), -1))
      ))
      and (sqlc.narg('error')::text is null or split_part(coalesce(s.error, ''), E'\n', 1) = sqlc.narg('error'))
    order by s.id desc limit @row_limit
)
select sqlc.embed(e), sqlc.embed(c) from page
join enrollments e on e.id = page.id
join contacts c on c.id = e.contact_id
order by e.id desc;

-- name: StudioPeople :many
-- The people of a journey in some states, the newest enrollment first; of each id and
-- state the index gives them in order.
with page as (
    select p.id from unnest(@journey_ids::text[]) as j (id)
    cross join unnest(@statuses::text[]) as s (status)
    cross join lateral (
        select o.id from enrollments o
        where o.journey_id = j.id and o.status = s.status and o.id < @before::uuid
        order by o.id desc limit @row_limit
    ) p
    order by p.id desc limit @row_limit
)
select sqlc.embed(e), sqlc.embed(c) from page
join enrollments e on e.id = page.id
join contacts c on c.id = e.contact_id
order by e.id desc;

-- name: StudioSteps :many
-- What an enrollment did, in order.
select * from step_logs where enrollment_id = @enrollment_id order by seq limit 1000;

-- name: StudioIssues :many
select * from enrollment_issues where enrollment_id = @enrollment_id order by kind;

-- name: StudioDue :one
-- How many waits of a journey end within an hour, a day and a week (J-107).
select count(*) filter (where w.deadline <= sqlc.arg('now')::timestamptz + interval '1 hour') as hour,
    count(*) filter (where w.deadline <= sqlc.arg('now')::timestamptz + interval '24 hours') as day, count(*) as week
from waits w
join enrollments e on e.id = w.enrollment_id
where w.status = 'open' and w.deadline <= sqlc.arg('now')::timestamptz + interval '7 days' and e.journey_id = any(@journey_ids::text[]);

-- name: StudioCampaignMails :one
-- What became of the mails of a campaign.
select count(sent_at) as sent, count(coalesce(delivered_at, opened_at, clicked_at)) as delivered, count(coalesce(opened_at, clicked_at)) as opened,
    count(clicked_at) as clicked, count(bounced_at) as bounced, count(complained_at) as complained
from sends where campaign_id = @campaign_id;

-- name: StudioRecipients :many
select sqlc.embed(r), sqlc.embed(c) from (
    select * from campaign_recipients n
    where n.campaign_id = @campaign_id and n.contact_id > @after_id::uuid
      and (sqlc.narg('status')::text is null or n.status = sqlc.narg('status'))
      and (sqlc.narg('reason')::text is null or n.reason = sqlc.narg('reason'))
    order by n.contact_id limit @row_limit
) p
join campaign_recipients r on r.campaign_id = p.campaign_id and r.contact_id = p.contact_id
join contacts c on c.id = p.contact_id
order by p.contact_id;

-- name: StudioImports :many
select id, kind, file_name, status, total_rows, processed_rows, failed_rows, created_at from imports order by created_at desc, id limit @row_limit;

-- name: StudioImport :many
select id, kind, file_name, status, total_rows, processed_rows, failed_rows, errors, created_at, updated_at from imports where id = @id;

-- name: StudioErasures :many
select * from erasures order by requested_at desc, id limit @row_limit;

-- name: StudioErasedBy :many
select actor from audit_logs where resource = 'contacts' and resource_id = @contact_id::text and action = 'contacts.erase' order by created_at desc limit 1;
