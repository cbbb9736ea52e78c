-- +goose Up

-- Searching for a part of an address or an external id, with the extension pg_trgm. Where
-- that is not to be had, or the role may not create it, searches read all contacts. Not
-- concurrently: that cannot be done on condition.
-- +goose StatementBegin
do $$
begin
    create extension if not exists pg_trgm;
    create index contacts_search_email on contacts using gin (lower(email) gin_trgm_ops) where deleted_at is null and merged_into is null;
    create index contacts_search_external_id on contacts using gin (lower(external_id) gin_trgm_ops) where deleted_at is null and merged_into is null;
exception when others then
    raise notice 'no index for searching for people: %', sqlerrm;
end
$$;
-- +goose StatementEnd
