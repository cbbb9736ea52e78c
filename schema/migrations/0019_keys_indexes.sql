-- +goose NO TRANSACTION
-- +goose Up

-- One live enrollment of a contact in a journey for each key (J-49); the new index stands
-- before the old one falls.
drop index concurrently if exists enrollments_live_key;
create unique index concurrently enrollments_live_key on enrollments (contact_id, journey_id, key) where status in ('active', 'waiting') and not concurrent;
drop index concurrently if exists enrollments_live;

-- No event is in two digests of one contact, journey, key and label (J-143).
drop index concurrently if exists digested_key;
create unique index concurrently digested_key on digested (event_id, journey_id, key, label);
alter table digested drop constraint if exists digested_pkey;
alter table digested add constraint digested_pkey primary key using index digested_key;
