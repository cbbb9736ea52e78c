-- +goose NO TRANSACTION
-- +goose Up

-- Enrollments that became failed in a window (O-14).
drop index concurrently if exists enrollments_failed;
create index concurrently enrollments_failed on enrollments (updated_at) where status = 'failed';
