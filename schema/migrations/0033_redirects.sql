-- +goose Up

-- Where a mail went instead, while mails are only tried out (E-41).
alter table sends add column redirected_to text;
