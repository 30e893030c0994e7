package diff_test

import (
	"bytes"
	"io/fs"
	"testing"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/template/diff"
	"github.com/quire-cdr/quire/templates"
)

// read gives a fresh copy of the vital signs template.
func read(t *testing.T) *aom.OperationalTemplate {
	t.Helper()
	text, err := fs.ReadFile(templates.FS, "opt/vital_signs_observations.v1.opt")
	if err != nil {
		t.Fatal(err)
	}
	source, err := opt.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func compile(t *testing.T, source *aom.OperationalTemplate) *template.Compiled {
	t.Helper()
	c, err := template.Compile(source)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// each visits every object below one.
func each(o aom.Object, visit func(o aom.Object, in *aom.Attribute)) {
	var attributes []*aom.Attribute
	switch o := o.(type) {
	case *aom.ArchetypeRoot:
		attributes = o.Attributes
	case *aom.ComplexObject:
		attributes = o.Attributes
	}
	for _, a := range attributes {
		for _, child := range append([]aom.Object(nil), a.Children...) {
			visit(child, a)
			each(child, visit)
		}
	}
}

// first changes the first object that pick accepts.
func first[T aom.Object](source *aom.OperationalTemplate, change func(o T, in *aom.Attribute) bool) {
	done := false
	each(source.Definition, func(o aom.Object, in *aom.Attribute) {
		if typed, ok := o.(T); ok && !done {
			done = change(typed, in)
		}
	})
}

func TestEveryKindOfChangeIsJudged(t *testing.T) {
	quantity := func(change func(*aom.Quantity)) func(*aom.OperationalTemplate) {
		return func(s *aom.OperationalTemplate) {
			first(s, func(q *aom.Quantity, _ *aom.Attribute) bool {
				ok := len(q.Items) > 0 && q.Items[0].Magnitude != nil
				if ok {
					change(q)
				}
				return ok
			})
		}
	}
	codes := func(change func(*aom.CodePhrase)) func(*aom.OperationalTemplate) {
		return func(s *aom.OperationalTemplate) {
			first(s, func(c *aom.CodePhrase, _ *aom.Attribute) bool {
				ok := c.Terminology == "local" && len(c.Codes) > 1
				if ok {
					change(c)
				}
				return ok
			})
		}
	}
	element := func(change func(*aom.ComplexObject, *aom.Attribute)) func(*aom.OperationalTemplate) {
		return func(s *aom.OperationalTemplate) {
			first(s, func(o *aom.ComplexObject, in *aom.Attribute) bool {
				ok := o.TypeName == "ELEMENT" && o.Occurrences == (aom.Multiplicity{Min: 0, Max: 1})
				if ok {
					change(o, in)
				}
				return ok
			})
		}
	}
	for name, c := range map[string]struct {
		change func(*aom.OperationalTemplate)
		what   string
		effect diff.Effect
	}{
		"a unit more":           {quantity(func(q *aom.Quantity) { q.Items = append(q.Items, aom.QuantityItem{Units: "kPa"}) }), "values", diff.Compatible},
		"another unit":          {quantity(func(q *aom.Quantity) { q.Items[0].Units += "x" }), "values", diff.Breaking},
		"any unit":              {quantity(func(q *aom.Quantity) { q.Items = nil }), "values", diff.Compatible},
		"a wider range":         {quantity(func(q *aom.Quantity) { q.Items[0].Magnitude = nil }), "values", diff.Compatible},
		"a range that excludes": {quantity(func(q *aom.Quantity) { q.Items[0].Magnitude.Upper = "1"; q.Items[0].Magnitude.UpperUnbounded = false }), "values", diff.Breaking},
		"a code less":           {codes(func(c *aom.CodePhrase) { c.Codes = c.Codes[1:] }), "values", diff.Breaking},
		"a code more":           {codes(func(c *aom.CodePhrase) { c.Codes = append(c.Codes, "at9999") }), "values", diff.Compatible},
		"any code":              {codes(func(c *aom.CodePhrase) { c.Codes = nil }), "values", diff.Compatible},
		"an element mandatory":  {element(func(o *aom.ComplexObject, _ *aom.Attribute) { o.Occurrences.Min = 1 }), "occurrences", diff.Breaking},
		"an element repeats":    {element(func(o *aom.ComplexObject, _ *aom.Attribute) { o.Occurrences.Max = aom.Unbounded }), "occurrences", diff.Compatible},
		"an element is gone": {element(func(o *aom.ComplexObject, in *aom.Attribute) {
			for i, child := range in.Children {
				if child == aom.Object(o) {
					in.Children = append(in.Children[:i:i], in.Children[i+1:]...)
				}
			}
		}), "removed", diff.Breaking},
		"an element more": {element(func(o *aom.ComplexObject, in *aom.Attribute) {
			more := *o
			more.NodeID = "at0.99"
			in.Children = append(in.Children, &more)
		}), "added", diff.Compatible},
		"a mandatory element more": {element(func(o *aom.ComplexObject, in *aom.Attribute) {
			more := *o
			more.NodeID, more.Occurrences = "at0.99", aom.Multiplicity{Min: 1, Max: 1}
			in.Children = append(in.Children, &more)
		}), "added", diff.Breaking},
		"a value free": {element(func(o *aom.ComplexObject, _ *aom.Attribute) { o.Attributes = nil }), "values", diff.Compatible},
		"a term reads differently": {func(s *aom.OperationalTemplate) {
			each(s.Definition, func(o aom.Object, _ *aom.Attribute) {
				if root, ok := o.(*aom.ArchetypeRoot); ok {
					for i := range root.Terms {
						for n := range root.Terms[i].Items {
							root.Terms[i].Items[n].Value += " (new)"
						}
					}
				}
			})
			for i := range s.Components {
				for l := range s.Components[i].Terms {
					for n := range s.Components[i].Terms[l].Terms {
						for k := range s.Components[i].Terms[l].Terms[n].Items {
							s.Components[i].Terms[l].Terms[n].Items[k].Value += " (new)"
						}
					}
				}
			}
		}, "text", diff.Informative},
	} {
		old, changed := read(t), read(t)
		c.change(changed)
		found := diff.Compare(compile(t, old), compile(t, changed))
		if len(found) == 0 {
			t.Errorf("%s: no difference was found", name)
			continue
		}
		told := false
		for _, f := range found {
			told = told || f.What == c.what && f.Effect == c.effect
			if f.Path == "" || f.Message == "" {
				t.Errorf("%s: %+v", name, f)
			}
		}
		if !told {
			t.Errorf("%s: %+v", name, found)
		}
		if c.what != "text" && diff.Worst(found) != c.effect {
			t.Errorf("%s is %s, want %s", name, diff.Worst(found), c.effect)
		}
	}
	if same := diff.Compare(compile(t, read(t)), compile(t, read(t))); len(same) != 0 || diff.Worst(same) != "" {
		t.Errorf("a template differs from itself: %+v", same)
	}
}

func TestValuePatterns(t *testing.T) {
	for _, c := range []struct {
		old, new aom.Constraint
		effect   diff.Effect
	}{
		{&aom.Date{Pattern: "yyyy-mm-dd"}, &aom.Date{Pattern: "yyyy-mm-dd"}, ""},
		{&aom.Date{Pattern: "yyyy-mm-dd"}, &aom.Date{Pattern: "yyyy-mm-??"}, diff.Compatible},
		{&aom.Date{Pattern: "yyyy-mm-??"}, &aom.Date{Pattern: "yyyy-mm-XX"}, diff.Breaking},
		{&aom.Date{Pattern: "yyyy-??-??"}, &aom.Date{}, diff.Compatible},
		{&aom.DateTime{Pattern: "yyyy-mm-ddTHH:MM:??"}, &aom.DateTime{Pattern: "yyyy-mm-ddTHH:MM:SS"}, diff.Breaking},
		{&aom.Duration{Pattern: "PTM"}, &aom.Duration{Pattern: "PTHM"}, diff.Compatible},
		{&aom.Duration{Pattern: "PM"}, &aom.Duration{Pattern: "PTM"}, diff.Breaking},
		{&aom.String{List: []string{"a", "b"}}, &aom.String{List: []string{"b", "a", "c"}}, diff.Compatible},
		{&aom.String{List: []string{"a"}, ListOpen: true}, &aom.String{List: []string{"a"}}, diff.Breaking},
		{&aom.String{HasPattern: true, Pattern: "a+"}, &aom.String{HasPattern: true, Pattern: "a*"}, diff.Breaking},
		{&aom.Integer{List: []string{"1", "2"}}, &aom.Integer{Range: interval("0", "2")}, diff.Compatible},
		{&aom.Integer{Range: interval("0", "10")}, &aom.Integer{Range: interval("0", "9")}, diff.Breaking},
		{&aom.Real{Range: interval("0.50", "1")}, &aom.Real{Range: interval("0.5", "1.0")}, diff.Compatible},
		{&aom.Boolean{TrueValid: true}, &aom.Boolean{TrueValid: true, FalseValid: true}, diff.Compatible},
		{&aom.Boolean{TrueValid: true, FalseValid: true}, &aom.Boolean{TrueValid: true}, diff.Breaking},
		{nil, &aom.Boolean{TrueValid: true, FalseValid: true}, diff.Breaking},
		{&aom.Ordinal{Items: ordinal("0", "at1", "1", "at2")}, &aom.Ordinal{Items: ordinal("0", "at1", "1", "at2", "2", "at3")}, diff.Compatible},
		{&aom.Ordinal{Items: ordinal("0", "at1", "1", "at2")}, &aom.Ordinal{Items: ordinal("1", "at1", "0", "at2")}, diff.Breaking},
		{&aom.CodeReference{ReferenceSetURI: "a"}, &aom.CodeReference{ReferenceSetURI: "b"}, diff.Breaking},
	} {
		if got := diff.Worst(diff.Values(c.old, c.new)); got != c.effect {
			t.Errorf("%+v to %+v is %q, want %q", c.old, c.new, got, c.effect)
		}
	}
}

func interval(lower, upper string) *aom.Interval {
	return &aom.Interval{Lower: lower, Upper: upper, LowerIncluded: true, UpperIncluded: true}
}

func ordinal(pairs ...string) (items []aom.OrdinalItem) {
	for i := 0; i < len(pairs); i += 2 {
		items = append(items, aom.OrdinalItem{Value: pairs[i], Symbol: aom.Code{Terminology: "local", Code: pairs[i+1]}})
	}
	return items
}
