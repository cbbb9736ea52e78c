-- Buckets: what is in force, and the stays of contacts. Statements of a transaction
-- come after the contacts' locks (I-5).

-- name: BucketsShare :exec
-- Held by every transaction that evaluates buckets: what is in force cannot change
-- under it.
select pg_advisory_xact_lock_shared(hashtext('hogsend_registry'));

-- name: BucketsChange :exec
-- Held by whoever changes what is in force; it waits for the evaluations under way.
select pg_advisory_xact_lock(hashtext('hogsend_registry'));

-- name: BucketsVersion :one
select version from registry_state;

-- name: BucketsInForce :many
select b.id, b.definition, b.registered, b.disabled, b.enabled, b.generation, b.pending
from buckets b
order by b.id collate "C";

-- name: BucketsBackfills :many
-- The backfills that are not done: their contacts are settled when touched (W-22).
select f.id, f.bucket_id, f.generation, f.mode, f.policy, f.status, f.settle_at, f.position, f.processed, f.joined, f.left_count
from backfills f
where f.status in ('pending', 'processing', 'failed')
order by f.bucket_id;

-- name: BucketsBackfilled :many
select s.bucket_id, s.generation, s.contact_id
from backfilled_contacts s
where s.contact_id = any(@contact_ids::uuid[]);

-- name: BucketsInsertBackfilled :exec
insert into backfilled_contacts (bucket_id, generation, contact_id)
select w.bucket_id, w.generation, w.contact_id
from (
    select unnest(@bucket_ids::text[]) as bucket_id, unnest(@generations::int[]) as generation,
        unnest(@contact_ids::uuid[]) as contact_id
) w
on conflict do nothing;

-- name: BucketsStays :many
-- The active stays of contacts in buckets, of each pair at most one.
select m.id, m.bucket_id, m.contact_id, m.epoch, m.muted, m.entered_at, m.anchor_at, m.max_dwell_at, m.leave_at,
    m.leave_reason, m.leave_silent, m.last_evaluated_at, m.fired
from (select unnest(@contact_ids::uuid[]) as contact_id, unnest(@bucket_ids::text[]) as bucket_id) w
join memberships m on m.contact_id = w.contact_id and m.bucket_id = w.bucket_id and m.status = 'active';

-- name: BucketsStaysDue :many
-- The stays of these contacts that time alone has ended by now, or will soon: the
-- instant of the transaction is read after this.
select m.id, m.bucket_id, m.contact_id, m.epoch, m.muted, m.entered_at, m.anchor_at, m.max_dwell_at, m.leave_at,
    m.leave_reason, m.leave_silent, m.last_evaluated_at, m.fired
from memberships m
where m.contact_id = any(@contact_ids::uuid[]) and m.status = 'active' and m.due_at <= clock_timestamp() + interval '1 second';

-- name: BucketsPast :many
-- What is left of the stays of each contact in each bucket, active or not. After a
-- merge the highest epoch need not be that of the newest stay (I-27).
select w.contact_id::uuid as contact_id, w.bucket_id::text as bucket_id, m.epoch::int as epoch, m.left_at::timestamptz as left_at, m.evaluated_at::timestamptz as evaluated_at
from (select unnest(@contact_ids::uuid[]) as contact_id, unnest(@bucket_ids::text[]) as bucket_id) w
cross join lateral (
    select max(s.epoch) as epoch, coalesce(max(s.left_at), '0001-01-01T00:00:00Z') as left_at, max(s.last_evaluated_at) as evaluated_at
    from memberships s
    where s.contact_id = w.contact_id and s.bucket_id = w.bucket_id
    having count(*) > 0
) m;

-- name: BucketsProperties :many
-- The stored values of the properties that buckets name and a transaction writes.
select c.id, k.key::text as key, (c.properties -> k.key)::jsonb as value
from contacts c cross join (select unnest(@keys::text[]) as key) k
where c.id = any(@contact_ids::uuid[]) and c.properties ? k.key;

-- name: BucketsStaysInsert :exec
-- A stay that ended before it was stored has a reason already.
insert into memberships (id, bucket_id, contact_id, epoch, status, source, muted, entered_at, anchor_at, max_dwell_at,
    last_evaluated_at, left_at, left_reason, created_at, updated_at)
