package sdc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// occurrence is one group, question or compound as it came back.
type occurrence struct {
	item *Item
	// at is the FHIRPath of the response item, for issues.
	at string
	// key is the repeat it was issued from, counted from 1; 0 is a new one.
	key     int
	answers []fhir.Answer
	// places are the FHIRPaths of the answers.
	places   []string
	children map[*Item][]*occurrence
}

// submitted is a response sorted by the items of its form.
type submitted struct {
	root      *occurrence
	residue   string
	deletions map[string]bool
}

// Token finds the server's token in a response, "" where there is none.
func Token(r *fhir.QuestionnaireResponse) string { return carried(r, TokenLinkID) }

// carried is the answer of a carrier, which stands at the root or in its group.
func carried(r *fhir.QuestionnaireResponse, linkID string) string {
	for _, root := range r.Item {
		for _, i := range append([]fhir.ResponseItem{root}, root.Item...) {
			if i.LinkID == linkID && len(i.Answer) == 1 {
				return i.Answer[0].ValueString
			}
		}
	}
	return ""
}

// sort reads a response against the form: every linkId must be the form's, stand
// where the form has it, and be answered as often as the form allows.
func (f *Form) sort(r *fhir.QuestionnaireResponse) (*submitted, []fault.Issue) {
	s := &submitted{deletions: map[string]bool{}}
	var issues []fault.Issue
	for n, top := range r.Item {
		at := fmt.Sprintf("QuestionnaireResponse.item[%d]", n)
		switch top.LinkID {
		case f.Root.LinkID:
			if s.root != nil {
				issues = append(issues, fault.Issue{Path: at, FlatKey: top.LinkID, Rule: "repeats", Expected: "one", Found: "several", Message: "the form has one root"})
				continue
			}
			s.root = &occurrence{item: f.Root, at: at}
			issues = append(issues, f.sortGroup(s, s.root, top.Item)...)
		case TokenLinkID, DeletionsLinkID, ResidueLinkID:
			f.carry(s, top)
		default:
			issues = append(issues, f.unknown(at, top.LinkID, f.Root))
		}
	}
	if s.root == nil {
		s.root = &occurrence{item: f.Root, at: "QuestionnaireResponse"}
		if len(issues) == 0 {
			issues = append(issues, fault.Issue{Path: "QuestionnaireResponse.item", Rule: "root-missing", Expected: f.Root.LinkID, Message: "the response has no answers to this form"})
		}
	}
	return s, issues
}

// carriers are those that stand at the root.
var carriers = []string{TokenLinkID, DeletionsLinkID, ResidueLinkID}

func (f *Form) carry(s *submitted, i fhir.ResponseItem) {
	for _, a := range i.Answer {
		switch i.LinkID {
		case ResidueLinkID:
			s.residue = a.ValueString
		case DeletionsLinkID:
			s.deletions[a.ValueString] = true
		}
	}
}

