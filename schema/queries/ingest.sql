-- The statements of one ingest transaction. Each is sent once per transaction,
-- whatever the number of events; the order in which a transaction takes locks is
-- event_keys, contact_keys, contacts, each sorted (I-5).

-- name: IngestSeen :many
-- The idempotency keys that are taken, with the contact of the first event (I-36).
select k.space, k.key, k.event_id, c.id as contact_id, c.external_id, c.anonymous_id
from (select unnest(@spaces::text[]) as space, unnest(@keys::text[]) as key) w
join event_keys k on k.space = w.space and k.key = w.key
left join contacts m on m.id = k.contact_id
left join contacts c on c.id = coalesce(m.merged_into, m.id)
union all
select g.space, w.key, g.event_id, null::uuid, null::text, null::text
from (select unnest(@spaces::text[]) as space, unnest(@keys::text[]) as key) w
join erased_keys g on g.space = w.space and g.digest = encode(sha256(convert_to(w.key, 'UTF8')), 'hex');

-- The three ways to a contact yield rows of one shape. They are statements of their
-- own, since together Postgres would plan them anew each time.

-- name: IngestResolveKeys :many
select w.kind::text as kind, w.key::text as key, c.id, c.external_id, c.anonymous_id, c.email, c.email_key,
    c.first_seen_at, c.last_seen_at, c.deleted_at, c.revived_at, c.created_at, c.updated_at, coalesce(c.written_at, c.updated_at)::timestamptz as written_at
from (select unnest(@kinds::text[]) as kind, unnest(@keys::text[]) as key) w
join contact_keys k on k.kind = w.kind and k.key = w.key
join contacts c on c.id = k.contact_id;

-- name: IngestResolveIDs :many
-- The key is the uuid asked for, also one that was merged away; none leads to an erased one.
select 'id'::text as kind, w.id::text as key, c.id, c.external_id, c.anonymous_id, c.email, c.email_key,
    c.first_seen_at, c.last_seen_at, c.deleted_at, c.revived_at, c.created_at, c.updated_at, coalesce(c.written_at, c.updated_at)::timestamptz as written_at
from (select unnest(@ids::uuid[]) as id) w
join contacts m on m.id = w.id
join contacts c on c.id = coalesce(m.merged_into, m.id)
where c.erased_at is null;

-- name: IngestResolveAddresses :many
-- The identified contacts that have an address, of many only those last seen (I-22).
select 'address'::text as kind, w.key::text as key, c.id, c.external_id, c.anonymous_id, c.email, c.email_key,
    c.first_seen_at, c.last_seen_at, c.deleted_at, c.revived_at, c.created_at, c.updated_at, coalesce(c.written_at, c.updated_at)::timestamptz as written_at
from (select unnest(@addresses::text[]) as key) w
cross join lateral (
    select * from contacts o
    where o.email_key = w.key and o.external_id is not null and o.merged_into is null
    order by o.last_seen_at desc, o.id limit 16
) c;

-- name: IngestAddressOwners :many
-- Reads again who has the addresses that this transaction gives to somebody, now
-- that nobody else can give them away.
select o.email_key::text as email_key, o.id
from (select unnest(@addresses::text[]) as key) w
cross join lateral (
    select c.email_key, c.id from contacts c
    where c.email_key = w.key and c.external_id is not null and c.merged_into is null
    order by c.last_seen_at desc, c.id limit 16
) o;

-- name: IngestOrigins :many
-- Enrollments that end or cause an event, wherever their contact has been merged.
select e.id, coalesce(c.merged_into, c.id)::uuid as contact_id, e.status, e.journey_id
from enrollments e join contacts c on c.id = e.contact_id
where e.id = any(@ids::uuid[]);

-- name: IngestClock :one
select clock_timestamp()::timestamptz as now;

-- name: IngestEventKeysInsert :execrows
insert into event_keys (space, key, event_id, contact_id, received_at)
select w.space, w.key, w.event_id, w.contact_id, clock_timestamp()
from (
    select unnest(@spaces::text[]) as space, unnest(@keys::text[]) as key,
        unnest(@event_ids::uuid[]) as event_id, unnest(@contact_ids::uuid[]) as contact_id
) w
where not exists (select from erased_keys g where g.space = w.space and g.digest = encode(sha256(convert_to(w.key, 'UTF8')), 'hex'))
order by w.space, w.key
on conflict do nothing;

