-- +goose Up

-- Timers are set soonest due first: those that are not due yet by their anchors, then
-- those that are overdue (B-46). Only stays that began at one instant, or all.
alter table arming
    add column anchor_at  timestamptz not null default '0001-01-01T00:00:00Z', -- of the membership at position
    add column until_at   timestamptz, -- the last anchor; null for no last one
    add column entered_at timestamptz; -- only stays that began then; null for all

create index memberships_anchor on memberships (bucket_id, anchor_at, id) where status = 'active';
