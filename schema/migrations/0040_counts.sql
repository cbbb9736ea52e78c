-- +goose Up

-- How many there are of what figures tell (R-86, R-87, R-92), kept as rows change, since
-- nobody waits for the counting of a million: changes are appended, so that no two
-- transactions want the same row, and added up now and then. seconds is how long those took
-- that have come to an end.
create table counts (
    kind    text             not null,
    key     text             not null,
    state   text             not null,
    n       bigint           not null,
    seconds double precision not null default 0,
    primary key (kind, key, state)
);

create table count_changes (
    id      bigint generated always as identity primary key,
    kind    text             not null,
    key     text             not null,
    state   text             not null,
    n       bigint           not null,
    seconds double precision not null default 0
);

-- A mail that somebody sent to try a template: it is in no figure (O-28).
alter table sends add column test boolean not null default false;

-- +goose StatementBegin
create function hogsend_count_contacts() returns trigger language plpgsql as $$
begin
    if tg_level = 'STATEMENT' then
        insert into count_changes (kind, key, state, n)
        select 'contacts', '', 'live', count(*) from added where deleted_at is null and merged_into is null having count(*) > 0;
    elsif tg_op = 'DELETE' then
        insert into count_changes (kind, key, state, n) values ('contacts', '', 'live', -1);
    else
        insert into count_changes (kind, key, state, n)
        values ('contacts', '', 'live', case when new.deleted_at is null and new.merged_into is null then 1 else -1 end);
    end if;
    return null;
end
$$;
create function hogsend_count_preferences() returns trigger language plpgsql as $$
begin
    if tg_level = 'STATEMENT' then
        insert into count_changes (kind, key, state, n)
        select 'preferences', '', case when unsubscribed_all then 'off' else 'on' end, count(*) from added group by unsubscribed_all;
        return null;
    end if;
    insert into count_changes (kind, key, state, n) values ('preferences', '', case when old.unsubscribed_all then 'off' else 'on' end, -1);
    if tg_op = 'UPDATE' then
        insert into count_changes (kind, key, state, n) values ('preferences', '', case when new.unsubscribed_all then 'off' else 'on' end, 1);
    end if;
    return null;
end
$$;
create function hogsend_enrollment_state(status text) returns text language sql immutable as $$
    select case when status in ('active', 'waiting') then 'live' else status end
$$;
create function hogsend_count_enrollments() returns trigger language plpgsql as $$
begin
    if tg_level = 'STATEMENT' then
        insert into count_changes (kind, key, state, n, seconds)
        select 'enrollments', journey_id, hogsend_enrollment_state(status), count(*), coalesce(sum(extract(epoch from completed_at - created_at)), 0)
        from added group by 2, 3;
        return null;
    end if;
    insert into count_changes (kind, key, state, n, seconds)
    values ('enrollments', old.journey_id, hogsend_enrollment_state(old.status), -1, -coalesce(extract(epoch from old.completed_at - old.created_at), 0));
    if tg_op = 'UPDATE' then
        insert into count_changes (kind, key, state, n, seconds)
        values ('enrollments', new.journey_id, hogsend_enrollment_state(new.status), 1, coalesce(extract(epoch from new.completed_at - new.created_at), 0));
    end if;
    return null;
end
$$;
create function hogsend_count_memberships() returns trigger language plpgsql as $$
begin
    if tg_level = 'STATEMENT' then
        insert into count_changes (kind, key, state, n, seconds)
        select 'memberships', bucket_id, status, count(*), coalesce(sum(extract(epoch from left_at - entered_at)), 0)
        from added group by 2, 3;
        return null;
    end if;
    insert into count_changes (kind, key, state, n, seconds)
    values ('memberships', old.bucket_id, old.status, -1, -coalesce(extract(epoch from old.left_at - old.entered_at), 0));
    if tg_op = 'UPDATE' then
        insert into count_changes (kind, key, state, n, seconds)
        values ('memberships', new.bucket_id, new.status, 1, coalesce(extract(epoch from new.left_at - new.entered_at), 0));
    end if;
    return null;
end
$$;
-- +goose StatementEnd

create trigger counted_added after insert on contacts referencing new table as added for each statement execute function hogsend_count_contacts();
create trigger counted_changed after update on contacts for each row
    when ((old.deleted_at is null and old.merged_into is null) <> (new.deleted_at is null and new.merged_into is null))
    execute function hogsend_count_contacts();
create trigger counted_gone after delete on contacts for each row
    when (old.deleted_at is null and old.merged_into is null) execute function hogsend_count_contacts();

create trigger counted_added after insert on preferences referencing new table as added for each statement execute function hogsend_count_preferences();
create trigger counted_changed after update on preferences for each row
    when (old.unsubscribed_all <> new.unsubscribed_all) execute function hogsend_count_preferences();
create trigger counted_gone after delete on preferences for each row execute function hogsend_count_preferences();

create trigger counted_added after insert on enrollments referencing new table as added for each statement execute function hogsend_count_enrollments();
create trigger counted_changed after update on enrollments for each row
    when (hogsend_enrollment_state(old.status) <> hogsend_enrollment_state(new.status) or old.journey_id <> new.journey_id
        or old.completed_at is distinct from new.completed_at)
    execute function hogsend_count_enrollments();
create trigger counted_gone after delete on enrollments for each row execute function hogsend_count_enrollments();

create trigger counted_added after insert on memberships referencing new table as added for each statement execute function hogsend_count_memberships();
create trigger counted_changed after update on memberships for each row
    when (old.status <> new.status or old.bucket_id <> new.bucket_id or old.left_at is distinct from new.left_at)
    execute function hogsend_count_memberships();
create trigger counted_gone after delete on memberships for each row execute function hogsend_count_memberships();

-- What is there already; the triggers keep everybody else waiting until this is done.
insert into counts (kind, key, state, n)
select 'contacts', '', 'live', count(*) from contacts where deleted_at is null and merged_into is null;
insert into counts (kind, key, state, n)
select 'preferences', '', case when unsubscribed_all then 'off' else 'on' end, count(*) from preferences group by unsubscribed_all;
insert into counts (kind, key, state, n, seconds)
select 'enrollments', journey_id, hogsend_enrollment_state(status), count(*), coalesce(sum(extract(epoch from completed_at - created_at)), 0)
from enrollments group by 2, 3;
insert into counts (kind, key, state, n, seconds)
select 'memberships', bucket_id, status, count(*), coalesce(sum(extract(epoch from left_at - entered_at)), 0)
from memberships group by 2, 3;
