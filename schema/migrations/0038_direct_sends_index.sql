-- +goose NO TRANSACTION
-- +goose Up

drop index concurrently if exists sends_deferred;
create index concurrently sends_deferred on sends (contact_id, due_at) where due_at is not null;
drop index concurrently if exists sends_campaign;
create index concurrently sends_campaign on sends (campaign_id, contact_id) where campaign_id is not null;
