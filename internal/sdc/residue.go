package sdc

import (
	"errors"
	"slices"

	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// say notes that an answer says a value whole, even after a renderer had it in
// its hands: built anew from what comes back, it is the same.
func (w *issuer) say(i *Item, value rm.ID, a *fhir.Answer) {
	if w.tree.Kind(value) != rm.Object || !w.tree.Class(value).IsA(rminfo.DATA_VALUE) {
		return
	}
	back := rendered(i, *a, w.options(i, ""))
	if back == nil {
		return
	}
	b := rm.NewBuilder(rm.Limits{}, 16)
	if err := w.buildValue(b, 0, i, back); err != nil {
		return
	}
	if built, err := b.Tree(); err == nil && alike(w.tree, value, built, built.Root()) {
		w.said = append(w.said, value)
	}
}

// alike says whether two subtrees are equal but for the order of their
// attributes.
func alike(a *rm.Tree, x rm.ID, b *rm.Tree, y rm.ID) bool {
	if a.Kind(x) != b.Kind(y) || a.Class(x) != b.Class(y) {
		return false
	}
	if a.Kind(x) != rm.Object {
		return a.Text(x) == b.Text(y) && a.Bool(x) == b.Bool(y)
	}
	var attrs []rminfo.Attr
	n := 0
	for c := range a.All(x) {
		n++
		if attr := a.Attr(c); !slices.Contains(attrs, attr) {
			attrs = append(attrs, attr)
		}
	}
	for range b.All(y) {
		n--
	}
	if n != 0 {
		return false
	}
	for _, attr := range attrs {
		left, right := slices.Collect(a.Children(x, attr)), slices.Collect(b.Children(y, attr))
		if len(left) != len(right) {
			return false
		}
		for k := range left {
			if !alike(a, left[k], b, right[k]) {
				return false
			}
		}
	}
	return true
}

// residue is the composition as canonical JSON in which a value that an answer
// says whole is left empty, with nothing but its class: what comes back fills
// its place. Everything else is there as it was, so a renderer that loses an
// answer loses nothing.
func (w *issuer) residue() string {
	edits := make([]rm.Edit, 0, len(w.said))
	for _, value := range w.said {
		b := rm.NewBuilder(rm.Limits{}, 1)
		b.Open(0, w.tree.Class(value))
		b.Close()
		place, err := b.Tree()
		if err != nil {
			continue
		}
		edits = append(edits, rm.Edit{At: value, New: place})
	}
	rest, err := w.tree.Splice(edits...)
	if err != nil {
		rest = w.tree
	}
	return string(canon.WriteJSON(nil, rest, rest.Root()))
}

// rest reads what a response carries in place of its base, nil where it carries
// nothing. It must be of this form's template: whose answers they are decides
// what may be written.
func (f *Form) rest(text string) (*rm.Tree, error) {
	if text == "" {
		return nil, nil
	}
	t, err := canon.ReadJSON([]byte(text), rminfo.COMPOSITION, canon.ReadOptions{})
	if err != nil {
		return nil, err
	}
	if of := t.TextAt(t.Root(), rminfo.A_archetype_details, rminfo.A_template_id, rminfo.A_value); of != f.Template.TemplateID || t.ArchetypeNodeID(t.Root()) != f.Template.Node(f.Template.Root()).AtCode {
		return nil, errors.New("the rest is of another template")
	}
	return t, nil
}

// Carries says whether a response brings what stands in place of its base.
func Carries(r *fhir.QuestionnaireResponse) bool { return carried(r, ResidueLinkID) != "" }
