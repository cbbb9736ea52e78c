-- +goose Up

-- That a provider could not deliver a mail at once is part of its history (E-45).
alter table sends add column delayed_at timestamptz;
