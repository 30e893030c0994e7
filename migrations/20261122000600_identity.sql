-- +goose Up
-- Local identities. The secret is random, so a plain SHA-256 of it is kept.
-- roles: the roles the key may select; the first is the default.
create table api_key (
    id         text primary key,
    hash       bytea not null,
    subject    text not null,
    roles      text[] not null,
    org        text not null default '',
    service    boolean not null default false,
    demo       boolean not null default false,
    cidrs      cidr[],
    created    timestamptz not null default now(),
    expires_at timestamptz not null,
    revoked_at timestamptz,
    last_used  timestamptz
);

-- Rises with every change of rights; profiles of an older epoch are dropped.
create table access_epoch (
    only_row boolean primary key default true check (only_row),
    epoch    bigint not null default 1
);
insert into access_epoch default values;

-- +goose Down
drop table access_epoch, api_key;
