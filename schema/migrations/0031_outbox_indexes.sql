-- +goose NO TRANSACTION
-- +goose Up

-- What an operator asks of the outbox (R-110): what is dead, and what one contact is owed.
drop index concurrently if exists outbox_dead;
create index concurrently outbox_dead on outbox (id) where status = 'dead';
drop index concurrently if exists outbox_contact;
create index concurrently outbox_contact on outbox (ordering_key, id);
