-- +goose Up
-- How forms from elsewhere fill our templates, by the canonical addresses of the
-- forms. A file here goes before the one that comes with the program.
create table form_binding (
    questionnaire text collate "C" primary key,
    template      text collate "C" not null,
    content       text not null,
    registered_by text not null,
    registered    timestamptz not null default clock_timestamp()
);
grant select, insert, update, delete on form_binding to quire_app;

-- +goose Down
drop table form_binding;
