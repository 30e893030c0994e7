package eval

import "github.com/quire-cdr/quire/internal/aql"

// truth is the three-valued answer of a condition.
type truth int8

const (
	unknown truth = iota
	yes
	no
)

func of(b bool) truth {
	if b {
		return yes
	}
	return no
}

func (t truth) not() truth {
	switch t {
	case yes:
		return no
	case no:
		return yes
	}
	return unknown
}

// and and or follow Kleene: a false makes AND false, a true makes OR true,
// whatever is unknown beside it.
func (t truth) and(u truth) truth {
	switch {
	case t == no || u == no:
		return no
	case t == yes && u == yes:
		return yes
	}
	return unknown
}

func (t truth) or(u truth) truth { return t.not().and(u.not()).not() }

// condition answers a condition for the row that is bound.
func (r *run) condition(e aql.Expr) truth {
	switch e := e.(type) {
	case *aql.Logical:
		return r.logical(e, r.condition)
	case *aql.Not:
		return r.condition(e.Operand).not()
	case *aql.Exists:
		return of(r.found(e.Path))
	case *aql.Comparison:
		left, right := r.value(e.Left), r.value(e.Right)
		if t, ok := r.absence(e, left); ok {
			return t
		}
		return r.compare(e.Op, left, right, constant(e.Left), constant(e.Right))
	case *aql.Like:
		return like(r.value(e.Left), r.value(e.Pattern))
	case *aql.Matches:
		return r.matches(r.value(e.Left), e.Items)
	}
	return unknown
}

func (r *run) logical(e *aql.Logical, answer func(aql.Expr) truth) truth {
	all := of(e.Op == aql.And)
	for _, o := range e.Operands {
		if e.Op == aql.And {
			all = all.and(answer(o))
		} else {
			all = all.or(answer(o))
		}
		if all == of(e.Op == aql.Or) {
			return all
		}
	}
	return all
}

// absence answers `= NULL` and `!= NULL`, also by a parameter without value:
// they ask whether there is anything (AQL 1.1.0, 2.4: NULL is missing or unknown).
func (r *run) absence(e *aql.Comparison, left Value) (truth, bool) {
	switch e.Right.(type) {
	case *aql.Literal, *aql.Param:
	default:
		return unknown, false
	}
	if r.consts[e.Right].Kind != Null || e.Op != aql.Eq && e.Op != aql.Ne {
		return unknown, false
	}
	return of((left.Kind == Null) == (e.Op == aql.Eq)), true
}

// constant says whether an operand is written in the query, so that a partial
// date in it stands for all it covers.
func constant(e aql.Expr) bool {
	switch e := e.(type) {
	case *aql.PathExpr, *aql.RelativePath:
		return false
	case *aql.Call:
		f := e.Function()
		return f != nil && f.Kind == aql.TimeFunction
	}
	return true
}

// matches is true when one item equals, an array parameter giving several.
func (r *run) matches(left Value, items []aql.Expr) truth {
	all := no
	for _, item := range items {
		values := []Value{r.consts[item]}
		if p, ok := item.(*aql.Param); ok {
			values = r.lists[p.Name]
		}
		for _, v := range values {
			all = all.or(r.compare(aql.Eq, left, v, false, true))
		}
	}
	return all
}

// like matches the whole text against a pattern: ? is one character, * any
// number, a backslash makes the next character plain (AQL 1.1.0, 3.7.4).
func like(left, pattern Value) truth {
	if left.Kind != String || pattern.Kind != String {
		return unknown
	}
	return of(glob([]rune(left.Str), []rune(pattern.Str)))
}

// glob tries a pattern, going back to the last star when it fails.
func glob(s, p []rune) bool {
	i, j, star, mark := 0, 0, -1, 0
	for i < len(s) {
		if j < len(p) && p[j] == '*' {
			star, mark = j, i
			j++
			continue
		}
		if n, ok := one(s[i], p[j:]); ok {
			i++
			j += n
			continue
		}
		if star < 0 {
			return false
		}
		mark++
		i, j = mark, star+1
	}
	for j < len(p) && p[j] == '*' {
		j++
	}
	return j == len(p)
}

// one matches a character with the head of a pattern and gives its length.
func one(c rune, p []rune) (n int, ok bool) {
	switch {
	case len(p) == 0:
		return 0, false
	case p[0] == '?':
		return 1, true
	case p[0] == '\\' && len(p) > 1:
		return 2, p[1] == c
	}
	return 1, p[0] == c
}
