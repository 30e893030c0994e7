package canon_test

import (
	"testing"

	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

func TestAppendKey(t *testing.T) {
	key := func(doc string) string {
		tree, err := canon.ReadJSON([]byte(doc), rminfo.ELEMENT, canon.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return string(canon.AppendKey(nil, tree, tree.Root()))
	}
	const doc = `{"_type":"ELEMENT","name":{"_type":"DV_TEXT","value":"n"},"archetype_node_id":"at0001","value":{"_type":"DV_QUANTITY","magnitude":5.0,"units":"kg"}}`
	for _, c := range []struct {
		name, doc string
		same      bool
	}{
		{"a class that the place implies", `{"_type":"ELEMENT","name":{"value":"n"},"archetype_node_id":"at0001","value":{"_type":"DV_QUANTITY","magnitude":5.0,"units":"kg"}}`, true},
		{"members in another order", `{"_type":"ELEMENT","value":{"_type":"DV_QUANTITY","units":"kg","magnitude":5.0},"archetype_node_id":"at0001","name":{"value":"n"}}`, true},
		{"a number with other digits", `{"_type":"ELEMENT","name":{"value":"n"},"archetype_node_id":"at0001","value":{"_type":"DV_QUANTITY","magnitude":5.00e0,"units":"kg"}}`, true},
		{"another class", `{"_type":"ELEMENT","name":{"_type":"DV_CODED_TEXT","value":"n"},"archetype_node_id":"at0001","value":{"_type":"DV_QUANTITY","magnitude":5.0,"units":"kg"}}`, false},
		{"another unit", `{"_type":"ELEMENT","name":{"value":"n"},"archetype_node_id":"at0001","value":{"_type":"DV_QUANTITY","magnitude":5.0,"units":"g"}}`, false},
		{"a member more", `{"_type":"ELEMENT","name":{"value":"n"},"archetype_node_id":"at0001","value":{"_type":"DV_QUANTITY","magnitude":5.0,"units":"kg","precision":1}}`, false},
	} {
		if (key(doc) == key(c.doc)) != c.same {
			t.Errorf("%s:\n%s\n%s", c.name, key(doc), key(c.doc))
		}
	}
}
