-- +goose Up

-- Mails of campaigns that go to the provider in one call, under a key of their own (E-38).
-- Which mails, and in what order, is written before the first call and never changes.
create table send_batches (
    id         uuid primary key,
    size       smallint    not null,
    split      boolean     not null default false, -- nothing of it was accepted: its mails go alone
    created_at timestamptz not null
);

alter table sends add column batch_id uuid, add column batch_place smallint;