select w.id, w.bucket_id, w.contact_id, w.epoch, case when w.reason = '' then 'active' else 'left' end, w.source, w.muted,
    w.entered_at, w.anchor_at, nullif(w.max_dwell_at, '0001-01-01T00:00:00Z'), greatest(w.entered_at, w.left_at),
    nullif(w.left_at, '0001-01-01T00:00:00Z'), nullif(w.reason, ''), @now::timestamptz, @now::timestamptz
from (
    select unnest(@ids::uuid[]) as id, unnest(@bucket_ids::text[]) as bucket_id, unnest(@contact_ids::uuid[]) as contact_id,
        unnest(@epochs::int[]) as epoch, unnest(@sources::text[]) as source, unnest(@muted::bool[]) as muted,
        unnest(@entered::timestamptz[]) as entered_at, unnest(@anchors::timestamptz[]) as anchor_at,
        unnest(@max_dwells::timestamptz[]) as max_dwell_at, unnest(@lefts::timestamptz[]) as left_at, unnest(@reasons::text[]) as reason
) w;

-- name: BucketsStaysEnd :execrows
update memberships m
set status = 'left', left_at = w.left_at, left_reason = w.reason, leave_at = null,
    leave_reason = null, last_evaluated_at = greatest(m.last_evaluated_at, w.left_at), updated_at = @now::timestamptz
from (
    select unnest(@ids::uuid[]) as id, unnest(@lefts::timestamptz[]) as left_at, unnest(@reasons::text[]) as reason
) w
where m.id = w.id and m.status = 'active';

-- name: BucketsStaysEvaluate :exec
-- Members that stay: evaluated once more, with or without a leave held back.
update memberships m
set last_evaluated_at = greatest(m.last_evaluated_at, w.at), leave_at = nullif(w.leave_at, '0001-01-01T00:00:00Z'),
    leave_reason = nullif(w.leave_reason, ''), leave_silent = w.leave_silent
from (
    select unnest(@ids::uuid[]) as id, unnest(@instants::timestamptz[]) as at, unnest(@leaves::timestamptz[]) as leave_at,
        unnest(@leave_reasons::text[]) as leave_reason, unnest(@silents::bool[]) as leave_silent
) w
where m.id = w.id and m.status = 'active';

-- name: BucketsStaysFire :execrows
-- The ordinal that a dwell fired last only grows (B-45).
update memberships
set fired = jsonb_set(fired, array[@label::text], to_jsonb(@ordinal::int)), updated_at = @now::timestamptz
where id = @id::uuid and status = 'active' and coalesce((fired ->> @label::text)::int, 0) < @ordinal::int;

-- name: BucketsMergeStays :exec
-- Moved stays are renumbered after the survivor's, in their own order; of two active
-- ones the survivor's goes on (I-27).
update memberships m
set contact_id = @survivor::uuid, updated_at = @now::timestamptz,
    epoch = m.epoch + coalesce((select max(s.epoch) from memberships s where s.contact_id = @survivor::uuid and s.bucket_id = m.bucket_id), 0),
    status = case when o.id is null then m.status else 'left' end,
    left_at = case when o.id is null then m.left_at else coalesce(m.left_at, @now::timestamptz) end,
    left_reason = case when o.id is null then m.left_reason else coalesce(m.left_reason, 'merged') end
from memberships x
left join memberships o on o.contact_id = @survivor::uuid and o.bucket_id = x.bucket_id and o.status = 'active'
where m.contact_id = @merged::uuid and x.id = m.id;

-- name: BucketsMergeBackfilled :exec
-- The survivor is settled where it was itself; what was settled of the other is of
-- no use.
delete from backfilled_contacts where contact_id = @merged::uuid;

-- name: DwellStay :one
-- What the timer of a dwell asks: the stay, and what is in force.
select m.bucket_id, m.contact_id, m.epoch, m.status, m.anchor_at, coalesce((m.fired ->> @label::text)::int, 0)::int as last_fired,
    s.version, clock_timestamp()::timestamptz as now
from memberships m cross join registry_state s
where m.id = @id::uuid;

-- name: DwellEnrollment :one
-- The enrollment that a dwell made.
select e.id from event_keys k
join enrollments e on e.trigger_event_id = k.event_id and e.journey_id = @journey_id::text and e.contact_id = @contact_id::uuid
where k.space = 'internal' and k.key = @key::text;

