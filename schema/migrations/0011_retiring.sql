-- +goose Up
-- A bucket that is being retired, until its last member has left (W-31).
alter table buckets add column retiring boolean not null default false;
