// Package populate fills forms from what a record holds already, as pure
// functions: which entries may be reused (policy.go), which of them fill which
// group (choose.go), how they become answers with their source beside them
// (graft.go, fill.go), and what a submit makes of answers that came back
// unchanged (settle.go). Authored Questionnaires are filled from their own
// expressions and observation links (authored.go) and put together from parts
// (assemble.go).
//
// An entry is copied whole or not at all, never mixed with another; it keeps the
// time at which it was true and a link to where it stands (DESIGN 5a rule 6). What
// cannot be filled is said, with the reason: an empty answer must not read as
// "none recorded" (rule 7).
package populate
