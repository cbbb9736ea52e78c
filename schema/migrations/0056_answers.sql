-- +goose Up

-- What people answered by a link of a mail: once for each mail and event (E-86).
create table answers (
    send_id      uuid        not null,
    event        text        not null,
    properties   jsonb       not null,
    answered_at  timestamptz not null,
    comment      text,
    commented_at timestamptz,
    primary key (send_id, event)
);
