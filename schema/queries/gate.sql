-- name: GateSample :many
-- Up to so many enrollments in flight of every (journey, version, node), those that
-- have begun first, and how many there are in all (T-29). No journeys means all.
select s.journey_id, s.version, s.node, s.total, s.id, s.workflow_id, s.begun from (
    select e.journey_id, e.version, e.node, e.id, e.workflow_id, (e.first_run_id is not null)::boolean as begun,
        count(*) over (partition by e.journey_id, e.version, e.node) as total,
        -- By the last digits of the id, which are random: of all ages.
        row_number() over (partition by e.journey_id, e.version, e.node order by e.first_run_id is null, right(e.id::text, 12)) as place
    from enrollments e
    where e.status in ('active', 'waiting') and (cardinality(@journey_ids::text[]) = 0 or e.journey_id = any(@journey_ids::text[]))
) s
where s.place <= @sample::bigint
order by s.journey_id, s.version, s.node, s.place;

-- name: GateList :many
-- All enrollments in flight, page by page.
select e.journey_id, e.version, e.node, e.id, e.workflow_id, (e.first_run_id is not null)::boolean as begun
from enrollments e
where e.id > @after and e.status in ('active', 'waiting') and (cardinality(@journey_ids::text[]) = 0 or e.journey_id = any(@journey_ids::text[]))
order by e.id limit @row_limit;

-- name: GateLive :many
-- Whether an enrollment is still in flight, and has begun; none if it is gone.
select (status in ('active', 'waiting'))::boolean as live, (first_run_id is not null)::boolean as begun from enrollments where id = @id;

-- name: GateRuns :many
-- Which of these workflows run an enrollment: the others are timers of dwell reactions.
select workflow_id from enrollments
where contact_id = any(@contact_ids::uuid[]) and workflow_id = any(@workflow_ids::text[]) and status in ('active', 'waiting');
