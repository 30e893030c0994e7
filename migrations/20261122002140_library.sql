-- +goose Up
-- Questionnaires, ValueSets and CodeSystems that people wrote, with all their
-- versions. They are nobody's record. Content is the resource without what the
-- server writes of it; about is what searches ask for.
create table library_version (
    kind      text collate "C" not null check (kind in ('Questionnaire', 'ValueSet', 'CodeSystem')),
    id        text collate "C" not null,
    number    integer not null,
    newest    boolean not null default true,
    deleted   boolean not null,
    url       text collate "C" not null,
    version   text collate "C" not null,
    about     jsonb not null,
    content   text not null,
    made_by   text not null,
    committed timestamptz not null default clock_timestamp(),
    primary key (kind, id, number)
);
create unique index library_address on library_version (kind, url, version) where newest and not deleted and url <> '';
create unique index library_newest on library_version (kind, id) where newest;
grant select, insert on library_version to quire_app;
grant update (newest) on library_version to quire_app;

-- +goose Down
drop table library_version;
