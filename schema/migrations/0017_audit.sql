-- +goose Up

-- Who changed what (O-11): an entry commits with the change it tells of. contact_id is the
-- contact that the detail tells something of, so that an erasure finds it.
create table audit_logs (
    id          uuid primary key,
    actor_type  text        not null check (actor_type in ('key', 'user', 'system')),
    actor_id    uuid,
    actor       text        not null,
    action      text        not null,
    resource    text        not null,
    resource_id text,
    contact_id  uuid,
    detail      jsonb       not null default '{}',
    ip_address  text,
    request_id  text        not null default '',
    created_at  timestamptz not null default clock_timestamp()
);

create index audit_logs_newest on audit_logs (created_at desc, id desc);
create index audit_logs_resource on audit_logs (resource, resource_id, created_at desc);
create index audit_logs_contact on audit_logs (contact_id, created_at desc) where contact_id is not null;

-- The newest change of a switch or a pause: at, by, action, reason. Every role sees it,
-- and it outlives the log.
alter table journey_configs add column last_change jsonb;
alter table buckets add column last_change jsonb;
