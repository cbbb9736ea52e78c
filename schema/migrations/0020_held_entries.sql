-- +goose Up

-- What a pause does with new entries: hold keeps them at the start, drop refuses them (J-168).
alter table journey_configs add column pause_entries text not null default 'hold' check (pause_entries in ('hold', 'drop'));

-- An entry that a pause holds: what starts it, null if its workflow is there already, and
-- for every other effect (B-29).
alter table paused_effects add column is_entry boolean not null default false, add column starts jsonb;
