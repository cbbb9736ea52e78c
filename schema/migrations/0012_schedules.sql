-- +goose Up

-- How far each recurrence of OnSchedule has come: due_at is its next instant, or the
-- one whose members, up to position, have been told.
create table schedules (
    event_name text primary key,
    bucket_id  text        not null,
    due_at     timestamptz not null,
    position   uuid        not null default '00000000-0000-0000-0000-000000000000' -- a membership
);
