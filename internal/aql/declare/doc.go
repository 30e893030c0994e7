// Package declare describes the parameters of an AQL query and binds values to
// them. A parameter's type follows from where it stands in the query, or is
// declared by its author in a comment on a line of its own:
//
//	-- @param $name [list of] TYPE [= DEFAULT | optional] [: description]
//
// DEFAULT is a literal of AQL, or {literals} for a list; optional binds NULL.
// The comment is part of the text, so that it travels with it.
package declare
