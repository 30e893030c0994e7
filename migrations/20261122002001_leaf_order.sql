-- +goose Up
-- f is the double nearest to n. Under row-level security an index is asked only by
-- operators that are leakproof, since others could show in an error what a row
-- holds: those of numeric are not, and a condition on n read a path from its end.
-- Doubles have a range; numbers outside it are the last in their order. What is
-- equal as doubles is ordered by n.
drop index leaf_n;
alter table leaf add column f double precision generated always as (
    case when n >= 1e300 then 'Infinity' when n <= -1e300 then '-Infinity'
    when abs(n) < 1e-300 then 0 else n::double precision end) stored;
create index leaf_n on leaf (path, f, n) include (ehr_id, vo_id, ver, num, ord, tmpl, sens, class, u) where n is not null;

-- +goose Down
drop index leaf_n;
alter table leaf drop column f;
create index leaf_n on leaf (path, n) include (ehr_id, vo_id, ver, num, ord, tmpl, sens, class, u) where n is not null;
