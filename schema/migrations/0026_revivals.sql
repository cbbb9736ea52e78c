-- +goose Up

-- When the contact's deletion was undone last; null for never. All buckets looked at it then,
-- so that what fell due before is nothing to the clock any more (I-49).
alter table contacts add column revived_at timestamptz;
