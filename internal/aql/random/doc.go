// Package random makes queries and documents at random, so that two engines can
// be asked the same and must answer alike (make oracle). Queries are drawn from
// documents: their operands, paths, names and values stand somewhere in the
// data, so that most of them find something. What a query uses of the language
// it says itself, by the names of the table Constructs.
package random
