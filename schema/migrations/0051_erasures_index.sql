-- +goose NO TRANSACTION
-- +goose Up

-- An erasure finds the keys of a contact's events.
drop index concurrently if exists event_keys_contact;
create index concurrently event_keys_contact on event_keys (contact_id) where contact_id is not null;

-- And the campaigns that it is a recipient of.
drop index concurrently if exists campaign_recipients_contact;
create index concurrently campaign_recipients_contact on campaign_recipients (contact_id);
