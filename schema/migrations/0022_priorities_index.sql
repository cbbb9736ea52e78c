-- +goose NO TRANSACTION
-- +goose Up

drop index concurrently if exists waits_deferred_to;
create index concurrently waits_deferred_to on waits (email_key) where status = 'open' and priority is not null;