-- name: BackfillsTally :exec
update backfills set joined = joined + @joined::bigint, left_count = left_count + @left_count::bigint, updated_at = @now::timestamptz
where id = @id::uuid;

-- name: BackfillsNext :many
-- The contacts of the next chunk, in order of their ids (W-24).
select c.id from contacts c
where c.id > @position::uuid and c.deleted_at is null and c.merged_into is null and c.created_at <= @settle_at::timestamptz
order by c.id limit @size::int;

-- name: BackfillsAdvance :execrows
-- Progress is compared before it is moved: a chunk is done once (W-11, W-24).
update backfills
set position = @position::uuid, processed = processed + @processed::bigint, joined = joined + @joined::bigint, status = @status::text, error = null, updated_at = @now::timestamptz
where id = @id::uuid and position = @before::uuid and status in ('pending', 'processing', 'failed');

-- name: BackfillsOpen :many
-- Backfills that are to be carried on, oldest first.
select f.id, f.bucket_id, f.generation, f.policy, f.settle_at, f.position, f.processed, f.joined, f.left_count, b.generation = f.generation and b.registered and b.enabled and not b.disabled as current
from backfills f join buckets b on b.id = f.bucket_id
where f.status in ('pending', 'processing')
order by f.created_at, f.id;

-- name: BackfillsFail :exec
update backfills set status = 'failed', error = @error::text, updated_at = clock_timestamp() where id = @id::uuid;

-- name: BackfillsResume :exec
-- The next worker start takes failed ones up again (W-30).
update backfills set status = 'processing', updated_at = clock_timestamp() where status = 'failed';

-- name: BackfillsSupersede :exec
-- Changed again: the older one ends with its counts (W-25).
update backfills set status = 'completed', updated_at = @now::timestamptz
where bucket_id = @bucket_id::text and status in ('pending', 'processing', 'failed');

-- name: BackfillsInsert :exec
insert into backfills (id, bucket_id, generation, mode, policy, status, settle_at, created_at, updated_at)
values (@id::uuid, @bucket_id::text, @generation::int, @mode::text, @policy::text, 'pending', @now::timestamptz, @now::timestamptz, @now::timestamptz);

-- name: BackfillsForget :exec
-- Who was settled ahead is of no interest once the backfill is done.
delete from backfilled_contacts where bucket_id = @bucket_id::text and generation <= @generation::int;

-- name: RegistriesInsert :exec
insert into registries (digest, build_id, definitions, timezone, first_seen_at)
values (@digest::text, @build_id::text, @definitions::jsonb, @timezone::text, clock_timestamp())
on conflict (digest) do nothing;

-- name: RegistriesInForce :one
-- The newest registry among those of the live workers; while none lives, the last
-- one stays (B-5).
select r.digest, r.definitions, r.timezone from registries r
where r.digest = any(@live::text[])
   or exists (select 1 from worker_heartbeats h where h.registry_digest = r.digest and h.last_seen_at > clock_timestamp() - interval '30 seconds')
order by r.first_seen_at desc, r.digest limit 1;

-- name: RegistryState :one
select digest, version, timezone, clock_timestamp()::timestamptz as now from registry_state;

-- name: RegistryStateSet :exec
update registry_state set digest = @digest::text, timezone = @timezone::text, version = version + 1;

-- name: RegistryChanged :exec
update registry_state set version = version + 1;

-- name: BucketsAll :many
select id, definition, hash, registered, disabled, enabled, generation, pending from buckets order by id;

-- name: BucketsUpsert :exec
insert into buckets (id, definition, hash, registered, disabled, enabled, generation, pending, created_at, updated_at)
values (@id::text, @definition::jsonb, @hash::text, true, @disabled::bool, true, @generation::int, @pending::text, @now::timestamptz, @now::timestamptz)
on conflict (id) do update
set definition = excluded.definition, hash = excluded.hash, registered = true, disabled = excluded.disabled,
    generation = excluded.generation, pending = excluded.pending, retiring = false, updated_at = excluded.updated_at;

-- name: BucketsUnregister :exec
update buckets set registered = false, updated_at = @now::timestamptz where id = any(@ids::text[]);

-- name: BucketsSwitch :exec
update buckets set enabled = @enabled::bool, generation = @generation::int, pending = @pending::text, updated_at = @now::timestamptz
where id = @id::text;

