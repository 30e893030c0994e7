-- +goose Up
-- How far a load from outside has come: moved in the transaction that brings the
-- documents in, so that a load that was killed goes on without gap or duplicate.
create table bulk_load (
    fingerprint text collate "C" primary key,
    opening     uuid not null,
    started     timestamptz not null default now(),
    finished    timestamptz,
    position    bigint not null default 0,
    loaded      bigint not null default 0,
    refused     bigint not null default 0,
    bytes       bigint not null default 0
);
grant select, insert, update on bulk_load to quire_app;

-- +goose Down
drop table bulk_load;
