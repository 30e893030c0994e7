-- +goose Up
-- What happens after glass was broken: the privacy officer is alerted once, and
-- somebody else reviews it. role is the one that was selected.
alter table break_glass
    add column role       text not null default '',
    add column ended_by   text,
    add column alerted_at timestamptz,
    add column alert_next timestamptz not null default clock_timestamp(),
    add column alert_tries int not null default 0;
create index break_glass_open on break_glass (org, granted_at) where reviewed_at is null;
create index break_glass_alert on break_glass (alert_next) where alerted_at is null;

-- +goose Down
alter table break_glass drop column role, drop column ended_by, drop column alerted_at, drop column alert_next, drop column alert_tries;
