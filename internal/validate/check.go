package validate

import (
	"context"
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
)

// Options say how to judge.
type Options struct {
	// Incomplete drops all lower bounds of existence, cardinality and
	// occurrences: a draft may lack what a complete document must have. Types,
	// ranges and upper bounds stay.
	Incomplete bool
	// EHRbase takes over the manners of that server: the rules it does not
	// enforce only warn, so that documents it holds can be taken over.
	EHRbase bool
	// PassUnanswered makes codes that no terminology service could judge a
	// warning: accept and flag, where the default is to refuse.
	PassUnanswered bool
}

// tolerated are the rules EHRbase does not enforce, as its suite shows.
var tolerated = map[string]bool{
	"template-value-type":                       true,
	"invariant-HISTORY.Period_consistency":      true,
	"invariant-ENTRY.Subject_validity":          true,
	"value-fields":                              true,
	"value-external-code":                       true,
	"invariant-DV_URI.Value_valid":              true,
	"invariant-LOCATABLE.Archetyped_valid":      true,
	"invariant-DV_PROPORTION.Fraction_validity": true,
}

// MaxIssues is how many issues Check collects; one more than an answer shows,
// so that the caller can tell that there were more.
const MaxIssues = 1001

// Check finds what is wrong with an object, in document order. Without a
// template only the reference model is asked, as for EHR_STATUS, FOLDER and
// parties. Issues marked Warning refuse nothing; see Refused.
func Check(tree *rm.Tree, t *template.Compiled, opts Options) []fault.Issue {
	return CheckExternal(context.Background(), tree, t, opts, nil)
}

// Refused says whether any issue is more than a warning.
func Refused(issues []fault.Issue) bool {
	for i := range issues {
		if !issues[i].Warning {
			return true
		}
	}
	return false
}

// Lexical says whether any issue is about a text that is no value of its type,
// such as a month 13. Some servers answer those with another status.
func Lexical(issues []fault.Issue) bool {
	for i := range issues {
		if strings.HasPrefix(issues[i].Rule, "lexical-") {
			return true
		}
	}
	return false
}

// checker walks one tree. It holds no state but what it found.
type checker struct {
	tree *rm.Tree
	tpl  *template.Compiled
	opts Options
	out  []finding
	// warnings counts those in out.
	warnings int
	// questions are the codes of external value sets, nil without a terminology
	// service; judged once their verdicts stand.
	questions map[Question]Verdict
	judged    bool
}

// finding is an issue whose paths are not written yet: alternatives that are
// tried and given up would pay for nothing.
type finding struct {
	at rm.ID
	// below is what is absent under at: an attribute, with a code where known.
	below    string
	node     template.NodeID
	rule     string
	expected string
	found    string
	message  string
	warning  bool
}

// add keeps a finding within bounds. Warnings have a bound of their own: a
// document full of them must not hide the fault that refuses it.
func (c *checker) add(f finding) {
	f.warning = f.warning || c.opts.EHRbase && tolerated[f.rule]
	if f.warning {
		if c.warnings == MaxIssues {
			return
		}
		c.warnings++
	} else if len(c.out)-c.warnings >= 4*MaxIssues {
		return
	}
	c.out = append(c.out, f)
}

// forget drops the findings of a walk that is given up, from the one at base.
func (c *checker) forget(base int) {
	for i := base; i < len(c.out); i++ {
		if c.out[i].warning {
			c.warnings--
		}
	}
	c.out = c.out[:base]
}

// broken reports an invariant of a class in the words of the specification.
func (c *checker) broken(at rm.ID, class, invariant, expected, found string) {
	c.invariant(at, class, invariant, expected, found, false)
}

func (c *checker) invariant(at rm.ID, class, invariant, expected, found string, warning bool) {
	why := "expected " + expected + ", found " + shownValue(found)
	if found == "" {
		why = c.tree.Attr(at).Name() + " is empty, and must be " + expected
	}
	c.add(finding{
		at: at, node: template.NoNode, rule: "invariant-" + class + "." + invariant, warning: warning,
		expected: expected, found: found, message: "Invariant " + invariant + " failed on type " + class + ": " + why,
	})
}

// shownValue is a value as a message says it: whole where it is short.
func shownValue(s string) string {
	if short := []rune(s[:min(len(s), 400)]); len(short) > 80 {
		return string(short[:80]) + "..."
	}
	return s
}

// warn is broken for what the specification states and real documents neglect.
func (c *checker) warn(at rm.ID, class, invariant, expected, found string) {
	c.invariant(at, class, invariant, expected, found, true)
}

func (c *checker) issues() []fault.Issue {
	if len(c.out) == 0 {
		return nil
	}
	list := c.shown()
	slices.SortStableFunc(list, func(a, b finding) int { return int(a.at) - int(b.at) })
	issues := make([]fault.Issue, len(list))
	exact := max(20, pathBudget/c.tree.Len())
	for i := range list {
		f := &list[i]
		path, aql := "", ""
		if i < exact {
			path = c.tree.Path(f.at)
		} else {
			path = c.tree.AQLPath(f.at)
		}
		if f.node != template.NoNode {
			aql = c.tpl.Node(f.node).AQLPath
		} else {
			aql = c.tree.AQLPath(f.at)
		}
		if f.below != "" {
			path, aql = join(path, f.below), join(aql, f.below)
		}
		issues[i] = fault.Issue{
			Path: path, AQLPath: aql, Archetype: c.tree.ArchetypeNodeID(c.tree.ArchetypeRoot(f.at)),
			Rule: f.rule, Expected: f.expected, Found: f.found, Message: f.message, Warning: f.warning,
		}
	}
	return issues
}

// shown picks what the answer has room for: faults before warnings.
func (c *checker) shown() []finding {
	if len(c.out) > MaxIssues {
		slices.SortStableFunc(c.out, func(a, b finding) int {
			switch {
			case a.warning == b.warning:
				return int(a.at) - int(b.at)
			case b.warning:
				return -1
			}
			return 1
		})
	}
	return c.out[:min(len(c.out), MaxIssues)]
}

// pathBudget bounds the siblings counted for occurrences in paths, so that a
// thousand faults in a list of a million cost no time.
const pathBudget = 20_000_000

func join(path, below string) string {
	if path == "/" {
		return path + below
	}
	return path + "/" + below
}

// referenceModel asks every object for its mandatory attributes, the invariants
// of its class and the terminology its attributes are bound to.
func (c *checker) referenceModel() {
	for id := rm.ID(0); int(id) < c.tree.Len(); id++ {
		if c.tree.Kind(id) != rm.Object {
			continue
		}
		class := c.tree.Class(id)
		c.mandatory(id, class)
		for _, rule := range rulesOf[class] {
			rule(c, id)
		}
		for i := range bindingsOf[class] {
			c.bound(id, &bindingsOf[class][i])
		}
	}
}

// rulesOf and bindingsOf are the tables of the rule files spread over the
// classes that inherit them.
var (
	rulesOf    = spread(invariants)
	bindingsOf = spread(bindings)
)

func spread[T any](table map[rminfo.Class][]T) [][]T {
	out := make([][]T, rminfo.Classes())
	for c := range out {
		class := rminfo.Class(c)
		for ; class != 0; class = class.Parent() {
			out[c] = append(out[c], table[class]...)
		}
	}
	return out
}
