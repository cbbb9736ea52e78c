-- name: ReconcileActive :many
-- Rows that nothing has touched for long. One whose start or retry is still to be
-- delivered is on its way (J-98).
select e.id, e.journey_id, e.workflow_id, e.updated_at from enrollments e
where e.status = 'active' and e.updated_at < @before::timestamptz
    and (e.updated_at, e.id) > (@after_at::timestamptz, @after_id::uuid)
    and not exists (
        select from outbox o
        where o.ordering_key = e.contact_id and o.status = 'pending' and o.kind in ('start', 'retry')
            and o.payload->>'enrollmentId' = e.id::text
    )
order by e.updated_at, e.id
limit @row_limit;

-- name: SendsAbandoned :many
-- Mails that were called for long ago and never ended (E-33).
select * from sends s
where s.status = 'queued' and s.first_attempt_at is not null and s.first_attempt_at < @before::timestamptz
    and (s.first_attempt_at, s.id) > (@after_at::timestamptz, @after_id::uuid)
order by s.first_attempt_at, s.id
limit @row_limit;

-- name: ReconcileOverdue :many
-- Rows whose deadline has long passed.
select e.id, e.journey_id, e.workflow_id, w.deadline::timestamptz as deadline, w.id as wait_id
from waits w join enrollments e on e.id = w.enrollment_id and e.status = 'waiting'
where w.status = 'open' and w.deadline is not null and w.deadline < @before::timestamptz
    and (w.deadline, w.id) > (@after_at::timestamptz, @after_id::uuid)
order by w.deadline, w.id
limit @row_limit;

-- name: ReconcileWoken :many
-- Rows that still wait although their event came.
select e.id, e.journey_id, e.workflow_id, w.closed_at::timestamptz as closed_at, w.id as wait_id
from waits w join enrollments e on e.id = w.enrollment_id and e.status = 'waiting' and e.node = w.label
where w.status = 'matched' and (w.closed_at, w.id) > (@after_at::timestamptz, @after_id::uuid) and w.closed_at < @before::timestamptz
    and not exists (select from step_logs l where l.enrollment_id = e.id and l.step_key = w.step_key and l.action = 'wait_ended')
order by w.closed_at, w.id
limit @row_limit;

-- name: ReconcileLatest :many
-- The same for a glance: what should have moved by now, the newest first.
(
    select e.id, e.journey_id, e.workflow_id, e.updated_at as at from enrollments e
    where e.status = 'active' and e.updated_at < @before::timestamptz
    order by e.updated_at desc limit @row_limit
)
union all
(
    select e.id, e.journey_id, e.workflow_id, w.deadline::timestamptz as at
    from waits w join enrollments e on e.id = w.enrollment_id and e.status = 'waiting'
    where w.status = 'open' and w.deadline is not null and w.deadline < @before::timestamptz
    order by w.deadline desc limit @row_limit
);

-- name: EnrollmentIssueSet :execrows
-- 1 when it is new.
insert into enrollment_issues (enrollment_id, kind, detail, since, seen_at)
values (@enrollment_id, @kind, @detail, @now, @now)
on conflict (enrollment_id, kind) do nothing;

-- name: EnrollmentIssueSeen :exec
update enrollment_issues set detail = @detail, seen_at = @now where enrollment_id = @enrollment_id and kind = @kind;

-- name: EnrollmentIssueClear :exec
delete from enrollment_issues where enrollment_id = any(@enrollment_ids::uuid[]) and kind = @kind;

-- name: EnrollmentIssueClearUnseen :exec
delete from enrollment_issues where kind = @kind and seen_at < @before;

-- name: EnrollmentIssuesOf :many
-- Enrollments in trouble of a kind, those that ended meanwhile included, who was not looked
-- at for longest first.
select t.enrollment_id as id, e.journey_id, e.workflow_id, e.status from enrollment_issues t
join enrollments e on e.id = t.enrollment_id
where t.kind = @kind
order by t.seen_at, t.enrollment_id
limit @row_limit;

-- name: EnrollmentIssueList :many
select t.kind, e.journey_id, count(*) as total, min(t.since)::timestamptz as since,
    (array_agg(t.detail order by t.since))[1]::text as detail, (array_agg(t.enrollment_id order by t.since))[1]::uuid as enrollment_id
from enrollment_issues t join enrollments e on e.id = t.enrollment_id
where e.status in ('active', 'waiting')
group by t.kind, e.journey_id
order by t.kind, e.journey_id;

-- name: OrphansList :many
-- People in flight in journeys that no binary defines any more (J-14).
select e.journey_id, count(*) as total from enrollments e
where e.status in ('active', 'waiting') and not e.journey_id = any(@journey_ids::text[])
group by e.journey_id order by e.journey_id;

-- name: InflightList :many
-- People in flight by version, build and node; a build with nobody left shows none
-- (J-112). Without a deadline the two instants are the epoch.
select e.version, e.build_id,
    case when e.status in ('active', 'waiting') then e.node else '' end as node,
    count(*) filter (where e.status in ('active', 'waiting')) as total,
    coalesce(min(w.deadline), 'epoch')::timestamptz as earliest, coalesce(max(w.deadline), 'epoch')::timestamptz as latest
from enrollments e
left join waits w on w.enrollment_id = e.id and w.status = 'open' and e.status = 'waiting'
where e.journey_id = any(@journey_ids::text[])
group by e.version, e.build_id, case when e.status in ('active', 'waiting') then e.node else '' end
order by e.version, e.build_id, node;

-- name: RetireList :many
select e.id from enrollments e
where e.journey_id = @journey_id and e.status in ('active', 'waiting') and e.id > @after
order by e.id limit @row_limit;

-- name: EnrollOutcome :many
-- What the guards decided for one event and journey (R-65).
select outcome, reason, enrollment_id from decisions
where contact_id = @contact_id and event_id = @event_id and journey_id = @journey_id;

-- name: FailedList :many
-- Journeys with failed enrollments: how many, how many of them lately, and the last one.
select e.journey_id, count(*)::bigint as total,
    (count(*) filter (where e.updated_at > clock_timestamp() - make_interval(secs => @within_seconds::float8)))::bigint as recent,
    ((array_agg(e.id order by e.updated_at desc, e.id))[1])::uuid as last_id,
    coalesce((array_agg(e.error order by e.updated_at desc, e.id))[1], '')::text as last_error
from enrollments e
where e.journey_id = any(@journey_ids::text[]) and e.status = 'failed'
group by e.journey_id
order by e.journey_id collate "C";
