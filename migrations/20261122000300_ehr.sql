-- +goose Up
-- is_queryable and is_modifiable mirror the latest EHR_STATUS, in its transaction.
create table ehr (
    ehr_id        uuid primary key,
    system        int not null,
    created       timestamptz not null,
    status_id     uuid not null,
    directory_id  uuid,
    is_queryable  boolean not null,
    is_modifiable boolean not null
);
create index ehr_created on ehr (created, ehr_id);

-- Who an EHR is about: moves with EHR_STATUS in the same transaction. The id is
-- normalised. A look-up, so its key does not begin with ehr_id.
create table ehr_subject (
    namespace  text collate "C" not null,
    subject_id text collate "C" not null,
    ehr_id     uuid not null,
    primary key (namespace, subject_id)
);
create index ehr_subject_ehr on ehr_subject (ehr_id);

-- Organisations with a live relationship to the person: the gate of access.
create table ehr_organisation (
    ehr_id       uuid not null,
    org          text collate "C" not null,
    relationship text not null check (relationship in ('registered', 'referred', 'admitted', 'caseload')),
    valid_from   timestamptz not null default now(),
    valid_to     timestamptz,
    primary key (ehr_id, org, relationship, valid_from)
);
create index ehr_organisation_org on ehr_organisation (org, ehr_id) include (valid_from, valid_to);

-- Projection of grants on single EHRs to a person, team or role.
create table ehr_grant (
    ehr_id     uuid not null,
    grantee    text collate "C" not null,
    may_write  boolean not null,
    valid_from timestamptz not null default now(),
    valid_to   timestamptz,
    primary key (ehr_id, grantee, valid_from)
);

-- Denials: a patient's objection, a VIP, the caller's own record. applies_to
-- holds principals and groups; '*' is everybody. Denial wins.
create table ehr_restriction (
    ehr_id     uuid not null,
    id         uuid not null,
    applies_to text[] not null,
    reason     text not null,
    valid_from timestamptz not null default now(),
    valid_to   timestamptz,
    primary key (ehr_id, id)
);

-- Emergency access by one person to one EHR, for minutes, with a reason.
create table break_glass (
    ehr_id      uuid not null,
    id          uuid not null,
    principal   text collate "C" not null,
    org         text not null,
    reason_code text not null,
    reason      text not null,
    granted_at  timestamptz not null default clock_timestamp(),
    expires_at  timestamptz not null,
    revoked_at  timestamptz,
    reviewed_at timestamptz,
    reviewed_by text,
    verdict     text,
    primary key (ehr_id, id)
);
create index break_glass_principal on break_glass (ehr_id, principal, expires_at);

-- +goose Down
drop table break_glass, ehr_restriction, ehr_grant, ehr_organisation, ehr_subject, ehr;
