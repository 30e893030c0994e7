// Package aqltest reads .test files, a small language that says what AQL means,
// and runs them on any engine: the evaluator, the database, a server.
//
// A file is a list of commands; `#` begins a comment line, blank lines end a
// block:
//
//	load <ehr> <file>      loads a JSON document that stands beside the .test file
//	load <ehr>             loads the JSON on the next lines, up to a line `end`
//	clear                  begins with a new engine
//	params <json object>   parameters of the next eval
//	eval <query>           runs a query, which may go on over the next lines
//	columns <name> ...     the names of its columns (optional)
//	rows [ordered]         then one JSON array a line: the rows it must give
//	error <code>           instead of rows: the code of the fault it must give
//
// {{name}} in a query or a row stands for the id of the EHR of that name. Rows
// are compared as multisets unless ordered; numbers by value and by whether
// they are written with a decimal point; objects without regard to member order.
// A document whose uid has the object id of one loaded before is its next version.
package aqltest
