-- +goose Up

-- What a deferred send is to others that wait for the same places of a cap: null for other
-- waits (E-82).
alter table waits add column priority integer, add column category text, add column email_key text;