-- name: IngestContactKeysInsert :execrows
insert into contact_keys (kind, key, contact_id, created_at)
select w.kind, w.key, w.contact_id, w.given_at
from (
    select unnest(@kinds::text[]) as kind, unnest(@keys::text[]) as key, unnest(@contact_ids::uuid[]) as contact_id,
        unnest(@instants::timestamptz[]) as given_at
) w
order by w.kind, w.key
on conflict do nothing;

-- name: IngestContactKeysMove :exec
-- Only under the lock of the contact that had the key.
update contact_keys k set contact_id = w.contact_id
from (
    select unnest(@kinds::text[]) as kind, unnest(@keys::text[]) as key, unnest(@contact_ids::uuid[]) as contact_id
) w
where k.kind = w.kind and k.key = w.key and k.contact_id <> w.contact_id;

-- name: IngestContactKeysDelete :exec
delete from contact_keys k
using (select unnest(@kinds::text[]) as kind, unnest(@keys::text[]) as key) w
where k.kind = w.kind and k.key = w.key;

-- name: IngestLock :many
-- Everything about these contacts is decided under these locks.
select c.id, c.external_id, c.anonymous_id, c.email, c.email_key,
    c.first_seen_at, c.last_seen_at, c.deleted_at, c.revived_at, c.created_at, c.updated_at, coalesce(c.written_at, c.updated_at)::timestamptz as written_at, c.merged_into
from contacts c
where c.id = any(@ids::uuid[])
order by c.id
for update;

-- name: IngestLive :many
-- The trigger's side of exit rules that ask for it comes along (J-155).
select e.id, e.contact_id, e.journey_id, e.key, e.entry, e.status, e.node, e.hops, e.retries, e.workflow_id, e.created_at,
    case when e.journey_id = any(@related::text[]) then e.context end::jsonb as context
from enrollments e
where e.contact_id = any(@contact_ids::uuid[]) and e.status in ('active', 'waiting');

-- name: IngestWaits :many
-- Those for one of the events, windows of its digests included (J-143), and all that
-- are for the first of several (J-130).
select o.id, o.enrollment_id, o.contact_id, o.label, o.event_name::text as event_name, o.conditions, o.alternatives, o.digest, o.deadline, o.registered_at
from (
    select w.id, w.enrollment_id, w.contact_id, w.label, w.event_name, w.conditions, w.alternatives, w.digest, w.deadline, w.registered_at
    from waits w
    where w.contact_id = any(@contact_ids::uuid[]) and w.event_name = any(@names::text[]) and w.status = 'open'
    union all
    select w.id, w.enrollment_id, w.contact_id, w.label, '', w.conditions, w.alternatives, w.digest, w.deadline, w.registered_at
    from waits w
    where w.contact_id = any(@contact_ids::uuid[]) and w.alternatives is not null and w.status = 'open'
) o;

-- name: IngestHistory :many
-- What entry limits look at: the highest entry and the newest ended enrollment.
select e.contact_id, e.journey_id, max(e.entry)::int as entry,
    count(*) filter (where e.status not in ('active', 'waiting')) as ended,
    coalesce(max(e.created_at) filter (where e.status not in ('active', 'waiting')), 'epoch')::timestamptz as newest_ended_at
from enrollments e
where e.contact_id = any(@contact_ids::uuid[]) and e.journey_id = any(@journey_ids::text[])
group by e.contact_id, e.journey_id;

-- name: IngestKeyHistory :one
-- What entry limits look at of one key (J-153).
select count(*) as ended, coalesce(max(e.created_at), 'epoch')::timestamptz as newest_ended_at
from enrollments e
where e.contact_id = @contact_id and e.journey_id = any(@journey_ids::text[]) and e.key = @key::text
    and e.status not in ('active', 'waiting');

-- name: IngestOptOuts :many
-- Opt-outs from everything follow person and address (E-20).
select p.email_key, p.contact_id from preferences p
where p.unsubscribed_all and (p.email_key = any(@email_keys::text[]) or p.contact_id = any(@contact_ids::uuid[]))
union all
select w.key, null from (select unnest(@email_keys::text[]) as key) w
where exists (select from erasures)
    and exists (select from preferences h where h.email_key = hogsend_erased(w.key) and h.unsubscribed_all);

-- name: IngestSwitchedOff :many
select journey_id, enabled, (paused_at is not null)::bool as paused, pause_entries from journey_configs where not enabled or paused_at is not null;

-- name: IngestContactsInsert :exec
insert into contacts (id, external_id, anonymous_id, email, email_key, properties,
    first_seen_at, last_seen_at, created_at, updated_at, written_at)
