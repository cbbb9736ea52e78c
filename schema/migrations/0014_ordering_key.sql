-- +goose Up

-- What is delivered in order is not always of a contact: the key of a dwell timer's rows
-- is its membership. A name only, so that nothing is written anew. The build before this
-- one names the old column: stop it first.
alter table outbox rename column contact_id to ordering_key;
alter index outbox_contact rename to outbox_order;
