-- +goose NO TRANSACTION
-- +goose Up

-- How many dead letters wait for a decision is asked by every scrape of the metrics.
drop index concurrently if exists dead_letters_pending;
create index concurrently dead_letters_pending on dead_letters (created_at) where status = 'pending';
