-- +goose Up
-- Links of the audit's chain, made by a sealer that has the key: each covers the
-- audit rows of the transactions from lo to before hi. Rows are only inserted.
create table audit_seal (
    seq       bigint primary key,
    lo        xid8 not null,
    hi        xid8 not null,
    at        timestamptz not null,
    events    bigint not null,
    shown     bigint not null,
    root      bytea not null,
    before    bytea not null,
    chain     bytea not null,
    key       text not null,
    signature bytea not null
);

-- Transaction numbers of a restored logical dump begin anew; base is what is added
-- to those of the present cluster, so that sealed ranges stay in the past.
create table audit_era (
    base  bigint primary key,
    since timestamptz not null default clock_timestamp()
);

alter table audit_query_ehr add column xact xid8 not null default pg_current_xact_id();
create index audit_event_xact on audit_event (xact);
create index audit_query_ehr_xact on audit_query_ehr (xact);
-- From a population query to the records it showed.
create index audit_query_ehr_opening on audit_query_ehr (opening, ehr_id);

-- Run by the owner after the restore of a logical dump, before the server starts.
-- +goose StatementBegin
create function audit_new_era() returns bigint language plpgsql as $$
declare fresh bigint;
begin
    select max(top::text::bigint) + 1 into fresh from (
        select max(hi) as top from audit_seal
        union all select max(xact) from audit_event
        union all select max(xact) from audit_query_ehr) tops;
    fresh := coalesce(fresh, 0);
    insert into audit_era (base) values (fresh);
    execute format('alter table audit_event alter column xact set default ((pg_current_xact_id()::text::bigint + %s)::text::xid8)', fresh);
    execute format('alter table audit_query_ehr alter column xact set default ((pg_current_xact_id()::text::bigint + %s)::text::xid8)', fresh);
    return fresh;
end $$;
-- +goose StatementEnd
revoke execute on function audit_new_era() from public;

grant select, insert on audit_seal to quire_app;
grant select on audit_era to quire_app;

-- +goose Down
drop function audit_new_era();
drop index audit_query_ehr_opening;
drop index audit_query_ehr_xact;
drop index audit_event_xact;
alter table audit_query_ehr drop column xact;
drop table audit_era;
drop table audit_seal;
