-- +goose Up

-- The trace that a row of the outbox goes on with: a W3C traceparent, null for none.
alter table outbox add column trace text;
