-- +goose NO TRANSACTION
-- +goose Up

-- The people of a journey in a state, the newest first: their ids grow with time. It
-- serves what the index of journey and status served.
drop index concurrently if exists enrollments_people;
create index concurrently enrollments_people on enrollments (journey_id, status, id);
drop index concurrently if exists enrollments_journey;
