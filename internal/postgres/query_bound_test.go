package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/fault"
)

// bindLiterals puts a parameter in the place of each constant of a query where
// the grammar allows one: operands, predicates, lists, patterns and names.
func bindLiterals(q *aql.Query, params map[string]any) int {
	bound := 0
	parameter := func(v any) string {
		bound++
		name := "bound" + strconv.Itoa(bound)
		params[name] = v
		return name
	}
	bind := func(e aql.Expr) aql.Expr {
		l, ok := e.(*aql.Literal)
		if !ok {
			return e
		}
		switch l.Kind {
		case aql.String:
			return &aql.Param{Pos: l.Pos, Name: parameter(l.Text)}
		case aql.Integer, aql.Real:
			return &aql.Param{Pos: l.Pos, Name: parameter(json.Number(l.Text))}
		case aql.Boolean:
			return &aql.Param{Pos: l.Pos, Name: parameter(l.Text == "true")}
		}
		return e
	}
	aql.Inspect(q, func(n aql.Node) bool {
		switch n := n.(type) {
		case *aql.Comparison:
			n.Right = bind(n.Right)
		case *aql.Like:
			n.Pattern = bind(n.Pattern)
		case *aql.Matches:
			if len(n.Items) > 1 && !slices.ContainsFunc(n.Items, func(e aql.Expr) bool { l, ok := e.(*aql.Literal); return !ok || l.Kind != aql.String }) {
				// A list of texts is one parameter.
				var all []any
				for _, item := range n.Items {
					all = append(all, item.(*aql.Literal).Text)
				}
				n.Items = []aql.Expr{&aql.Param{Pos: n.Pos, Name: parameter(all)}}
				break
			}
			for i := range n.Items {
				n.Items[i] = bind(n.Items[i])
			}
		case *aql.NodeID:
			switch {
			case n.Name != nil:
				n.Name = bind(n.Name)
			case n.Kind != aql.NodeParam:
				n.Kind, n.ID = aql.NodeParam, parameter(n.ID)
			}
		}
		return true
	})
	return bound
}

// bound asks a query with its constants as parameters, and says how the answer
// differs from that of the query as it stands.
func (r *replay) bound(c queryCase) (differs string, asked bool) {
	text, ctx := r.fill(c.AQL), context.Background()
	q, err := aql.Parse(text)
	if err != nil {
		return "", false
	}
	params := map[string]any{}
	for name, v := range c.Parameters {
		params[name] = v
	}
	if bindLiterals(q, params) == 0 {
		return "", false
	}
	_, want, wantErr := r.engine.Query(ctx, text, c.Parameters)
	for name, ask := range map[string]func() ([][]any, error){
		"database": func() ([][]any, error) { _, rows, err := r.engine.Query(ctx, q.String(), params); return rows, err },
		"evaluator": func() ([][]any, error) {
			_, rows, err := r.engine.memory.Query(ctx, q.String(), params)
			return rows, err
		},
	} {
		got, err := ask()
		if (err != nil) != (wantErr != nil) || err != nil && fault.Of(err).Code != fault.Of(wantErr).Code {
			return fmt.Sprintf("%s\n%s with parameters: %v\nwith literals: %v", q, name, err, wantErr), true
		}
		g, w := lines(got), lines(want)
		sort.Strings(g)
		sort.Strings(w)
		free := strings.Contains(strings.ToUpper(text), "LIMIT") && !strings.Contains(strings.ToUpper(text), "ORDER BY")
		if len(g) != len(w) || !free && !slices.Equal(g, w) {
			return fmt.Sprintf("%s\n%s with parameters\n  %s\nwith literals\n  %s", q, name, strings.Join(g, "\n  "), strings.Join(w, "\n  ")), true
		}
	}
	return "", true
}
