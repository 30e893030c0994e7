-- +goose Up
-- Ends a commit in the middle of its pipeline: all statements of a commit travel
-- in one round trip, so a condition that fails must abort what was sent behind
-- it. The reason is a word of ours and never data.
-- +goose StatementBegin
create function refuse(reason text) returns boolean language plpgsql volatile as $$
begin
    raise exception using errcode = 'QU001', message = reason;
end $$;
-- +goose StatementEnd

-- +goose Down
drop function refuse(text);
