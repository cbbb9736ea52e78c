-- +goose Up

-- What could not be delivered is one dead letter, however often that is tried (O-18).
create unique index dead_letters_of on dead_letters (source, source_id) where source_id is not null;
create index dead_letters_newest on dead_letters (created_at desc, id);
