-- +goose Up

-- The tracked links of mails (E-46): the id is in the mail, the URL is where it leads.
create table tracked_links (
    id          uuid primary key,
    send_id     uuid        not null,
    url         text        not null,
    click_count integer     not null default 0, -- by people
    clicked_at  timestamptz -- first by a person
);

create index tracked_links_send on tracked_links (send_id);

-- Who fetched a pixel (without a link) or followed a link, people and machines (E-50).
create table hits (
    id         uuid primary key,
    send_id    uuid        not null,
    link_id    uuid,
    class      text        not null check (class in ('human', 'machine')),
    ip_address text,
    user_agent text,
    at         timestamptz not null
);

create index hits_send on hits (send_id, at);
create index hits_machine on hits (at) where class = 'machine';
create index hits_personal on hits (at) where ip_address is not null or user_agent is not null;