-- name: BucketsRename :exec
update buckets set id = @id::text, updated_at = @now::timestamptz where id = @former::text;

-- name: BucketsRenameStays :exec
update memberships set bucket_id = @id::text where bucket_id = @former::text;

-- name: BucketsRenameBackfills :exec
update backfills set bucket_id = @id::text where bucket_id = @former::text;

-- name: BucketsRenameBackfilled :exec
update backfilled_contacts set bucket_id = @id::text where bucket_id = @former::text;

-- name: ClockCursors :many
select event_name, within_us, cursor_at from clock_cursors;

-- name: ClockCursorsInsert :exec
-- A window that comes into use: its edges count from then on (W-33).
insert into clock_cursors (event_name, within_us, cursor_at)
select w.event_name, w.within_us, @now::timestamptz
from (select unnest(@event_names::text[]) as event_name, unnest(@withins::bigint[]) as within_us) w
on conflict do nothing;

-- name: ClockCursorsDelete :exec
-- Windows that nothing uses any more.
delete from clock_cursors c
where not exists (
    select 1 from (select unnest(@event_names::text[]) as event_name, unnest(@withins::bigint[]) as within_us) w
    where w.event_name = c.event_name and w.within_us = c.within_us
) and exists (select 1 from registry_state s where s.version = @version::bigint);

-- name: ClockEdges :many
-- The events that have left the window since the cursor, oldest first: one leaves a
-- window W a microsecond after its age is W (W-2). One that had left it before it
-- was received was never in it (W-9).
select e.contact_id, e.occurred_at from events e
where e.name = @event_name::text and e.occurred_at >= @after::timestamptz and e.occurred_at < @until::timestamptz
    and e.received_at <= e.occurred_at + make_interval(secs => @within_seconds::float8)
order by e.occurred_at limit @size::int;

-- name: ClockDateEdges :many
-- The same for properties that are dates (C-31).
select d.contact_id, d.at as occurred_at from property_dates d
where d.property = @property::text and d.at >= @after::timestamptz and d.at < @until::timestamptz
order by d.at limit @size::int;

-- name: PropertyDatesSet :exec
-- The instants of properties of these contacts as they are now.
with w as (
    select c.id, p.name, hogsend_instant(c.properties -> p.name, c.timezone, c.properties) as at
    from contacts c cross join unnest(@properties::text[]) as p (name)
    where c.id = any(@ids::uuid[]) and c.deleted_at is null and c.merged_into is null
), gone as (
    delete from property_dates d
    where d.contact_id = any(@ids::uuid[])
        and not exists (select 1 from w where w.id = d.contact_id and w.name = d.property and w.at is not null)
)
insert into property_dates (contact_id, property, at)
select w.id, w.name, w.at from w where w.at is not null
on conflict (contact_id, property) do update set at = excluded.at where property_dates.at <> excluded.at;

-- name: PropertyDatesFill :exec
-- The same for the contacts of a chunk, locked in order: who writes into one of them comes
-- before or after.
with locked as materialized (
    select c.id, c.timezone, c.properties from contacts c
    where c.id > @after::uuid and c.id <= @upto::uuid and c.deleted_at is null and c.merged_into is null
    order by c.id
    for share
), w as (
    select l.id, p.name, hogsend_instant(l.properties -> p.name, l.timezone, l.properties) as at
    from locked l cross join unnest(@properties::text[]) as p (name)
), gone as (
    delete from property_dates d using w
    where d.contact_id = w.id and d.property = w.name and w.at is null
)
insert into property_dates (contact_id, property, at)
select w.id, w.name, w.at from w where w.at is not null
on conflict (contact_id, property) do update set at = excluded.at where property_dates.at <> excluded.at;

-- name: ClockDue :many
-- Stays of these buckets that are too old, or whose leave was held back until now.
select m.contact_id, m.due_at::timestamptz as due_at
from (select unnest(@bucket_ids::text[]) as bucket_id) b
cross join lateral (
    select s.contact_id, s.due_at from memberships s
    where s.bucket_id = b.bucket_id and s.status = 'active' and s.due_at <= @until::timestamptz
        and not exists (select 1 from clock_retries r where r.contact_id = s.contact_id and r.due_at > clock_timestamp())
    order by s.due_at limit @size::int
) m;

