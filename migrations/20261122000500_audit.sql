-- +goose Up
-- Every access. Rows are only ever inserted; xact lets a sealer chain them later
-- without missing a late commit. No clinical text, ever.
create table audit_event (
    id         uuid not null,
    at         timestamptz not null default clock_timestamp(),
    xact       xid8 not null default pg_current_xact_id(),
    action     text not null,
    outcome    text not null check (outcome in ('success', 'denied', 'unavailable', 'error')),
    principal  text not null,
    role       text not null,
    org        text not null default '',
    ehr_id     uuid,
    object     text,
    template   int,
    query      bytea,
    parameters bytea,
    purpose    text,
    basis      text,
    epoch      bigint not null default 0,
    rows       bigint,
    source     text,
    request_id text,
    opening    uuid,
    primary key (at, id)
) partition by range (at);
create table audit_event_default partition of audit_event default;
create index audit_event_ehr on audit_event (ehr_id, at) where ehr_id is not null;
create index audit_event_principal on audit_event (principal, at);

-- Which EHRs a population query showed: one row per flushed chunk and EHR.
create table audit_query_ehr (
    ehr_id  uuid not null,
    opening uuid not null,
    at      timestamptz not null default clock_timestamp(),
    primary key (ehr_id, opening)
);

-- Makes the partitions of the next months; called at migration, at start and daily.
-- +goose StatementBegin
create function audit_partitions(months int) returns void language plpgsql security definer set search_path = public, pg_temp as $$
declare
    first date := date_trunc('month', now() at time zone 'UTC');
    lo date;
begin
    for i in 0..months loop
        lo := first + make_interval(months => i);
        if to_regclass('audit_event_' || to_char(lo, 'YYYYMM')) is null then
            execute format('create table %I partition of audit_event for values from (%L) to (%L)',
                'audit_event_' || to_char(lo, 'YYYYMM'), lo::text || ' 00:00+00', (lo + interval '1 month')::date::text || ' 00:00+00');
        end if;
    end loop;
end $$;
-- +goose StatementEnd
select audit_partitions(3);

-- +goose Down
drop function audit_partitions(int);
drop table audit_query_ehr, audit_event;
