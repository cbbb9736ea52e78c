-- +goose Up

-- Mails that no enrollment sends. One that was deferred is a row without content that is
-- due again at due_at; deferred_for is the check that held it (E-26, E-27).
alter table sends
    add column campaign_id  uuid,
    add column due_at       timestamptz,
    add column deferred_for text;