select w.id, nullif(w.external_id, ''), nullif(w.anonymous_id, ''), nullif(w.email, ''), nullif(w.email_key, ''),
    hogsend_bounded('{}', case when w.erases then w.patch - array(select key from jsonb_each(w.patch) where value = 'null') else w.patch end),
    w.first_seen_at, w.last_seen_at, w.created_at, w.updated_at, w.written_at
from (
    select unnest(@ids::uuid[]) as id, unnest(@external_ids::text[]) as external_id,
        unnest(@anonymous_ids::text[]) as anonymous_id, unnest(@emails::text[]) as email,
        unnest(@email_keys::text[]) as email_key, unnest(@patches::jsonb[]) as patch, unnest(@erases::bool[]) as erases,
        unnest(@first_seen::timestamptz[]) as first_seen_at, unnest(@last_seen::timestamptz[]) as last_seen_at,
        unnest(@created::timestamptz[]) as created_at, unnest(@updated::timestamptz[]) as updated_at,
        unnest(@written::timestamptz[]) as written_at
) w;

-- name: IngestContactsSeen :exec
-- The plain case: nothing but the time changes.
update contacts c set first_seen_at = w.first_seen_at, last_seen_at = w.last_seen_at
from (
    select unnest(@ids::uuid[]) as id, unnest(@first_seen::timestamptz[]) as first_seen_at,
        unnest(@last_seen::timestamptz[]) as last_seen_at
) w
where c.id = w.id;

-- name: IngestContactsUpdate :exec
-- A patch is shallow; its nulls remove keys (I-32).
update contacts c
set external_id = nullif(w.external_id, ''), anonymous_id = nullif(w.anonymous_id, ''),
    email = nullif(w.email, ''), email_key = nullif(w.email_key, ''),
    properties = case when w.erases
        then hogsend_bounded(c.properties, (c.properties || w.patch) - array(select key from jsonb_each(w.patch) where value = 'null'))
        else hogsend_bounded(c.properties, c.properties || w.patch) end,
    first_seen_at = w.first_seen_at, last_seen_at = w.last_seen_at,
    deleted_at = case when w.deleted then c.deleted_at end, revived_at = nullif(w.revived_at, '0001-01-01T00:00:00Z'), updated_at = w.updated_at, written_at = w.written_at
from (
    select unnest(@ids::uuid[]) as id, unnest(@external_ids::text[]) as external_id,
        unnest(@anonymous_ids::text[]) as anonymous_id, unnest(@emails::text[]) as email,
        unnest(@email_keys::text[]) as email_key, unnest(@patches::jsonb[]) as patch, unnest(@erases::bool[]) as erases,
        unnest(@deleted::bool[]) as deleted, unnest(@revived::timestamptz[]) as revived_at,
        unnest(@first_seen::timestamptz[]) as first_seen_at, unnest(@last_seen::timestamptz[]) as last_seen_at,
        unnest(@updated::timestamptz[]) as updated_at, unnest(@written::timestamptz[]) as written_at
) w
where c.id = w.id;

-- name: IngestPreferencesLink :exec
-- A contact that changes its address stays opted out (E-20).
update preferences p set contact_id = w.contact_id
from (select unnest(@email_keys::text[]) as email_key, unnest(@contact_ids::uuid[]) as contact_id) w
where p.email_key = w.email_key and p.contact_id is null;

-- name: IngestEventsInsert :exec
insert into events (id, contact_id, name, properties, value, currency, source, hops, identity_conflict, occurred_at, received_at, cause_id)
select w.id, w.contact_id, w.name, w.properties, nullif(w.value, 'NaN'), nullif(w.currency, ''),
    w.source, w.hops, w.identity_conflict, w.occurred_at, w.received_at,
    nullif(w.cause_id, '00000000-0000-0000-0000-000000000000')
from (
    select unnest(@ids::uuid[]) as id, unnest(@contact_ids::uuid[]) as contact_id, unnest(@names::text[]) as name,
        unnest(@properties::jsonb[]) as properties, unnest(@event_values::float8[]) as value,
        unnest(@currencies::text[]) as currency, unnest(@sources::text[]) as source, unnest(@hops::smallint[]) as hops,
        unnest(@conflicts::bool[]) as identity_conflict, unnest(@occurred::timestamptz[]) as occurred_at,
        unnest(@received::timestamptz[]) as received_at, unnest(@causes::uuid[]) as cause_id
) w;

-- name: IngestEventAwaited :one
-- Whether any enrollment waits for the event, alone or among others.
select exists (
    select from waits w
    where w.status = 'open' and (w.event_name = @name::text
        or w.alternatives is not null and jsonb_path_exists(w.alternatives, '$[*] ? (@.event == $name)', jsonb_build_object('name', @name::text)))
)::bool as awaited;

