-- +goose NO TRANSACTION
-- +goose Up

-- Who did not enter a journey lately, and why (A-2).
drop index concurrently if exists decisions_journey;
create index concurrently decisions_journey on decisions (journey_id, at desc, id);