func (f *Form) sortGroup(s *submitted, group *occurrence, items []fhir.ResponseItem) []fault.Issue {
	var issues []fault.Issue
	group.children = map[*Item][]*occurrence{}
	for n, r := range items {
		at := fmt.Sprintf("%s.item[%d]", group.at, n)
		if group.item == f.Root && slices.Contains(carriers, r.LinkID) {
			f.carry(s, r)
			continue
		}
		if strings.HasSuffix(r.LinkID, helpSuffix) && len(r.Answer) == 0 {
			continue // a text between the questions
		}
		item := f.byLinkID[r.LinkID]
		if item == nil || f.parent[item] != group.item {
			issues = append(issues, f.unknown(at, r.LinkID, group.item))
			continue
		}
		if item.Kind == Carrier {
			if len(r.Answer) == 1 && r.Answer[0].ValueString != "" {
				key, err := strconv.Atoi(r.Answer[0].ValueString)
				if err != nil || key < 1 {
					issues = append(issues, fault.Issue{Path: at, FlatKey: r.LinkID, Rule: "key-unknown", Found: r.Answer[0].ValueString, Message: "the key of the repeat is not one that was issued"})
					continue
				}
				group.key = key
			}
			continue
		}
		o := &occurrence{item: item, at: at}
		for m, a := range r.Answer {
			if kindOf(&a) != "nothing" {
				if item.Type == "open-choice" || item.Class == rminfo.DV_TEXT {
					a = freely(a)
				}
				o.answers, o.places = append(o.answers, a), append(o.places, fmt.Sprintf("%s.answer[%d]", at, m))
			}
			for k, nested := range a.Item {
				if strings.HasSuffix(nested.LinkID, helpSuffix) && len(nested.Answer) == 0 {
					continue
				}
				issues = append(issues, f.unknown(fmt.Sprintf("%s.answer[%d].item[%d]", at, m, k), nested.LinkID, item))
			}
		}
		single := item.Kind == Attribute || item.Kind == Part || item.Kind == Aside || item.Kind == Question && !item.Repeats
		if single && (len(o.answers) > 1 || len(group.children[item]) > 0) || item.Kind != Question && !item.Repeats && len(group.children[item]) > 0 {
			issues = append(issues, fault.Issue{Path: at, FlatKey: r.LinkID, AQLPath: f.Template.Node(item.Node).AQLPath, Rule: "repeats", Expected: "one answer", Found: "several", Message: "the form allows one answer here"})
			continue
		}
		if item.Type == "group" && len(o.answers) > 0 {
			issues = append(issues, fault.Issue{Path: at, FlatKey: r.LinkID, Rule: "group-answered", Expected: "items", Found: "an answer", Message: "a group is answered by its items"})
			continue
		}
		issues = append(issues, f.sortGroup(s, o, r.Item)...)
		if item.Kind == Question && len(group.children[item]) > 0 {
			first := group.children[item][0]
			first.answers, first.places = append(first.answers, o.answers...), append(first.places, o.places...)
			continue
		}
		group.children[item] = append(group.children[item], o)
	}
	group.inward()
	return issues
}

// freely makes text of a coding with words alone: so LHC-Forms gives back what was
// typed into an open choice, and what was issued or offered as text.
func freely(a fhir.Answer) fhir.Answer {
	if c := a.ValueCoding; c != nil && c.Code == "" && c.System == "" && c.Display != "" {
		a.ValueCoding, a.ValueString = nil, c.Display
	}
	return a
}

// inward puts a magnitude status that FHIR has no comparator for back to the
// answer it stood beside.
func (o *occurrence) inward() {
	for item, list := range o.children {
		if item.Kind != Aside || item.Attr != rminfo.A_magnitude_status || len(list[0].answers) == 0 {
			continue
		}
		for _, about := range o.children[item.About] {
			for n := range about.answers {
				if q := about.answers[n].ValueQuantity; q != nil && q.Comparator == "" {
					with := *q
					with.Comparator = list[0].answers[0].ValueString
					about.answers[n].ValueQuantity = &with
				}
			}
		}
	}
}

// only is the one answer of an item in a group, nil where there is none.
func (o *occurrence) only(i *Item) *fhir.Answer {
	if o == nil || i == nil {
		return nil
	}
	if list := o.children[i]; len(list) > 0 && len(list[0].answers) > 0 {
		return &list[0].answers[0]
	}
	return nil
}

// unknown is the issue of a linkId the group does not have, with the nearest it has.
func (f *Form) unknown(at, linkID string, group *Item) fault.Issue {
	best, distance := "", len(linkID)
	for _, c := range group.Children {
		if d := editDistance(c.LinkID, linkID); d < distance {
			best, distance = c.LinkID, d
		}
	}
	message := fmt.Sprintf("%q is no item of this group", linkID)
	if best != "" {
		message += fmt.Sprintf("; the nearest is %q", best)
	}
	return fault.Issue{Path: at, FlatKey: linkID, Rule: "unknown-item", Expected: best, Found: linkID, Message: message}
}

// editDistance counts the insertions, deletions and changes between two texts.
func editDistance(a, b string) int {
	x, y := []rune(a), []rune(b)
	if len(x) > 300 || len(y) > 300 {
		if strings.EqualFold(a, b) {
			return 0
		}
		return len(x) + len(y)
	}
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(x); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(y)]
}

// answered says whether anything below or at the occurrence was answered.
func (o *occurrence) answered() bool {
	if o == nil {
		return false
	}
	if len(o.answers) > 0 {
		return true
	}
	for _, list := range o.children {
		for _, c := range list {
			if c.answered() {
				return true
			}
		}
	}
	return false
}