-- name: IngestInternalKeysInsert :exec
-- Keys of internal events; a repetition is a defect and fails (I-47).
insert into event_keys (space, key, event_id, contact_id, received_at)
select 'internal', w.key, w.event_id, w.contact_id, @now::timestamptz
from (
    select unnest(@keys::text[]) as key, unnest(@event_ids::uuid[]) as event_id, unnest(@contact_ids::uuid[]) as contact_id
) w;

-- name: IngestWaitsMatch :execrows
update waits w
set status = 'matched', event_id = e.id, event_seq = e.seq, place = m.place, closed_at = @now::timestamptz
from (select unnest(@ids::uuid[]) as id, unnest(@event_ids::uuid[]) as event_id, unnest(@places::smallint[]) as place) m
join events e on e.id = m.event_id
where w.id = m.id and w.status = 'open';

-- name: IngestWaitsClose :exec
update waits set status = 'closed', closed_at = @now::timestamptz
where enrollment_id = any(@enrollment_ids::uuid[]) and status = 'open';

-- name: IngestEnrollmentsInsert :exec
-- Those that have ended within their own transaction are inserted as ended.
insert into enrollments (id, contact_id, journey_id, key, entry, status, node, context, trigger_event_id, trigger_seq,
    hops, version, build_id, workflow_id, concurrent, exit_reason, exited_at, created_at, updated_at)
select w.id, w.contact_id, w.journey_id, w.key, w.entry, case when w.exit_reason = '' then w.status else 'exited' end, w.node,
    w.context, e.id, e.seq, w.hops, w.version, @build_id::text, w.workflow_id, w.concurrent,
    nullif(w.exit_reason, ''), case when w.exit_reason <> '' then @now::timestamptz end, w.created_at, w.created_at
from (
    select unnest(@ids::uuid[]) as id, unnest(@contact_ids::uuid[]) as contact_id, unnest(@journey_ids::text[]) as journey_id,
        unnest(@entries::int[]) as entry, unnest(@contexts::jsonb[]) as context, unnest(@event_ids::uuid[]) as event_id,
        unnest(@hops::smallint[]) as hops, unnest(@versions::text[]) as version, unnest(@workflow_ids::text[]) as workflow_id,
        unnest(@enrollment_keys::text[]) as key, unnest(@statuses::text[]) as status, unnest(@nodes::text[]) as node,
        unnest(@concurrent::bool[]) as concurrent, unnest(@exit_reasons::text[]) as exit_reason, unnest(@created::timestamptz[]) as created_at
) w
join events e on e.id = w.event_id;

-- name: IngestMarksSet :exec
-- Waits look back to behind all that came of what enrolled (J-117).
update enrollments e set mark_seq = greatest(e.mark_seq, v.seq)
from (select unnest(@ids::uuid[]) as id, unnest(@event_ids::uuid[]) as event_id) m
join events v on v.id = m.event_id
where e.id = m.id;

-- name: IngestEnrollmentsEnd :execrows
-- Terminal wins: a row that has ended stays as it is (J-65).
update enrollments e
set status = w.status, error = nullif(w.error, ''), exit_reason = nullif(w.reason, ''),
    completed_at = case when w.status = 'completed' then @now::timestamptz end,
    exited_at = case when w.status = 'exited' then @now::timestamptz end,
    updated_at = @now::timestamptz
from (
    select unnest(@ids::uuid[]) as id, unnest(@statuses::text[]) as status,
        unnest(@errors::text[]) as error, unnest(@reasons::text[]) as reason
) w
where e.id = w.id and e.status in ('active', 'waiting');

-- name: IngestDecisionsInsert :exec
insert into decisions (id, at, type, contact_id, journey_id, key, event_id, event_name, outcome, reason, enrollment_id, detail)
select w.id, w.at, w.type, w.contact_id, w.journey_id, w.key, w.event_id, w.event_name,
    case when w.reason = '' then 'enrolled' else 'skipped' end, nullif(w.reason, ''),
    nullif(w.enrollment_id, '00000000-0000-0000-0000-000000000000'), w.detail
from (
    select unnest(@ids::uuid[]) as id, unnest(@instants::timestamptz[]) as at, unnest(@types::text[]) as type, unnest(@contact_ids::uuid[]) as contact_id, unnest(@journey_ids::text[]) as journey_id,
        unnest(@decision_keys::text[]) as key, unnest(@event_ids::uuid[]) as event_id, unnest(@event_names::text[]) as event_name, unnest(@reasons::text[]) as reason,
        unnest(@enrollment_ids::uuid[]) as enrollment_id, unnest(@details::jsonb[]) as detail
) w;

