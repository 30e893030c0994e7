package aql

// Inspect calls visit for the node and, where visit says true, for every node
// below it, in the order of the text.
func Inspect(n Node, visit func(Node) bool) {
	if !visit(n) {
		return
	}
	each := func(es ...Expr) {
		for _, e := range es {
			if e != nil {
				Inspect(e, visit)
			}
		}
	}
	segments := func(p Path) {
		for _, s := range p.Segments {
			each(s.Predicate)
		}
	}
	switch n := n.(type) {
	case *Query:
		for _, c := range n.Select {
			Inspect(c, visit)
		}
		if n.From != nil {
			Inspect(n.From, visit)
		}
		each(n.Where)
		for _, k := range n.OrderBy {
			Inspect(k, visit)
		}
	case *Column:
		each(n.Expr)
	case *OrderKey:
		each(n.Expr)
	case *Class:
		each(n.Predicate)
		if n.Contains != nil {
			Inspect(n.Contains, visit)
		}
	case *ContainmentSet:
		for _, c := range n.Operands {
			Inspect(c, visit)
		}
	case *PathExpr:
		each(n.Predicate)
		segments(n.Path)
	case *RelativePath:
		segments(n.Path)
	case *Call:
		each(n.Args...)
	case *Comparison:
		each(n.Left, n.Right)
	case *Like:
		each(n.Left, n.Pattern)
	case *Matches:
		each(n.Left)
		each(n.Items...)
		if n.Terminology != nil {
			Inspect(n.Terminology, visit)
		}
	case *Exists:
		Inspect(n.Path, visit)
	case *Not:
		each(n.Operand)
	case *Logical:
		each(n.Operands...)
	case *Arithmetic:
		each(n.Left, n.Right)
	case *NodeID:
		each(n.Name)
	case *Regex:
		Inspect(n.Path, visit)
	}
}

// Params gives the names of the parameters, each once, in the order they first
// stand in the text.
func (q *Query) Params() []string {
	var names []string
	seen := map[string]bool{}
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	Inspect(q, func(n Node) bool {
		switch n := n.(type) {
		case *Param:
			add(n.Name)
		case *NodeID:
			if n.Kind == NodeParam {
				add(n.ID)
			}
		}
		return true
	})
	return names
}

// Classes gives every class operand of FROM in the order of the text.
func (q *Query) Classes() []*Class {
	var all []*Class
	if q.From == nil {
		return nil
	}
	Inspect(q.From, func(n Node) bool {
		if c, ok := n.(*Class); ok {
			all = append(all, c)
		}
		return true
	})
	return all
}

// Class finds the operand a variable names: the one spelled the same, else the
// only one equal without case (AQL 1.1.0 says variables are case-insensitive;
// queries in the field use c and C for two things). nil when there is none.
func (q *Query) Class(variable string) *Class { return named(q.Classes(), variable) }

func named(classes []*Class, variable string) *Class {
	var found *Class
	for _, c := range classes {
		switch {
		case c.Variable == "":
		case c.Variable == variable:
			return c
		case found == nil && variableEqual(c.Variable, variable):
			found = c
		}
	}
	return found
}

// AliasOf gives the column an ORDER BY key names by its alias, or nil.
func (q *Query) AliasOf(e Expr) *Column {
	p, ok := e.(*PathExpr)
	if !ok || p.Predicate != nil || len(p.Path.Segments) > 0 {
		return nil
	}
	for _, c := range q.Select {
		if c.Alias != "" && variableEqual(c.Alias, p.Variable) {
			return c
		}
	}
	return nil
}
