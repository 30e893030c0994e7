-- +goose Up
-- Resolves a bare object uid to its EHR and makes uids unique in the system.
-- kind: 1 composition, 2 ehr_status, 3 folder, 4 party.
create table object_home (
    vo_id  uuid primary key,
    ehr_id uuid not null,
    kind   smallint not null
);

create table contribution (
    ehr_id          uuid not null,
    contribution_id uuid not null,
    system          int not null,
    committed       timestamptz not null,
    change_type     smallint not null,
    -- AUDIT_DETAILS as canonical JSON without time_committed, which is the column.
    audit           text not null,
    primary key (ehr_id, contribution_id)
);

-- One narrow row per VERSION of any versioned object. is_latest marks the trunk
-- head in any lifecycle, is_effective the newest version that is complete and not
-- deleted: a draft never hides what is valid. (xact, position) orders the change
-- feed without gaps: read rows whose xact is below the snapshot's xmin.
create table version (
    ehr_id          uuid not null,
    vo_id           uuid not null,
    ver             int not null,
    kind            smallint not null,
    system          int not null,
    is_latest       boolean not null,
    is_effective    boolean not null,
    lifecycle       smallint not null,
    change_type     smallint not null,
    contribution_id uuid not null,
    committed       timestamptz not null,
    template        int not null,
    tmpl            int not null,
    sens            bigint not null,
    arch            int not null,
    start_key       numeric,
    recording_org   text,
    labels          text[],
    preceding       text,
    other_inputs    text[],
    signature       text,
    audit           text not null,
    attestations    text,
    xact            xid8 not null default pg_current_xact_id(),
    position        bigint generated always as identity,
    doc             text,
    primary key (ehr_id, vo_id, ver)
) with (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_vacuum_scale_factor = 0.05);
create unique index version_latest on version (ehr_id, vo_id) include (ver) where is_latest;
create unique index version_effective on version (ehr_id, vo_id) include (ver, tmpl, sens) where is_effective;
create index version_start on version (kind, start_key desc) include (ehr_id, vo_id, ver, tmpl, sens) where is_effective;
create index version_template on version (template) where kind = 1;
create index version_contribution on version (ehr_id, contribution_id);
create index version_feed on version (xact, position);

-- One row per archetype-rooted node of latest and effective versions. [num,
-- num_cap] is the pre-order interval in the document's tree, parent the number of
-- the node that holds it. data is the subtree without nested archetype roots,
-- for queries only; it can be rebuilt from the documents at any time.
-- draft marks rows of a latest version that is not effective.
create table node (
    ehr_id  uuid not null,
    vo_id   uuid not null,
    ver     int not null,
    num     int not null,
    num_cap int not null,
    parent  int not null,
    kind    smallint not null,
    class   smallint not null,
    arch    int not null,
    shape   int not null,
    tmpl    int not null,
    sens    bigint not null,
    draft   boolean not null,
    data    jsonb not null,
    primary key (ehr_id, vo_id, ver, num)
) with (toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.02);
create index node_arch on node (arch, ehr_id, vo_id, ver, num, num_cap, parent, shape) include (tmpl, sens) where not draft;

-- Typed values of promoted paths. n, s, k: magnitude, text, "terminology::code".
create table leaf (
    ehr_id uuid not null,
    vo_id  uuid not null,
    ver    int not null,
    path   int not null,
    ord    int not null,
    num    int not null,
    ev     int not null,
    tmpl   int not null,
    sens   bigint not null,
    n      numeric,
    s      text,
    k      text,
    primary key (ehr_id, vo_id, ver, path, ord)
) with (autovacuum_vacuum_insert_scale_factor = 0.02);
create index leaf_n on leaf (path, n) include (ehr_id, vo_id, ver, num, ev, tmpl, sens) where n is not null;
create index leaf_s on leaf (path, left(s, 64)) include (ehr_id, vo_id, ver, num, ev, tmpl, sens) where s is not null;
create index leaf_k on leaf (path, k) include (ehr_id, vo_id, ver, num, ev, tmpl, sens) where k is not null;

-- What a FOLDER holds, for FOLDER CONTAINS COMPOSITION.
create table folder_item (
    ehr_id    uuid not null,
    folder_id uuid not null,
    num       int not null,
    item_num  int not null,
    num_cap   int not null,
    item_vo   uuid not null,
    primary key (ehr_id, folder_id, num, item_num)
);
create index folder_item_vo on folder_item (ehr_id, item_vo);

create table item_tag (
    ehr_id      uuid not null,
    target_vo   uuid not null,
    target_ver  int not null default 0,
    key         text not null,
    target_path text not null default '',
    value       text,
    primary key (ehr_id, target_vo, target_ver, key, target_path)
);

create table stored_query (
    name    text not null,
    version text not null,
    aql     text not null,
    saved   timestamptz not null default now(),
    primary key (name, version)
);

-- What must leave the house after a commit, in per-EHR order.
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

-- Answers already given, so that a repeated POST gives the same one.
create table idempotency (
    ehr_id      uuid not null,
    key         text not null,
    principal   text not null,
    request     bytea not null,
    version_uid text not null,
    created     timestamptz not null default now(),
    primary key (ehr_id, principal, key)
);

-- +goose Down
drop table idempotency, outbox, stored_query, item_tag, folder_item, leaf, node, version, contribution, object_home;
