-- +goose Up
-- How far each destination of the configuration has read the change feed, and
-- which process serves it.
create table exit_place (
    destination text primary key,
    after_xact  xid8 not null,
    after_place bigint not null,
    lease_by    uuid,
    lease_until timestamptz,
    paused_until timestamptz,
    failing     timestamptz,
    failure     text not null default '',
    last_sent   timestamptz
);

-- What is to be sent, by ids alone: a message is made of the version when it is
-- sent. State: 0 waiting, 1 sent, 2 dead, 3 closed, 4 no such message.
create table exit_message (
    ehr_id      uuid not null,
    id          uuid not null,
    destination text not null,
    xact        xid8 not null,
    place       bigint not null,
    version_uid text not null,
    lifecycle   smallint not null,
    state       smallint not null default 0,
    attempts    int not null default 0,
    created     timestamptz not null default clock_timestamp(),
    next_at     timestamptz not null default clock_timestamp(),
    changed     timestamptz not null default clock_timestamp(),
    reason      text not null default '',
    field       text not null default '',
    detail      text not null default '',
    primary key (ehr_id, id),
    unique (ehr_id, destination, xact, place)
);
create index exit_message_waiting on exit_message (destination, xact, place) where state = 0;
create index exit_message_dead on exit_message (changed) where state = 2;

-- Messages that came in and were stored: what a repetition is known by.
create table exit_received (
    sender     text not null,
    control_id text not null,
    digest     bytea not null,
    ehr_id     uuid not null,
    version_uid text not null,
    received   timestamptz not null default clock_timestamp(),
    primary key (sender, control_id)
);
create index exit_received_ehr on exit_received (ehr_id);

-- Which composition a result is, by its number at the sender.
create table exit_result (
    sender text not null,
    filler text not null,
    ehr_id uuid not null,
    object uuid not null,
    primary key (sender, filler)
);
create index exit_result_ehr on exit_result (ehr_id);

-- Messages that came in and could not be stored. The message itself is encrypted.
create table exit_dead (
    id         uuid primary key,
    sender     text not null,
    control_id text not null,
    digest     bytea not null,
    message    bytea not null,
    kind       text not null,
    ehr_id     uuid,
    reason     text not null,
    field      text not null,
    detail     text not null,
    attempts   int not null default 1,
    received   timestamptz not null default clock_timestamp(),
    changed    timestamptz not null default clock_timestamp(),
    closed     timestamptz,
    outcome    text not null default '',
    unique (sender, control_id, digest)
);
create index exit_dead_open on exit_dead (received) where closed is null;

-- Keyed hashes of what messages said of a person: surname and day of birth.
create table exit_person (
    ehr_id uuid primary key,
    family bytea,
    birth  bytea
);

grant select, insert, update, delete on exit_place, exit_message, exit_received, exit_result, exit_dead, exit_person to quire_app;

-- +goose Down
drop table exit_person, exit_dead, exit_result, exit_received, exit_message, exit_place;
