-- +goose Up
-- lz4 packs documents several times faster than the default at about the same
-- size. A server built without it keeps the default.
-- +goose StatementBegin
do $$ begin
    alter table version alter column doc set compression lz4;
    alter table node alter column data set compression lz4;
    alter table template alter column opt set compression lz4;
exception when feature_not_supported or invalid_parameter_value then
    raise notice 'this server has no lz4; documents are compressed by pglz';
end $$;
-- +goose StatementEnd

-- +goose Down
alter table version alter column doc set compression default;
alter table node alter column data set compression default;
alter table template alter column opt set compression default;
