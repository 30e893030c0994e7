-- +goose Up
-- The second barrier: whatever statement the application sends, rows of other
-- templates, labels or (for a pinned token) EHRs do not come back. The settings
-- are the first statement of each batch; where one is missing the query fails.
-- A setting stands in a scalar subquery so that it is read once a statement, not
-- once a row.
-- +goose StatementBegin
do $$
declare t text;
begin
    foreach t in array array['version', 'node', 'leaf'] loop
        execute format('alter table %I enable row level security', t);
        execute format('create policy quire_see on %I using (
            (select current_setting(''quire.all'')) = ''on''
            or ((tmpl = 0 or tmpl = any ((select current_setting(''quire.tmpl'')::int[])::int[]))
                and sens & (select ~current_setting(''quire.labels'')::bigint) = 0
                and ((select current_setting(''quire.ehr'')) = '''' or ehr_id::text = (select current_setting(''quire.ehr'')))))
            with check (true)', t);
    end loop;
    foreach t in array array['ehr', 'contribution', 'folder_item', 'item_tag'] loop
        execute format('alter table %I enable row level security', t);
        execute format('create policy quire_see on %I using (
            (select current_setting(''quire.all'')) = ''on''
            or (select current_setting(''quire.ehr'')) = '''' or ehr_id::text = (select current_setting(''quire.ehr'')))
            with check (true)', t);
    end loop;
end $$;
-- +goose StatementEnd

grant usage on schema public to quire_app;
grant select, insert, update, delete on all tables in schema public to quire_app;
revoke update, delete, truncate on audit_event, audit_event_default, audit_query_ehr from quire_app;
revoke all on goose_db_version from quire_app;
grant select on goose_db_version to quire_app;
grant usage, select on all sequences in schema public to quire_app;
revoke execute on function audit_partitions(int) from public;
grant execute on function audit_partitions(int) to quire_app;

-- +goose Down
-- +goose StatementBegin
do $$
declare t text;
begin
    foreach t in array array['version', 'node', 'leaf', 'ehr', 'contribution', 'folder_item', 'item_tag'] loop
        execute format('drop policy quire_see on %I', t);
        execute format('alter table %I disable row level security', t);
    end loop;
end $$;
-- +goose StatementEnd
revoke all on all tables in schema public from quire_app;
