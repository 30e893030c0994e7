-- +goose Up
-- Who may do what, as it was decided: the truth of which Keto holds a copy. A row
-- is one tuple of the access model. Keto can be written to by whoever reaches its
-- port and keeps no history; what stands here was authorized and audited.
create table policy_tuple (
    namespace text collate "C" not null,
    object    text collate "C" not null,
    relation  text collate "C" not null,
    subject   text collate "C" not null,
    set_by    text not null,
    reason    text not null,
    set_at    timestamptz not null default clock_timestamp(),
    primary key (namespace, object, relation, subject)
);
create index policy_tuple_subject on policy_tuple (subject);

-- Changes that Keto has not been told yet. They are written with the tuple, in
-- one transaction, and go once Keto has them: a process that dies between the
-- two leaves a row that another one picks up.
create table policy_pending (
    namespace text collate "C" not null,
    object    text collate "C" not null,
    relation  text collate "C" not null,
    subject   text collate "C" not null,
    wanted    boolean not null,
    since     timestamptz not null default clock_timestamp(),
    primary key (namespace, object, relation, subject)
);

-- Codes whose presence seals a composition: a laboratory report with a result of
-- sexual health is one of sexual health, whatever its template.
create table label_rule (
    label       text not null references sensitivity_label,
    terminology text collate "C" not null,
    code        text collate "C" not null,
    primary key (label, terminology, code)
);

grant select, insert, update, delete on policy_tuple, policy_pending, label_rule to quire_app;

-- +goose Down
drop table label_rule, policy_pending, policy_tuple;
