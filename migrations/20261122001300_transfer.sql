-- +goose Up
-- Labels versions that were written into the wrong record and moved: nobody has
-- it by a role unless it is given, so what was misfiled is out of sight.
insert into sensitivity_label (name, bit) values ('misfiled', 62);

-- Two records of one person. Each merge is two rows, one for each record; no row
-- of either changes its owner (RM Common, Disjoint merging). ended is the undo.
create table ehr_link (
    ehr_id   uuid not null,
    id       uuid not null,
    other    uuid not null,
    kind     text not null check (kind in ('merged', 'merged-into')),
    reason   text not null,
    linked_by text not null,
    linked   timestamptz not null default clock_timestamp(),
    ended_by text,
    ended    timestamptz,
    primary key (ehr_id, id)
);
create unique index ehr_link_live on ehr_link (ehr_id, other) where ended is null;

-- A composition that was filed in the wrong record: one row for each of the two
-- records, out of the one and into the other.
create table composition_move (
    ehr_id   uuid not null,
    id       uuid not null,
    vo_id    uuid not null,
    outward  boolean not null,
    other    uuid not null,
    other_vo uuid not null,
    -- The version uid that was moved, or that the move made.
    version_uid text not null,
    reason   text not null,
    moved_by text not null,
    moved    timestamptz not null default clock_timestamp(),
    undone_by text,
    undone   timestamptz,
    primary key (ehr_id, id)
);

-- What keeps a record from destruction: a legal hold until it is lifted, a
-- retention until its day.
create table ehr_hold (
    ehr_id   uuid not null,
    id       uuid not null,
    reason   text not null,
    until    timestamptz,
    set_by   text not null,
    set_at   timestamptz not null default clock_timestamp(),
    lifted_by text,
    lifted   timestamptz,
    primary key (ehr_id, id)
);
create index ehr_hold_live on ehr_hold (ehr_id) where lifted is null;

-- The first of two persons who destroy. object is '' for the whole record.
create table destruction_request (
    ehr_id    uuid not null,
    object    text not null,
    reason    text not null,
    requested_by text not null,
    requested timestamptz not null default clock_timestamp(),
    primary key (ehr_id, object)
);

-- What was destroyed, by whom and why: ids, codes, numbers and a hash, and never
-- content. Rows are only ever inserted.
create table erasure_certificate (
    ehr_id    uuid not null,
    id        uuid not null,
    object    text not null,
    reason    text not null,
    requested_by text not null,
    requested timestamptz,
    confirmed_by text not null,
    erased    timestamptz not null default clock_timestamp(),
    sha256    bytea not null,
    counts    jsonb not null,
    primary key (ehr_id, id)
);

-- Pieces of an import that is too large for one request; gone when it ends.
create table import_part (
    ehr_id  uuid not null,
    upload  uuid not null,
    n       int not null,
    sent_by text not null,
    created timestamptz not null default clock_timestamp(),
    data    bytea not null,
    primary key (ehr_id, upload, n)
);

grant select, insert, update, delete on ehr_link, composition_move, ehr_hold, destruction_request, import_part to quire_app;
grant select, insert on erasure_certificate to quire_app;

-- +goose Down
drop table import_part, erasure_certificate, destruction_request, ehr_hold, composition_move, ehr_link;
delete from sensitivity_label where name = 'misfiled';
