-- +goose Up
-- Archetypes in ADL 1.4, from which templates are built. Data never refer to
-- them: a stored template carries all it needs.
create table archetype (
    id       text collate "C" primary key,
    parent   text collate "C",
    class    text collate "C" not null,
    concept  text not null,
    language text not null,
    sha256   bytea not null,
    adl      text not null,
    uploaded timestamptz not null default now()
);
create index archetype_parent on archetype (parent) where parent is not null;
grant select, insert, update, delete on archetype to quire_app;

-- +goose Down
drop table archetype;
