package shape_test

import (
	"testing"

	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified/shape"
)

// TestWhatIsWrittenIsRead: the key of each field leads back to that field, in
// every class that inherits it, unless the class spells the attribute itself.
func TestWhatIsWrittenIsRead(t *testing.T) {
	for c := rminfo.Class(1); int(c) < rminfo.Classes(); c++ {
		s := shape.Of(c)
		if s == nil {
			t.Fatalf("%s has no shape", c.Name())
		}
		var check func(fields []shape.Field, attr rminfo.Attr)
		check = func(fields []shape.Field, attr rminfo.Attr) {
			for i := range fields {
				f := &fields[i]
				if attr == 0 {
					check(f.Inline, f.Attr)
				} else {
					check(f.Inline, attr)
				}
				if f.Inline != nil || f.Key == shape.NoKey {
					continue
				}
				path := s.Lookup(f.Key)
				if len(path) == 0 {
					t.Errorf("%s: %q is written and not read", c.Name(), f.Key)
					continue
				}
				want := attr
				if want == 0 {
					want = f.Attr
				}
				if path[0].Attr != want {
					t.Errorf("%s: %q is written for %s and read as %s", c.Name(), f.Key, want.Name(), path[0].Attr.Name())
				}
			}
		}
		check(s.Fields, 0)
	}
}

// TestAttributesExist: a field stands for an attribute that its class has.
func TestAttributesExist(t *testing.T) {
	var check func(c rminfo.Class, fields []shape.Field)
	check = func(c rminfo.Class, fields []shape.Field) {
		for i := range fields {
			f := &fields[i]
			declared, ok := c.Attribute(f.Attr)
			if !ok {
				t.Errorf("%s has no attribute %s", c.Name(), f.Attr.Name())
				continue
			}
			if f.List != declared.Container {
				t.Errorf("%s.%s: List is %v", c.Name(), f.Attr.Name(), f.List)
			}
			if f.Class != 0 {
				if !f.Class.IsA(declared.Type) {
					t.Errorf("%s.%s holds a %s and is read as %s", c.Name(), f.Attr.Name(), declared.Type.Name(), f.Class.Name())
				}
				check(f.Class, f.Inline)
			}
		}
	}
	for c := rminfo.Class(1); int(c) < rminfo.Classes(); c++ {
		check(c, shape.Of(c).Fields)
	}
}

func TestIDClass(t *testing.T) {
	for _, c := range []struct {
		value  string
		scheme bool
		want   rminfo.Class
	}{
		{"199", true, rminfo.GENERIC_ID},
		{"199", false, rminfo.HIER_OBJECT_ID},
		{"5ae1c45c-53c2-4e3a-b9ff-c979e0494f35", false, rminfo.HIER_OBJECT_ID},
		{"5ae1c45c-53c2-4e3a-b9ff-c979e0494f35::system::1", false, rminfo.OBJECT_VERSION_ID},
		{"5ae1c45c-53c2-4e3a-b9ff-c979e0494f35::extension", false, rminfo.HIER_OBJECT_ID},
	} {
		if got := shape.IDClass(c.value, c.scheme); got != c.want {
			t.Errorf("%s: %s", c.value, got.Name())
		}
	}
}

func TestSuffixIsLookup(t *testing.T) {
	q := shape.Of(rminfo.DV_QUANTITY)
	for _, suffix := range q.Suffixes() {
		if len(q.Suffix(suffix)) == 0 || q.Suffix(suffix)[0] != q.Lookup("|" + suffix)[0] {
			t.Errorf("|%s differs", suffix)
		}
	}
	if q.Suffix("") == nil || q.Suffix("nothing") != nil {
		t.Error("a quantity has a value without suffix, and no suffix nothing")
	}
}