-- name: ClockFree :many
-- The contacts that nobody holds at the moment.
select id from contacts where id = any(@ids::uuid[]) order by id for update skip locked;

-- name: ClockAdvance :execrows
-- Progress is compared before it is moved: an instance that was thought dead does no
-- harm (W-14).
update clock_cursors c set cursor_at = w.cursor_at
from (
    select unnest(@event_names::text[]) as event_name, unnest(@withins::bigint[]) as within_us,
        unnest(@before::timestamptz[]) as before_at, unnest(@cursors::timestamptz[]) as cursor_at
) w
where c.event_name = w.event_name and c.within_us = w.within_us and c.cursor_at = w.before_at;

-- name: ClockRetriesUpsert :exec
-- Kept aside, to be tried again with growing pauses (W-13).
insert into clock_retries (contact_id, bucket_id, edge_at, attempts, due_at, error)
select @contact_id::uuid, w.bucket_id, w.edge_at, 1, clock_timestamp() + interval '1 second', @error::text
from (select unnest(@bucket_ids::text[]) as bucket_id, unnest(@instants::timestamptz[]) as edge_at) w
on conflict (contact_id, bucket_id, edge_at) do update
set attempts = clock_retries.attempts + 1, error = excluded.error,
    due_at = clock_timestamp() + least(interval '1 minute', interval '1 second' * power(2, least(clock_retries.attempts, 6)));

-- name: ClockRetriesDue :many
select r.contact_id, r.bucket_id, r.edge_at from clock_retries r
where r.due_at <= clock_timestamp()
order by r.due_at limit 500;

-- name: ClockRetriesDelete :exec
delete from clock_retries where contact_id = any(@contact_ids::uuid[]);

-- name: TimerBackfillInsert :exec
-- Members whose anchors lie behind one instant, up to another one.
insert into timer_backfills (id, bucket_id, journey_id, schedule, property, round, cancels, anchor_at, position, until_at, entered_at, created_at)
values (@id::uuid, @bucket_id::text, @journey_id::text, @schedule::jsonb, @property::text, @round::text, @cancels::bool,
    @behind::timestamptz, 'ffffffff-ffff-ffff-ffff-ffffffffffff', sqlc.narg('until_at'), sqlc.narg('entered_at'), @now::timestamptz);

-- name: TimerBackfillNext :one
select a.id, a.bucket_id, a.journey_id, a.schedule, a.property, a.round, a.cancels, a.anchor_at, a.position, a.until_at, a.entered_at,
    a.overdue, a.created_at, clock_timestamp()::timestamptz as now
from timer_backfills a
order by a.created_at, a.id limit 1;

-- name: TimerBackfillMembers :many
select m.id, m.contact_id, m.epoch, m.anchor_at, m.fired from memberships m
where m.bucket_id = @bucket_id::text and m.status = 'active' and (m.anchor_at, m.id) > (@anchor_at::timestamptz, @position::uuid)
    and (sqlc.narg('until_at')::timestamptz is null or m.anchor_at <= sqlc.narg('until_at'))
    and (sqlc.narg('entered_at')::timestamptz is null or m.entered_at = sqlc.narg('entered_at'))
order by m.anchor_at, m.id limit @size::int;

-- name: TimerBackfillAdvance :execrows
update timer_backfills set anchor_at = @anchor_at::timestamptz, position = @position::uuid, overdue = @overdue::bigint
where id = @id::uuid and position = @before::uuid;

-- name: TimerBackfillDelete :exec
-- What else the same change lets be armed comes behind it: the rate is the bucket's (B-46).
with done as (delete from timer_backfills where id = @id::uuid returning bucket_id, created_at, overdue)
update timer_backfills a set overdue = greatest(a.overdue, d.overdue)
from done d
where a.bucket_id = d.bucket_id and a.created_at = d.created_at and a.id <> @id::uuid;

-- name: ClockNewest :many
-- When the newest event of each name was received that a contact did after an edge.
select w.place::int as place, e.received_at
from (
    select unnest(@places::int[]) as place, unnest(@contact_ids::uuid[]) as contact_id,
        unnest(@event_names::text[]) as event_name, unnest(@edges::timestamptz[]) as edge_at
) w
cross join lateral (
    select received_at from events
    where contact_id = w.contact_id and name = w.event_name and occurred_at > w.edge_at
    order by occurred_at desc limit 1
) e;
