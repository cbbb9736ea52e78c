-- +goose Up

-- What throttles count: the claims of a contact and those of an address (E-22, J-144).
create index sends_claimed on sends (contact_id, claimed_at) where claimed_at is not null;
create index sends_claimed_address on sends (lower(to_email), claimed_at) where claimed_at is not null;
