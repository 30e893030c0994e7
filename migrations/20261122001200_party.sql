-- +goose Up
-- Parties may be of a template too: one that is in use is not replaced.
create index version_party_template on version (template) where kind = 4;

-- +goose Down
drop index version_party_template;
