-- +goose NO TRANSACTION
-- +goose Up

-- The lists of mails (R-80), by what they are narrowed to and in which order they come.
drop index concurrently if exists sends_address;
create index concurrently sends_address on sends (lower(to_email), created_at desc);
drop index concurrently if exists sends_templates;
create index concurrently sends_templates on sends (template_key, created_at desc);
drop index concurrently if exists sends_journey;
create index concurrently sends_journey on sends (journey_id, created_at desc) where journey_id is not null;
drop index concurrently if exists sends_sent;
create index concurrently sends_sent on sends (sent_at desc nulls last, id desc);
drop index concurrently if exists sends_opened;
create index concurrently sends_opened on sends (opened_at desc, id desc) where opened_at is not null;
drop index concurrently if exists sends_clicked;
create index concurrently sends_clicked on sends (clicked_at desc, id desc) where clicked_at is not null;
drop index concurrently if exists sends_bounced;
create index concurrently sends_bounced on sends (created_at desc) where bounced_at is not null or complained_at is not null;
drop index concurrently if exists sends_status;
create index concurrently sends_status on sends (status, created_at desc) where status not in ('sent', 'delivered');
drop index concurrently if exists sends_category;
create index concurrently sends_category on sends (category, created_at desc);
