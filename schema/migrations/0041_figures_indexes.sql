-- +goose NO TRANSACTION
-- +goose Up

-- Figures of mails are read from indexes that have all they ask for (O-29).
drop index concurrently if exists sends_figures;
create index concurrently sends_figures on sends (sent_at) include (template_key, delivered_at, opened_at, clicked_at, bounced_at, complained_at)
    where sent_at is not null and not test;
drop index concurrently if exists sends_of_template;
create index concurrently sends_of_template on sends (template_key, sent_at) include (delivered_at, opened_at, clicked_at, bounced_at, complained_at)
    where sent_at is not null and not test;
drop index concurrently if exists sends_of_journey;
create index concurrently sends_of_journey on sends (journey_id, sent_at) include (opened_at, clicked_at)
    where sent_at is not null and not test and journey_id is not null;

-- Who left a bucket when (R-93).
drop index concurrently if exists memberships_left;
create index concurrently memberships_left on memberships (bucket_id, left_at) where left_at is not null;

-- All events in the order of time (R-77), and how many of each name (R-91): by an expression,
-- so that nothing that asks about one contact's events in a window takes this index for the
-- one of the contact (I-7).
drop index concurrently if exists events_occurred;
create index concurrently events_occurred on events ((occurred_at at time zone 'UTC') desc, id) include (name, occurred_at);
