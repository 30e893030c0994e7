package validate

import (
	"context"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
)

// Question asks whether a code belongs to a value set that is kept outside the
// template (AOM 1.4, C_CODE_REFERENCE and CONSTRAINT_REF).
type Question struct {
	// ValueSet is the reference as the template writes it.
	ValueSet string
	// Terminology and Code are those of the document's CODE_PHRASE.
	Terminology, Code string
}

// Verdict is what a terminology service says to a Question.
type Verdict uint8

// The verdicts. Unanswered is the zero value on purpose: what nobody said must
// never read as yes or no.
const (
	// Unanswered: the service is down, slow, or said something unintelligible.
	Unanswered Verdict = iota
	// Member and NotMember are the answers proper.
	Member
	NotMember
	// Unresolved: the reference leads to no value set the service knows.
	Unresolved
)

// Terminology answers questions about value sets. It gives one verdict for each
// question, in their order, and never fails: what it cannot find out is
// Unanswered. Implementations are safe for concurrent use.
type Terminology interface {
	Judge(ctx context.Context, questions []Question) []Verdict
}

// RuleUnanswered is the rule of issues about codes that nobody could judge.
const RuleUnanswered = "terminology-unanswered"

// CheckExternal is Check, with the codes of external value sets judged by a
// service: all distinct ones of the document in one batch. A code nobody could
// judge is refused with the rule RuleUnanswered, or is a warning where
// opts.PassUnanswered says so. service may be nil.
func CheckExternal(ctx context.Context, tree *rm.Tree, t *template.Compiled, opts Options, service Terminology) []fault.Issue {
	c := &checker{tree: tree, tpl: t, opts: opts}
	c.referenceModel()
	if t == nil {
		return c.issues()
	}
	if service == nil {
		c.root()
		return c.issues()
	}
	model := len(c.out)
	c.questions = map[Question]Verdict{}
	c.root()
	if len(c.questions) > 0 {
		c.judge(ctx, service)
		c.forget(model)
		c.root()
	}
	return c.issues()
}

// judge asks the service all that the first walk collected.
func (c *checker) judge(ctx context.Context, service Terminology) {
	list := make([]Question, 0, len(c.questions))
	for q := range c.questions {
		list = append(list, q)
	}
	for i, v := range service.Judge(ctx, list) {
		c.questions[list[i]] = v
	}
	c.judged = true
}

// collecting says that the walk gathers questions: every alternative is tried.
func (c *checker) collecting() bool { return c.questions != nil && !c.judged }

// reference checks a code against a value set kept elsewhere. The first walk
// only notes the question.
func (c *checker) reference(id rm.ID, n template.NodeID, valueSet string) {
	if c.questions == nil || valueSet == "" {
		return
	}
	q := Question{
		ValueSet:    valueSet,
		Terminology: c.tree.TextAt(id, rminfo.A_terminology_id, rminfo.A_value),
		Code:        c.tree.TextAt(id, rminfo.A_code_string),
	}
	if q.Code == "" || q.Terminology == "" {
		return // absent parts are faults of the reference model
	}
	if !c.judged {
		c.questions[q] = Unanswered
		return
	}
	found := q.Terminology + "::" + q.Code
	switch c.questions[q] {
	case Member:
	case NotMember:
		c.refuse(id, n, "external-code", "a code of the value set "+valueSet, found, "The code %s is not in the value set %s", found, valueSet)
	case Unresolved:
		c.add(finding{
			at: id, node: n, rule: "terminology-unresolved", expected: valueSet, found: found, warning: true,
			message: "The terminology service does not know the value set " + valueSet + " of the template; the code is not checked",
		})
	default:
		c.add(finding{
			at: id, node: n, rule: RuleUnanswered, expected: valueSet, found: found, warning: c.opts.PassUnanswered,
			message: "The terminology service did not answer whether the code is in the value set " + valueSet,
		})
	}
}

// constraintReference finds the value set an ac-code is bound to: that of the
// code's own terminology, else the first.
func (c *checker) constraintReference(id rm.ID, n template.NodeID, k *aom.ConstraintRef) {
	if c.questions == nil {
		return
	}
	source, uri := c.tree.TextAt(id, rminfo.A_terminology_id, rminfo.A_value), ""
	for _, set := range c.tpl.ConstraintBindings(n) {
		for _, item := range set.Items {
			if item.Key != k.Reference {
				continue
			}
			if sameTerminology(set.Terminology, source) {
				c.reference(id, n, item.Value)
				return
			}
			if uri == "" {
				uri = item.Value
			}
		}
	}
	c.reference(id, n, uri)
}
