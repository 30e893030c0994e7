package postgres

import (
	"slices"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/fault"
)

// onDocuments says whether a query is evaluated on documents: those of all
// versions, which have no rows, and those that could show a caller with limits
// what a FOLDER refers to. Rows hold all its references, and the caller may see
// only some (DESIGN 5a rule 7): documents are narrowed when they are read.
func onDocuments(q *aql.Query, unlimited bool) bool {
	return asksHistory(q) || !unlimited && showsReferences(q)
}

// notInSQL says that a query is AQL and rows cannot answer it: whole VERSIONs,
// whole objects that are grouped or counted as distinct, data values in FROM. The
// evaluator may.
func notInSQL(err error) bool { return err != nil && fault.Of(err).Code == "aql-unsupported" }

// showsReferences says whether a query can show or compare the items of a FOLDER.
// In doubt it can.
func showsReferences(q *aql.Query) bool {
	shows := slices.ContainsFunc(q.Classes(), func(c *aql.Class) bool {
		return c.Predicate != nil && !harmless(c, relativePaths(c.Predicate))
	})
	aql.Inspect(q, func(n aql.Node) bool {
		if p, ok := n.(*aql.PathExpr); ok && !shows {
			inner := relativePaths(p.Predicate)
			for _, s := range p.Path.Segments {
				inner = append(inner, relativePaths(s.Predicate)...)
			}
			c := q.Class(p.Variable)
			shows = c != nil && (!harmless(c, []aql.Path{p.Path}) || len(inner) > 0 && mayHold(c) && !harmlessBelow(inner))
		}
		return !shows
	})
	return shows
}

// relativePaths are the paths within a predicate.
func relativePaths(e aql.Expr) []aql.Path {
	var all []aql.Path
	if e == nil {
		return nil
	}
	aql.Inspect(e, func(n aql.Node) bool {
		if p, ok := n.(*aql.RelativePath); ok {
			all = append(all, p.Path)
		}
		return true
	})
	return all
}

// mayHold says whether an operand may be, or lead to, a FOLDER. What else can be
// named in FROM is searched for in compositions and statuses.
func mayHold(c *aql.Class) bool {
	switch {
	case c.IsVersion():
		return c.Contains == nil || holdsFolder(c.Contains)
	case c.RMType() == "EHR", c.RMType() == "FOLDER":
		return true
	}
	return false
}

func holdsFolder(c aql.Containment) bool {
	found := false
	aql.Inspect(c, func(n aql.Node) bool {
		class, ok := n.(*aql.Class)
		found = found || ok && class.RMType() == "FOLDER"
		return !found
	})
	return found
}

// harmless says whether paths from an operand show nothing of what FOLDERs refer to.
func harmless(c *aql.Class, paths []aql.Path) bool {
	if !mayHold(c) {
		return true
	}
	for _, p := range paths {
		s := p.Segments
		switch {
		case len(s) == 0:
			return false
		case c.RMType() == "EHR":
			// Compositions and status of an EHR are documents of their own.
			if s[0].Name == "directory" || s[0].Name == "folders" {
				return false
			}
		case c.IsVersion():
			if s[0].Name == "data" {
				return false
			}
		case !harmlessBelow([]aql.Path{p}):
			return false
		}
	}
	return true
}

// plainOfFolder are attributes below a FOLDER that are not of its references.
var plainOfFolder = []string{
	"name", "value", "archetype_node_id", "uid", "defining_code", "code_string", "terminology_id",
	"archetype_details", "archetype_id", "template_id", "rm_version",
}

// harmlessBelow says the same of paths that begin at a FOLDER.
func harmlessBelow(paths []aql.Path) bool {
	for _, p := range paths {
		for i, s := range p.Segments {
			if s.Name == "folders" && i < len(p.Segments)-1 {
				continue
			}
			if !slices.Contains(plainOfFolder, s.Name) {
				return false
			}
		}
	}
	return true
}

// onlyDirectories says whether a query needs no compositions.
func onlyDirectories(q *aql.Query) bool {
	return !slices.ContainsFunc(q.Classes(), func(c *aql.Class) bool {
		switch c.RMType() {
		case "EHR", "FOLDER", "EHR_STATUS":
			return false
		case "VERSION":
			return c.Contains == nil
		}
		return true
	})
}
