-- +goose Up

-- What tells enrollments of one contact and journey apart: the text of a property of the
-- trigger's event, "" for none (J-153).
alter table enrollments add column key text not null default '';
alter table decisions add column key text not null default '';
alter table digests add column key text not null default '';
alter table digested add column key text not null default '';

-- The last event that came of what enrolled, if that is not the trigger itself: waits look
-- back to it (J-117).
alter table enrollments add column mark_seq bigint;
