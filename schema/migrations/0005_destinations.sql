-- +goose Up

-- Destinations are independent (P-14): each has its own rows in its own order, so
-- that one that is down holds up no other, not even for one contact.
alter table outbox add column destination text not null default 'temporal';
drop index outbox_due;
drop index outbox_contact;
create index outbox_due on outbox (destination, due_at, seq) where status = 'pending';
create index outbox_contact on outbox (contact_id, destination, seq) where status = 'pending';

-- What is handed to the outbox of all members of a bucket: timers of a dwell reaction,
-- or, where a person property is named, the membership itself (B-55, W-32).
alter table arming add column property text not null default '';
