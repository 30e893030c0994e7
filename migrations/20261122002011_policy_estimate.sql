-- +goose Up
-- The same policies as before, written so that the planner expects rows to pass.
-- Of a comparison of two settings it knows nothing and expects one row in two
-- hundred, and of the whole of the old text one in some hundreds: joins of whole
-- tables were planned for a handful of rows. Of a CASE it expects every second.
-- +goose StatementBegin
do $$
declare t text;
begin
    foreach t in array array['version', 'node', 'leaf'] loop
        execute format('alter policy quire_see on %I using (
            case when (select current_setting(''quire.all'')) = ''on'' then true
            else (tmpl = 0 or tmpl = any ((select current_setting(''quire.tmpl'')::int[])::int[]))
                and sens & (select ~current_setting(''quire.labels'')::bigint) = 0
                and ((select current_setting(''quire.ehr'')) = '''' or ehr_id::text = (select current_setting(''quire.ehr''))) end)', t);
    end loop;
    foreach t in array array['ehr', 'contribution', 'folder_item', 'item_tag'] loop
        execute format('alter policy quire_see on %I using (
            case when (select current_setting(''quire.all'')) = ''on'' then true
            when (select current_setting(''quire.ehr'')) = '''' then true
            else ehr_id::text = (select current_setting(''quire.ehr'')) end)', t);
    end loop;
end $$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
do $$
declare t text;
begin
    foreach t in array array['version', 'node', 'leaf'] loop
        execute format('alter policy quire_see on %I using (
            (select current_setting(''quire.all'')) = ''on''
            or ((tmpl = 0 or tmpl = any ((select current_setting(''quire.tmpl'')::int[])::int[]))
                and sens & (select ~current_setting(''quire.labels'')::bigint) = 0
                and ((select current_setting(''quire.ehr'')) = '''' or ehr_id::text = (select current_setting(''quire.ehr'')))))', t);
    end loop;
    foreach t in array array['ehr', 'contribution', 'folder_item', 'item_tag'] loop
        execute format('alter policy quire_see on %I using (
            (select current_setting(''quire.all'')) = ''on''
            or (select current_setting(''quire.ehr'')) = '''' or ehr_id::text = (select current_setting(''quire.ehr'')))', t);
    end loop;
end $$;
-- +goose StatementEnd
