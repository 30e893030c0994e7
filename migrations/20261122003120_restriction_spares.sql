-- +goose Up
-- Whom a restriction spares: of a person everybody knows, all but one team.
alter table ehr_restriction add column spares text[] not null default '{}';

-- What a grant on one record is for: staff beyond what organisations give, the
-- person and those who act for or look after them, a link for a home or hospice.
alter table ehr_grant add column kind text not null default 'staff' check (kind in ('staff', 'self', 'proxy', 'carer', 'link'));

-- +goose Down
alter table ehr_grant drop column kind;
alter table ehr_restriction drop column spares;