-- name: IngestStepLogsInsert :exec
insert into step_logs (enrollment_id, step_key, action, from_node, to_node, detail, build_id, at)
select w.enrollment_id, w.step_key, w.action, w.from_node, w.to_node, w.detail, @build_id::text, @now::timestamptz
from (
    select unnest(@enrollment_ids::uuid[]) as enrollment_id, unnest(@step_keys::text[]) as step_key,
        unnest(@actions::text[]) as action, unnest(@from_nodes::text[]) as from_node,
        unnest(@to_nodes::text[]) as to_node, unnest(@details::jsonb[]) as detail
) w
on conflict do nothing;

-- name: IngestOutboxInsert :exec
insert into outbox (id, ordering_key, event_id, destination, kind, key, payload, trace, due_at, created_at)
select w.id, w.ordering_key, w.event_id, w.destination, w.kind, w.key, w.payload, nullif(w.trace, ''), greatest(w.due_at, @now::timestamptz), @now::timestamptz
from (
    select unnest(@ids::uuid[]) as id, unnest(@ordering_keys::uuid[]) as ordering_key, unnest(@event_ids::uuid[]) as event_id,
        unnest(@destinations::text[]) as destination, unnest(@kinds::text[]) as kind, unnest(@keys::text[]) as key,
        unnest(@payloads::jsonb[]) as payload, unnest(@traces::text[]) as trace, unnest(@dues::timestamptz[]) as due_at
) w
on conflict (key) do nothing;

-- name: IngestMergeContacts :exec
-- The survivor keeps its own values, or takes those of the other when that one was
-- written last; keys that only one has stay (I-25).
update contacts s
set properties = hogsend_bounded(s.properties, case when @from_wins::bool then s.properties || m.properties else m.properties || s.properties end),
    timezone = case when @from_wins::bool then coalesce(m.timezone, s.timezone) else coalesce(s.timezone, m.timezone) end
from contacts m
where s.id = @survivor::uuid and m.id = @merged::uuid;

-- name: IngestMergeRedirect :exec
-- The uuid of the merged-away contact resolves to the survivor for ever, and so do
-- those that had been merged into it.
update contacts
set merged_into = @survivor::uuid, email = null, email_key = null, external_id = null, anonymous_id = null,
    updated_at = @now::timestamptz
where id = @merged::uuid or merged_into = @merged::uuid;

-- name: IngestMergeKeys :exec
update contact_keys set contact_id = @survivor::uuid where contact_id = @merged::uuid and kind <> 'email';

-- name: IngestMergeEnrollments :exec
-- Moved rows get entries after the survivor's, oldest first, and keep their ids and
-- workflow ids (J-57). A former id of a journey counts as the journey.
with names as (
    select unnest(@aliases::text[]) as alias, unnest(@journeys::text[]) as journey
), rows as (
    select e.id, e.contact_id, e.entry, e.created_at, coalesce(n.journey, e.journey_id) as journey
    from enrollments e left join names n on n.alias = e.journey_id
    where e.contact_id in (@survivor::uuid, @merged::uuid)
), moved as (
    select r.id, coalesce((select max(t.entry) from rows t where t.contact_id = @survivor::uuid and t.journey = r.journey), 0)
        + row_number() over (partition by r.journey order by r.created_at, r.entry) as entry
    from rows r where r.contact_id = @merged::uuid
)
update enrollments e set contact_id = @survivor::uuid, entry = moved.entry
from moved where e.id = moved.id;

-- name: IngestMergeRest :exec
-- Everything else that refers to the merged-away contact (I-26). Pending outbox rows
-- move along, so that a later cancel stays behind an earlier start.
with moved_events as (update events set contact_id = @survivor::uuid where contact_id = @merged::uuid),
moved_waits as (
    update waits set contact_id = @survivor::uuid
    where enrollment_id in (select id from enrollments where contact_id = @survivor::uuid) and contact_id = @merged::uuid
),
moved_digests as (update digests set contact_id = @survivor::uuid where contact_id = @merged::uuid),
moved_decisions as (update decisions set contact_id = @survivor::uuid where contact_id = @merged::uuid),
moved_sends as (update sends set contact_id = @survivor::uuid where contact_id = @merged::uuid),
moved_preferences as (update preferences set contact_id = @survivor::uuid where contact_id = @merged::uuid)
update outbox set ordering_key = @survivor::uuid where ordering_key = @merged::uuid and status = 'pending';

-- name: IngestEnrollmentsNode :exec
update enrollments set node = @node, updated_at = @now::timestamptz where id = @id;
