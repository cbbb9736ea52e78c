-- +goose NO TRANSACTION
-- +goose Up

-- What other systems still are to be told of a contact, for its erasure.
drop index concurrently if exists outbox_hooks;
create index concurrently outbox_hooks on outbox (((payload ->> 'contactId')::uuid)) where kind = 'webhook';
