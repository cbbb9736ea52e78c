-- +goose Up

-- +goose StatementBegin
-- The zone of a contact, as Postgres is asked for it, by its column and its properties (S-1,
-- without the look-up of S-4). A plan says in its transaction which zone those would have
-- whose own is not known (B-58).
create or replace function hogsend_zone(timezone text, properties jsonb) returns text language sql stable as $$
    select coalesce((
        select z.asked
        from (values (1, timezone), (2, case when jsonb_typeof(properties -> 'timezone') = 'string' then properties ->> 'timezone' end),
            (3, case when jsonb_typeof(properties -> '$timezone') = 'string' then properties ->> '$timezone' end),
            (4, case when jsonb_typeof(properties -> '$geoip_time_zone') = 'string' then properties ->> '$geoip_time_zone' end),
            (5, coalesce(nullif(current_setting('hogsend.timezone', true), ''), (select s.timezone from registry_state s)))) said (place, name)
        join zones z on z.name = btrim(said.name, E' \t\n\x0b\f\r\u0085\u00a0')
        order by said.place limit 1
    ), 'UTC')
$$;
-- +goose StatementEnd
