-- +goose NO TRANSACTION
-- +goose Up

-- The mails of a batch, in their order.
drop index concurrently if exists sends_batch;
create index concurrently sends_batch on sends (batch_id, batch_place) where batch_id is not null;

-- Mails that were called for and never ended (E-33): few at any time.
drop index concurrently if exists sends_attempted;
create index concurrently sends_attempted on sends (first_attempt_at, id) where status = 'queued' and first_attempt_at is not null;
