-- +goose Up
-- The item of an IMPORTED_VERSION without its data, as canonical JSON; null for a
-- version that was made here.
alter table version add column imported text;
-- The versions a contribution attested and did not make.
alter table contribution add column attested uuid[], add column attested_ver int[];

-- +goose Down
alter table contribution drop column attested_ver, drop column attested;
alter table version drop column imported;
