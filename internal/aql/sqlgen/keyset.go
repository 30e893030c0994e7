package sqlgen

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/fault"
)

// Generate writes the statement of a whole query.
func Generate(p *plan.Plan, profile *access.Profile) (*Statement, error) {
	return GeneratePage(p, profile, nil)
}

// pageKey is one key of the total order of pages.
type pageKey struct {
	// sql is written in the query itself, or over its columns as q.
	sql               string
	descending, first bool // first: null comes first
	// never says that it is never null.
	never bool
}

// pageKeys is the total order of a page's rows: the keys of ORDER BY, then the
// nodes the row was made of, then a hash of all it shows. Rows that are still
// equal show the same, and which of them comes first cannot be seen.
type pageKeys struct {
	g    *generator
	keys []pageKey
	// hash is the last key, "" where the nodes are enough.
	hash string
}

// pageKeys gives the order of a page, nil where none is asked for.
func (g *generator) pageKeys(s *Statement, order []string) *pageKeys {
	if g.page == nil {
		return nil
	}
	if s.Distinct {
		refuse(g.plan.Columns[0].Pos, "a page by cursor of DISTINCT whole objects")
	}
	k := &pageKeys{g: g}
	s.Keyed = true
	for _, text := range order {
		key := pageKey{}
		text, key.first = cutWord(text, " nulls first")
		text, _ = cutWord(text, " nulls last")
		key.sql, key.descending = cutWord(text, " desc")
		k.keys = append(k.keys, key)
	}
	var shown []string
	for i, c := range g.plan.Columns {
		// What an aggregate gives may change while its group is the same.
		if !g.plan.Group || c.Plain {
			shown = append(shown, fmt.Sprintf("q.c%d", i))
		}
	}
	if g.outside() {
		k.hash = hashOf(shown)
		return k
	}
	k.keys = append(k.keys, pageKey{sql: g.anyEHR(), never: true})
	for _, src := range g.plan.Sources {
		if g.negated(g.plan.From, src, false) {
			continue
		}
		parts := map[plan.SourceKind][]string{plan.Version: {"vo_id", "ver"}, plan.Node: {"vo_id", "ver", "num"}}[src.Kind]
		for _, part := range parts {
			k.keys = append(k.keys, pageKey{sql: alias(src) + "." + part})
		}
	}
	if len(g.items) > 0 {
		for i := range k.keys {
			shown = append(shown, fmt.Sprintf("q.pk%d", i))
		}
		k.hash = hashOf(shown)
	}
	return k
}

func hashOf(columns []string) string { return "md5(row(" + strings.Join(columns, ", ") + ")::text)" }

func cutWord(text, word string) (string, bool) { return strings.CutSuffix(text, word) }

// columns are the keys as columns of the query itself.
func (k *pageKeys) columns() []string {
	if k == nil {
		return nil
	}
	out := make([]string, len(k.keys))
	for i, key := range k.keys {
		out[i] = fmt.Sprintf("%s as pk%d", key.sql, i)
	}
	return out
}

func (k *pageKeys) skip() int64 {
	if k == nil {
		return 0
	}
	return k.g.page.Skip
}

// statement is the page of a query whose rows have the keys: those from the row
// on that the page before ended with.
func (k *pageKeys) statement(inner string) string {
	var columns []string
	if k.g.outside() {
		columns = k.columns()
	}
	all := slices.Clone(k.keys)
	if k.hash != "" {
		columns = append(columns, fmt.Sprintf("%s as pk%d", k.hash, len(all)))
		all = append(all, pageKey{never: true})
	}
	if len(columns) > 0 {
		inner = "select q.*, " + strings.Join(columns, ", ") + " from (" + inner + ") q"
	}
	var told, order []string
	for i, key := range all {
		told = append(told, fmt.Sprintf("jsonb_build_array(q.pk%[1]d::text, pg_typeof(q.pk%[1]d)::text)", i))
		order = append(order, fmt.Sprintf("q.pk%d%s", i, key.order()))
	}
	text := "select q.*, jsonb_build_array(" + strings.Join(told, ", ") + ")::text as page_key\nfrom (" + inner + ") q"
	if k.g.page.After != "" {
		text += "\nwhere " + k.from(all)
	}
	return text + "\norder by " + strings.Join(order, ", ")
}

func (k pageKey) order() string {
	text := ""
	if k.descending {
		text = " desc"
	}
	if k.first {
		return text + " nulls first"
	}
	return text + " nulls last"
}

// keyTypes are those a key may have; the text of a value and its type give the
// value back.
var keyTypes = map[string]bool{"numeric": true, "text": true, "boolean": true, "integer": true, "bigint": true, "smallint": true,
	"uuid": true, "jsonb": true, "double precision": true, "timestamp with time zone": true}

// from is the condition that a row is the last one of the page before, or one
// like it, or comes after.
func (k *pageKeys) from(keys []pageKey) string {
	var after [][2]*string
	if err := json.Unmarshal([]byte(k.g.page.After), &after); err != nil || len(after) != len(keys) {
		panic(unsupported{fault.New(fault.Invalid, "query-cursor", "the cursor does not fit the query any more; begin again")})
	}
	condition := ""
	for i := len(keys) - 1; i >= 0; i-- {
		name, value := fmt.Sprintf("q.pk%d", i), ""
		if text, kind := after[i][0], after[i][1]; text != nil {
			if kind == nil || !keyTypes[*kind] {
				panic(unsupported{fault.New(fault.Internal, "query-key", "a key of a page has a type that is not known")})
			}
			value = k.g.args.Add(*text) + "::text::" + *kind
		}
		beyond, same := keys[i].beyond(name, value)
		switch {
		case condition == "":
			condition = "(" + beyond + " or " + same + ")"
		default:
			condition = "(" + beyond + " or " + same + " and " + condition + ")"
		}
		if i == 0 && keys[0].never && value != "" {
			// The same once more, as an index can take it.
			condition = name + " >= " + value + " and " + condition
		}
	}
	return condition
}

// beyond says that a key comes after a value, and that it is the same; "" is null.
func (k pageKey) beyond(name, value string) (beyond, same string) {
	if value == "" {
		if k.first {
			return name + " is not null", name + " is null"
		}
		return "false", name + " is null"
	}
	op := " > "
	if k.descending {
		op = " < "
	}
	beyond = name + op + value
	if !k.first && !k.never {
		beyond = "(" + beyond + " or " + name + " is null)"
	}
	return beyond, name + " = " + value
}

// Key is the key of a database row.
func (r *Reader) Key(columns [][]byte) []byte {
	if !r.statement.Keyed {
		return nil
	}
	return columns[len(columns)-1]
}
