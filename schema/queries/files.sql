-- name: FileKeep :exec
-- Keeps a content. One that is there is used again, which its cleaning sees.
insert into files (hash, content, used_at) values (@hash, @content, clock_timestamp())
on conflict (hash) do update set used_at = excluded.used_at where files.used_at < excluded.used_at - interval '1 hour';

-- name: SendFilesInsert :exec
insert into send_files (send_id, place, hash, name, type, inline, size)
select @send_id, unnest(@places::smallint[]), unnest(@hashes::bytea[]), unnest(@names::text[]), unnest(@types::text[]), unnest(@inlines::text[]), unnest(@sizes::int[])
on conflict do nothing;

-- name: SendFiles :many
-- The files of a send with their contents, in their order.
select f.place, coalesce(f.hash, '')::bytea as hash, f.name, f.type, f.inline, f.size, coalesce(c.content, '')::bytea as content
from send_files f left join files c on c.hash = f.hash
where f.send_id = @send_id
order by f.place;

-- name: FilesPrune :execrows
-- Deletes contents that no send has and nobody brought of late.
delete from files f where f.hash in (
    select o.hash from files o where o.used_at < @before and not exists (select from send_files s where s.hash = o.hash) limit 500
);

-- name: FilesForget :execrows
-- What old mails carried is forgotten, that they carried it is not (O-34).
update send_files f set hash = null where (f.send_id, f.place) in (
    select o.send_id, o.place from send_files o join sends s on s.id = o.send_id
    where o.hash is not null and s.status <> 'queued' and s.updated_at < @before limit 500
);
