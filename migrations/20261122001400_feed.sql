-- +goose Up
-- The versions themselves are what must be told: (xact, position) orders them
-- without gaps, so that a table beside them, written at each commit, is not needed.
drop table outbox;

-- An erasure is told too, since it takes the versions along.
alter table erasure_certificate
    add column xact xid8 not null default pg_current_xact_id(),
    add column position bigint generated always as identity;
create index erasure_feed on erasure_certificate (xact, position);

-- Who is told of changes, as whom it may see them, and how far it was told.
create table webhook (
    id           uuid primary key,
    url          text not null,
    principal    text not null,
    role         text not null,
    organisation text not null,
    service      boolean not null,
    purpose      text not null,
    kinds        smallint[] not null,
    templates    text[] not null,
    created      timestamptz not null default clock_timestamp(),
    after_xact   xid8 not null,
    after_place  bigint not null,
    -- One process tells at a time.
    lease_by     uuid,
    lease_until  timestamptz,
    last_told    timestamptz,
    failing      timestamptz,
    failure      text,
    paused_until timestamptz
);

-- Changes that could not be told yet. Later ones of the same EHR wait behind.
create table webhook_waiting (
    ehr_id   uuid not null,
    webhook  uuid not null,
    xact     xid8 not null,
    place    bigint not null,
    attempts int not null default 0,
    since    timestamptz not null default clock_timestamp(),
    next_at  timestamptz not null default clock_timestamp(),
    given_up timestamptz,
    primary key (ehr_id, webhook, xact, place)
);
create index webhook_waiting_next on webhook_waiting (webhook, next_at) where given_up is null;

grant select, insert, update, delete on webhook, webhook_waiting to quire_app;
grant usage, select on all sequences in schema public to quire_app;

-- +goose Down
drop table webhook_waiting, webhook;
alter table erasure_certificate drop column xact, drop column position;
create table outbox (
    ehr_id    uuid not null,
    id        bigint generated always as identity,
    kind      text not null,
    vo_id     uuid,
    ver       int,
    created   timestamptz not null default now(),
    delivered timestamptz,
    attempts  int not null default 0,
    primary key (ehr_id, id)
);
create index outbox_pending on outbox (id) where delivered is null;
