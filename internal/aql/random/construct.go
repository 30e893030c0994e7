package random

import (
	"fmt"
	"strings"
)

// Constructs are all parts of the language the maker uses, in the order of
// AQL 1.1.0: a coverage table has a line for each.
var Constructs = []string{
	"SELECT path", "SELECT whole object", "SELECT EHR attribute", "SELECT VERSION attribute", "SELECT literal", "SELECT parameter",
	"SELECT function", "SELECT arithmetic", "SELECT alias", "SELECT feeder_audit, links, uid", "SELECT missing attribute", "SELECT context",
	"SELECT multi-valued path", "DISTINCT", "TOP", "TOP BACKWARD", "comment", "lower-case keywords",
	"COUNT(*)", "COUNT(path)", "COUNT(DISTINCT path)", "MIN", "MAX", "SUM", "AVG", "aggregate beside plain columns", "expression over an aggregate",
	"FROM class", "FROM abstract class", "FROM EHR", "FROM EHR_STATUS", "FROM FOLDER", "FROM FOLDER CONTAINS", "FROM VERSION", "LATEST_VERSION", "ALL_VERSIONS",
	"VERSION standard predicate", "EHR predicate", "EHR/ehr_status", "EHR/directory", "FROM data value",
	"CONTAINS", "CONTAINS AND", "CONTAINS OR", "CONTAINS nested AND and OR", "NOT CONTAINS", "FROM without variable",
	"[archetype id]", "[specialised archetype]", "[at-code]", "[specialised at-code]", "[id, 'name']", "[id, $name]", "[id, at-code]", "[id, term code]", "[$parameter]",
	"[archetype_node_id = id]", "[standard predicate]", "[AND]", "[OR]", "[parentheses]", "[regular expression]", "[path = $parameter]", "root predicate on a variable",
	"WHERE = literal", "WHERE != literal", "WHERE ordered literal", "WHERE = $parameter", "WHERE = NULL", "WHERE != NULL", "WHERE null parameter",
	"WHERE path to path", "WHERE function", "WHERE arithmetic", "WHERE object", "WHERE units", "WHERE partial date", "WHERE time zone", "WHERE boolean", "WHERE version uid",
	"EXISTS", "NOT EXISTS", "NOT", "AND", "OR", "nested AND and OR",
	"LIKE", "LIKE with escapes", "LIKE $parameter", "NOT LIKE",
	"MATCHES values", "MATCHES $array", "MATCHES TERMINOLOGY", "MATCHES URI", "MATCHES TERMINOLOGY in a list",
	"LENGTH", "CONTAINS()", "POSITION", "SUBSTRING", "CONCAT", "CONCAT_WS", "ABS", "MOD", "CEIL", "FLOOR", "ROUND", "nested functions",
	"CURRENT_DATE", "CURRENT_TIME", "CURRENT_DATE_TIME", "NOW", "CURRENT_TIMEZONE",
	"ORDER BY selected path", "ORDER BY alias", "ORDER BY unselected path", "ORDER BY function", "ORDER BY several keys", "ORDER BY DESC", "NULLS FIRST", "NULLS LAST",
	"LIMIT", "OFFSET",
}

// Coverage counts per construct the queries that use it and those of them that
// gave at least one row.
type Coverage struct {
	made, found map[string]int
}

// Add counts one query.
func (c *Coverage) Add(q *Query, rows int) {
	if c.made == nil {
		c.made, c.found = map[string]int{}, map[string]int{}
	}
	for _, name := range q.Constructs {
		c.made[name]++
		if rows > 0 {
			c.found[name]++
		}
	}
}

// Missing lists the constructs of which no query, or none with rows, was made.
func (c *Coverage) Missing() []string {
	var names []string
	for _, name := range Constructs {
		if c.found[name] == 0 {
			names = append(names, name)
		}
	}
	return names
}

// String writes the table.
func (c *Coverage) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-36s %8s %10s\n", "construct", "queries", "with rows")
	for _, name := range Constructs {
		fmt.Fprintf(&b, "%-36s %8d %10d\n", name, c.made[name], c.found[name])
	}
	return b.String()
}
