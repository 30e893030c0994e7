-- +goose Up
-- Whatever changes rights raises the epoch in its own transaction and tells who
-- listens: a new template family or another label, a key changed or withdrawn.
-- A trigger, so that a change made by hand is felt too. Changes in Keto raise it
-- through raise_access_epoch().
-- +goose StatementBegin
create function raise_access_epoch() returns bigint language sql as $$
    update access_epoch set epoch = epoch + 1;
    select pg_notify('quire_access', '');
    select epoch from access_epoch;
$$;
-- +goose StatementEnd
-- +goose StatementBegin
create function access_changed() returns trigger language plpgsql as $$
begin
    perform raise_access_epoch();
    return null;
end $$;
-- +goose StatementEnd

create trigger template_family_access after insert or delete or update of label on template_family
    for each row execute function access_changed();
create trigger sensitivity_label_access after insert or update or delete on sensitivity_label
    for each statement execute function access_changed();
create trigger api_key_access after delete or update of hash, subject, roles, org, service, cidrs, expires_at, revoked_at on api_key
    for each row execute function access_changed();

-- From a shown EHR to the opening of the query that showed it.
create index audit_event_opening on audit_event (id) where action = 'E' and opening is null;

-- The months that existed when rights were granted are tables like any other:
-- without this the application could rewrite its audit by naming a partition.
-- Those made later are granted to nobody.
-- +goose StatementBegin
do $$
declare part regclass;
begin
    for part in select inhrelid::regclass from pg_inherits where inhparent = 'audit_event'::regclass loop
        execute format('revoke all on %s from quire_app', part);
    end loop;
end $$;
-- +goose StatementEnd

-- +goose Down
drop index audit_event_opening;
drop trigger api_key_access on api_key;
drop trigger sensitivity_label_access on sensitivity_label;
drop trigger template_family_access on template_family;
drop function access_changed();
drop function raise_access_epoch();
