-- +goose Up
-- A deferred send is a wait of its enrollment, of the send's step; those of a contact
-- are tried in this order (E-27).
create index waits_deferred on waits (contact_id, deadline, registered_at, id)
    where status = 'open' and event_name is null and step_key like 'send:%';
