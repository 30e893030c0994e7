-- +goose Up
-- Versions of one template: the one in use is not retired, older ones stay as
-- long as something was committed by them.
alter table template add column version text not null default '';
create unique index template_in_use on template (family) where retired is null;

-- +goose Down
drop index template_in_use;
alter table template drop column version;
