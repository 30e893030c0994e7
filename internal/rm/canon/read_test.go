package canon_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// The closed list of what changes between what is sent and what is stored.
func TestCanonicalisations(t *testing.T) {
	for _, tc := range []struct {
		name     string
		want     rminfo.Class
		in, text string
	}{
		{"null members are dropped", rminfo.DV_TEXT, `{"value":"x","formatting":null,"language":null}`, `{"_type":"DV_TEXT","value":"x"}`},
		{"empty lists are dropped", rminfo.DV_TEXT, `{"value":"x","mappings":[ ]}`, `{"_type":"DV_TEXT","value":"x"}`},
		{"the generic suffix is stripped", rminfo.DV_INTERVAL, `{"_type":"DV_INTERVAL<DV_COUNT>","lower":{"_type":"DV_COUNT","magnitude":1}}`,
			`{"_type":"DV_INTERVAL","lower":{"_type":"DV_COUNT","magnitude":1}}`},
		{"a suffix with a class of its own", rminfo.VERSIONED_OBJECT, `{"_type":"VERSIONED_OBJECT<A<B>>"}`, `{"_type":"VERSIONED_OBJECT"}`},
		{"a number sent as a string", rminfo.DV_QUANTITY, `{"magnitude":"5.0","precision":"1","units":"1"}`,
			`{"_type":"DV_QUANTITY","magnitude":5.0,"precision":1,"units":"1"}`},
		{"the text of numbers is kept", rminfo.DV_QUANTITY, `{"magnitude":-0.00E+02,"accuracy":154.0}`, `{"_type":"DV_QUANTITY","magnitude":-0.00E+02,"accuracy":154.0}`},
		{"forty digits are kept", rminfo.DV_QUANTITY, `{"magnitude":12345678901234567890.12345678901234567890}`,
			`{"_type":"DV_QUANTITY","magnitude":12345678901234567890.12345678901234567890}`},
		{"the order of members is kept", rminfo.CODE_PHRASE, `{"code_string":"c","terminology_id":{"value":"t"}}`,
			`{"_type":"CODE_PHRASE","code_string":"c","terminology_id":{"value":"t"}}`},
		{"a class that was sent is kept", rminfo.CODE_PHRASE, `{"terminology_id":{"value":"t","_type":"TERMINOLOGY_ID"}}`,
			`{"_type":"CODE_PHRASE","terminology_id":{"_type":"TERMINOLOGY_ID","value":"t"}}`},
		{"a class its place does not imply is written", rminfo.OBJECT_REF, `{"id":{"value":"a::b::1"}}`,
			`{"_type":"OBJECT_REF","id":{"_type":"OBJECT_VERSION_ID","value":"a::b::1"}}`},
		{"the class comes first", rminfo.DATA_VALUE, `{"value":"x","_type":"DV_TEXT"}`, `{"_type":"DV_TEXT","value":"x"}`},
		{"interval flags are kept as sent", rminfo.DV_INTERVAL, `{"upper_unbounded":true,"lower_included":false}`, `{"_type":"DV_INTERVAL","upper_unbounded":true,"lower_included":false}`},
		{"white space and a byte order mark go", rminfo.DV_BOOLEAN, "\ufeff { \"value\" :\r\n\ttrue } \n", `{"_type":"DV_BOOLEAN","value":true}`},
		{"needless escapes go", rminfo.DV_TEXT, `{"\u0076alue":"\u00e4\/\u000a\ud83d\ude00"}`, "{\"_type\":\"DV_TEXT\",\"value\":\"ä/\\n😀\"}"},
		{"an escaped `_type` is one", rminfo.DV_TEXT, `{"\u005ftype":"DV_CODED_TEXT"}`, `{"_type":"DV_CODED_TEXT"}`},
		{"an empty object is kept", rminfo.EHR_STATUS, `{"subject":{}}`, `{"_type":"EHR_STATUS","subject":{}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tree, err := canon.ReadJSON([]byte(tc.in), tc.want, canon.ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if got := string(canon.WriteJSON(nil, tree, 0)); got != tc.text {
				t.Errorf("\n got %s\nwant %s", got, tc.text)
			}
		})
	}
}

func TestInferredClasses(t *testing.T) {
	for _, tc := range []struct {
		want     rminfo.Class
		in, path string
		class    rminfo.Class
	}{
		{rminfo.ELEMENT, `{"name":{"value":"x"}}`, "/name", rminfo.DV_TEXT},
		{rminfo.ELEMENT, `{"name":{"_type":"DV_CODED_TEXT"}}`, "/name", rminfo.DV_CODED_TEXT},
		{rminfo.OBSERVATION, `{"data":{"origin":{"value":"x"}}}`, "/data/origin", rminfo.DV_DATE_TIME},
		{rminfo.FOLDER, `{"uid":{"value":"8849182c-82ad-4088-a07f-48ead4180515"}}`, "/uid", rminfo.HIER_OBJECT_ID},
		{rminfo.FOLDER, `{"uid":{"value":"8849182c-82ad-4088-a07f-48ead4180515::quire.example::1"}}`, "/uid", rminfo.OBJECT_VERSION_ID},
		{rminfo.OBJECT_REF, `{"id":{"value":"a::b"}}`, "/id", rminfo.HIER_OBJECT_ID},
		{rminfo.OBJECT_REF, `{"id":{"value":"a::b::1"}}`, "/id", rminfo.OBJECT_VERSION_ID},
		{rminfo.OBJECT_REF, `{"id":{"scheme":"s","value":"a::b::1"}}`, "/id", rminfo.GENERIC_ID},
	} {
		tree, err := canon.ReadJSON([]byte(tc.in), tc.want, canon.ReadOptions{})
		if err != nil {
			t.Errorf("%s: %v", tc.in, err)
			continue
		}
		if ids := tree.Resolve(0, tc.path); len(ids) != 1 || tree.Class(ids[0]) != tc.class {
			t.Errorf("%s: %s is %v, want a %s", tc.in, tc.path, ids, tc.class)
		}
	}
}

func TestFaults(t *testing.T) {
	deep := strings.Repeat(`{"_type":"CLUSTER","items":[`, 201) + strings.Repeat("]}", 201)
	for _, tc := range []struct {
		name string
		want rminfo.Class
		in   string
		// issues are "rule path", in order.
		issues []string
	}{
		{"unknown member", rminfo.DV_TEXT, `{"valu":"x"}`, []string{"member-unknown /valu"}},
		{"member of another class", rminfo.DV_TEXT, `{"magnitude":1}`, []string{"member-unknown /magnitude"}},
		{"list of another class", rminfo.DV_TEXT, `{"items":[{"a":1},{"_type":"NO"}]}`, []string{"member-unknown /items", "member-unknown /items[1]/a", "class-unknown /items[2]"}},
		{"other member of meta data", rminfo.DV_TEXT, `{"_id":"x","_type":"DV_TEXT"}`, []string{"member-unknown /_id"}},
		{"member twice", rminfo.DV_TEXT, `{"value":"x","value":"x"}`, []string{"member-duplicate /value"}},
		{"member twice, once escaped", rminfo.DV_TEXT, `{"value":null,"\u0076alue":null}`, []string{"member-duplicate /value"}},
		{"class twice", rminfo.DV_TEXT, `{"_type":"DV_TEXT","value":"x","_type":"DV_TEXT"}`, []string{"member-duplicate /_type"}},
		{"unknown class", rminfo.ELEMENT, `{"value":{"_type":"DV_WORD","word":[]}}`, []string{"class-unknown /value", "member-unknown /value/word"}},
		{"class in small letters", rminfo.DV_TEXT, `{"_type":"dv_text"}`, []string{"class-unknown /"}},
		{"primitive class", rminfo.ELEMENT, `{"value":{"_type":"String"}}`, []string{"class-unknown /value"}},
		{"half a suffix", rminfo.DV_INTERVAL, `{"_type":"DV_INTERVAL<DV_COUNT"}`, []string{"class-unknown /"}},
		{"abstract class", rminfo.ELEMENT, `{"value":{"_type":"DV_ORDERED"}}`, []string{"class-abstract /value"}},
		{"missing class", rminfo.ELEMENT, `{"value":{"value":"x"}}`, []string{"class-missing /value"}},
		{"missing class of a person", rminfo.COMPOSITION, `{"composer":{}}`, []string{"class-missing /composer"}},
		{"missing class of an id without text", rminfo.OBJECT_REF, `{"id":{}}`, []string{"class-missing /id"}},
		{"missing class of the root", rminfo.PARTY, `{"details":{"_type":"ITEM_TREE","x":1}}`, []string{"class-missing /", "member-unknown /details/x"}},
		{"class that is no string", rminfo.DV_TEXT, `{"_type":1,"value":2}`, []string{"kind /"}},
		{"other root", rminfo.COMPOSITION, `{"_type":"FOLDER","what":1}`, []string{"member-unknown /what", "class-not-allowed /"}},
		{"other class", rminfo.COMPOSITION, `{"_type":"COMPOSITION","name":{"_type":"DV_COUNT"},"content":[{"_type":"ELEMENT"}]}`, []string{"class-not-allowed /name", "class-not-allowed /content"}},
		{"parent of the class", rminfo.COMPOSITION, `{"category":{"_type":"DV_TEXT"}}`, []string{"class-not-allowed /category"}},
		{"single for a list", rminfo.FOLDER, `{"folders":{}}`, []string{"list-expected /folders"}},
		{"list for a single", rminfo.FOLDER, `{"name":[{"value":"a"},{"value":"b"}]}`, []string{"list-unexpected /name[1]"}},
		{"list in a list", rminfo.FOLDER, `{"folders":[[]]}`, []string{"list-item /folders"}},
		{"null in a list", rminfo.FOLDER, `{"folders":[null]}`, []string{"list-item /folders"}},
		{"text for an object", rminfo.FOLDER, `{"name":"x"}`, []string{"kind /name"}},
		{"object for a text", rminfo.DV_TEXT, `{"value":{"value":"x"}}`, []string{"kind /value"}},
		{"number for a text", rminfo.DV_TEXT, `{"value":5}`, []string{"kind /value"}},
		{"text for a truth", rminfo.DV_BOOLEAN, `{"value":"true"}`, []string{"kind /value"}},
		{"truth for a number", rminfo.DV_COUNT, `{"magnitude":true}`, []string{"kind /magnitude"}},
		{"word for a number", rminfo.DV_QUANTITY, `{"magnitude":"1,5"}`, []string{"kind /magnitude"}},
		{"padded number", rminfo.DV_QUANTITY, `{"magnitude":" 1"}`, []string{"kind /magnitude"}},
		{"fraction for a count", rminfo.DV_COUNT, `{"magnitude":1.0}`, []string{"number-form /magnitude"}},
		{"count beyond 64 bits", rminfo.DV_COUNT, `{"magnitude":9223372036854775808}`, []string{"number-form /magnitude"}},
		{"integer beyond 32 bits", rminfo.DV_QUANTITY, `{"precision":2147483648}`, []string{"number-form /precision"}},
		{"beyond a double", rminfo.DV_QUANTITY, `{"magnitude":1e309}`, []string{"number-range /magnitude"}},
		{"beyond a double by its digits", rminfo.DV_QUANTITY, `{"magnitude":10000e306}`, []string{"number-range /magnitude"}},
		{"beyond a double as a string", rminfo.DV_QUANTITY, `{"magnitude":"1e-309"}`, []string{"number-range /magnitude"}},
		{"exponent beyond an int", rminfo.DV_QUANTITY, `{"magnitude":1e99999999999999999999}`, []string{"number-range /magnitude"}},
		{"41 digits", rminfo.DV_COUNT, `{"magnitude":12345678901234567890123456789012345678901}`, []string{"number-range /magnitude"}},
		{"nul", rminfo.DV_TEXT, `{"value":"a\u0000b"}`, []string{"text-nul /value"}},
		{"depth", rminfo.CLUSTER, deep, []string{"depth " + strings.Repeat("/items", 200)}},
		{"all at once", rminfo.FOLDER, `{"a":1,"name":{"b":1},"folders":[{"c":1},{"d":1,"archetype_node_id":"at1"}]}`,
			[]string{"member-unknown /a", "member-unknown /name/b", "member-unknown /folders[1]/c", "member-unknown /folders[at1]/d"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tree, err := canon.ReadJSON([]byte(tc.in), tc.want, canon.ReadOptions{})
			if err == nil {
				t.Fatalf("read as %s", canon.WriteJSON(nil, tree, 0))
			}
			var f *fault.Error
			if !errors.As(err, &f) || f.Kind != fault.Invalid {
				t.Fatal(err)
			}
			var got []string
			for _, i := range f.Issues {
				got = append(got, i.Rule+" "+i.Path)
				if i.Message == "" {
					t.Errorf("%s has no message", i.Rule)
				}
			}
			if !slices.Equal(got, tc.issues) {
				t.Errorf("\n got %q\nwant %q", got, tc.issues)
			}
			if rule, _, _ := strings.Cut(tc.issues[0], " "); f.Code != "json-"+rule {
				t.Errorf("the code is %s", f.Code)
			}
		})
	}
}

// TestFaultsAreExplained: what was expected, what was found and in which
// archetype, in words of who writes documents.
func TestFaultsAreExplained(t *testing.T) {
	const entry = "openEHR-EHR-OBSERVATION.pulse.v2"
	for _, tc := range []struct{ element, expected, found, message string }{
		{`"value":{"_type":"DV_COUNT","magnitude":1.5}`, "a whole number", "1.5", "the number must be whole and is 1.5"},
		{`"value":{"_type":"DV_COUNT","magnitude":"many"}`, "a whole number", "a string", "the value must be a whole number and is a string"},
		{`"value":{"_type":"DV_QUANTITY","precision":4294967296}`, "a whole number of 32 bits", "4294967296", "the number does not fit in 32 bits: 4294967296"},
		{`"value":{"_type":"DV_TEXT","value":true}`, "a string", "true or false", "the value must be a string and is true or false"},
		{`"name":"Rate"`, "an object", "a string", "DV_TEXT is written as an object and not as a string"},
	} {
		in := `{"_type":"OBSERVATION","archetype_node_id":"` + entry + `","data":{"archetype_node_id":"at0002","events":[{"_type":"POINT_EVENT",
			"archetype_node_id":"at0003","data":{"_type":"ITEM_TREE","archetype_node_id":"at0001","items":[{"_type":"ELEMENT","archetype_node_id":"at0004",` + tc.element + `}]}}]}}`
		_, err := canon.ReadJSON([]byte(in), rminfo.OBSERVATION, canon.ReadOptions{})
		issues := fault.Of(err).Issues
		if len(issues) != 1 {
			t.Fatalf("%s: %v", tc.element, err)
		}
		if i := issues[0]; i.Archetype != entry || i.Expected != tc.expected || i.Found != tc.found || i.Message != tc.message {
			t.Errorf("%s: %+v", tc.element, i)
		}
	}
}

func TestSyntax(t *testing.T) {
	for _, tc := range []struct{ in, message string }{
		{"", "empty"},
		{"\ufeff", "empty"},
		{"[]", "no JSON object"},
		{`"x"`, "no JSON object"},
		{`{"value":"x"} {}`, "more text follows"},
		{`{"value":"x"} x`, "line 1, column 15"},
		{"{\n \"välue\" \"x\"}", "line 2, column 10"},
		{"{\n  \"value\": tru}", "line 2, column 15"},
		{`{"value":`, "ends too early"},
		{`{"value":"x`, "ends too early"},
		{`{"value":"\ud800"}`, "line 1, column 11"},
		{"{\"value\":\"\xff\"}", "line 1, column 11"},
		{"{\"value\":\"\x00\"}", "line 1, column 11"},
		{`{"value":01}`, "line 1, column 11"},
		{`{"value":NaN}`, "line 1, column 10"},
		{`{"value":"x",}`, "line 1, column"},
		{`{1:2}`, "line 1, column 2"},
		{`// note` + "\n{}", "line 1, column 1"},
		{strings.Repeat(`{"items":[`, 20_000), "line 1"},
	} {
		_, err := canon.ReadJSON([]byte(tc.in), rminfo.DV_TEXT, canon.ReadOptions{})
		f := fault.Of(err)
		if f.Kind != fault.Invalid || f.Code != "json-syntax" || !strings.Contains(f.Message, tc.message) {
			t.Errorf("%.40q: %v, want %q", tc.in, err, tc.message)
		}
	}
}

func TestUnknownMembersNameTheNearest(t *testing.T) {
	for _, tc := range []struct {
		class         rminfo.Class
		word, nearest string
	}{
		{rminfo.DV_TEXT, "valu", "value"}, {rminfo.COMPOSITION, "archetypeNodeId", "archetype_node_id"},
		{rminfo.ELEMENT, "null_flavor", "null_flavour"}, {rminfo.DV_QUANTITY, "unit", "units"}, {rminfo.DV_TEXT, "completely_other", ""},
	} {
		_, err := canon.ReadJSON([]byte(`{"`+tc.word+`":null}`), tc.class, canon.ReadOptions{})
		f := fault.Of(err)
		if len(f.Issues) != 1 || f.Issues[0].Expected != tc.nearest || f.Issues[0].Found != tc.word {
			t.Errorf("%s.%s: %+v, want %q", tc.class, tc.word, f.Issues, tc.nearest)
		}
	}
}

func TestMandatory(t *testing.T) {
	in := []byte(`{"_type":"EHR_STATUS","name":{},"subject":{},"is_queryable":null}`)
	if _, err := canon.ReadJSON(in, rminfo.EHR_STATUS, canon.ReadOptions{}); err != nil {
		t.Error(err)
	}
	_, err := canon.ReadJSON(in, rminfo.EHR_STATUS, canon.ReadOptions{Mandatory: true})
	var got []string
	for _, i := range fault.Of(err).Issues {
		got = append(got, i.Rule+" "+i.Path)
	}
	want := []string{"member-missing /archetype_node_id", "member-missing /is_queryable", "member-missing /is_modifiable", "member-missing /name/value"}
	if !slices.Equal(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
	if _, err := canon.ReadJSON([]byte(`{"items":[]}`), rminfo.REVISION_HISTORY, canon.ReadOptions{Mandatory: true}); err != nil {
		t.Errorf("an empty list is missed: %v", err)
	}
}

func TestLenient(t *testing.T) {
	in := []byte(`{"composer":{}}`)
	tree, err := canon.ReadJSON(in, rminfo.COMPOSITION, canon.ReadOptions{Lenient: true})
	if err != nil || tree.Class(1) != rminfo.PARTY_SELF {
		t.Errorf("%v", err)
	}
	if _, err := canon.ReadJSON([]byte(`{"composer":{"name":"x"}}`), rminfo.COMPOSITION, canon.ReadOptions{Lenient: true}); err == nil {
		t.Error("a person with a name is the subject")
	}
}

func TestIgnoreUnknown(t *testing.T) {
	in := `{"a":{"b":[1]},"name":{"value":"x","items":[{"_type":"CLUSTER"}],"magnitude":1},"units":"x","folders":[{"units":{}},{}]}`
	tree, err := canon.ReadJSON([]byte(in), rminfo.FOLDER, canon.ReadOptions{IgnoreUnknown: true})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"_type":"FOLDER","name":{"value":"x"},"folders":[{},{}]}`
	if got := string(canon.WriteJSON(nil, tree, 0)); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if _, err := canon.ReadJSON([]byte(`{"a":1,"value":1}`), rminfo.DV_TEXT, canon.ReadOptions{IgnoreUnknown: true}); err == nil {
		t.Error("other faults are ignored too")
	}
}

func TestLimits(t *testing.T) {
	for _, tc := range []struct {
		limits rm.Limits
		code   string
	}{
		{rm.Limits{Nodes: 3}, "json-size"}, {rm.Limits{Bytes: 2}, "json-size"}, {rm.Limits{Depth: 1}, "json-depth"},
	} {
		_, err := canon.ReadJSON([]byte(`{"name":{"value":"xyz"},"archetype_node_id":"at1"}`), rminfo.FOLDER, canon.ReadOptions{Limits: tc.limits})
		if f := fault.Of(err); f.Kind != fault.Invalid || f.Code != tc.code {
			t.Errorf("%+v: %v", tc.limits, err)
		}
	}
}

func TestStoredFaultsAreInternal(t *testing.T) {
	_, err := canon.ReadStored([]byte(`{"_type":"DV_TEXT","val`))
	if !fault.Is(err, fault.Internal) {
		t.Error(err)
	}
}

// The tree owns its bytes: what becomes of the text does not touch it.
func TestTreeOwnsItsBytes(t *testing.T) {
	doc := report(2)
	tree, err := canon.ReadJSON(doc, rminfo.COMPOSITION, canon.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := canon.WriteJSON(nil, tree, 0)
	clear(doc)
	if !bytes.Equal(want, canon.WriteJSON(nil, tree, 0)) {
		t.Error("the tree changed with its text")
	}
}

// Documents made to cost time cost no more than their length allows.
func TestHostileDocumentsEndSoon(t *testing.T) {
	const n = 100_000
	for name, doc := range map[string]string{
		"items without a class": `{"_type":"COMPOSITION","content":[` + strings.Repeat(`{},`, n) + `{}]}`,
		"node id behind":        `{"_type":"SECTION","items":[` + strings.Repeat(`{"_type":"SECTION","x":1},`, n/2) + `{"_type":"SECTION"}],"archetype_node_id":"at1"}`,
		"list of a stranger":    `{"_type":"FOLDER","folders":[` + strings.Repeat(`{},`, n) + `{}],"magnitude":[` + strings.Repeat(`1,`, n) + `1]}`,
		"unknown members":       `{` + strings.Repeat(`"x":1,`, n) + `"x":1}`,
		"long member":           `{"` + strings.Repeat(`x`, n) + `":1}`,
		"the same member":       `{` + strings.Repeat(`"name":{},`, n) + `"name":{}}`,
	} {
		start := time.Now()
		_, err := canon.ReadJSON([]byte(doc), rminfo.LOCATABLE, canon.ReadOptions{Mandatory: true})
		if err == nil {
			t.Errorf("%s: no fault", name)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s took %s", name, took)
		}
		for _, i := range fault.Of(err).Issues {
			if len(fmt.Sprint(i)) > 1000 {
				t.Errorf("%s: an issue of %d bytes", name, len(fmt.Sprint(i)))
				break
			}
		}
	}
}

func TestAtMostAThousandIssues(t *testing.T) {
	_, err := canon.ReadJSON([]byte(`{"_type":"COMPOSITION","content":[`+strings.Repeat(`{},`, 2999)+`{}]}`), rminfo.COMPOSITION, canon.ReadOptions{})
	if f := fault.Of(err); len(f.Issues) != 1000 || !strings.Contains(f.Message, "3000 faults") {
		t.Errorf("%d issues: %s", len(f.Issues), f.Message)
	}
}

func FuzzReadJSON(f *testing.F) {
	f.Add(report(1), uint16(rminfo.COMPOSITION))
	for _, s := range []string{
		`{"_type":"DV_INTERVAL<DV_COUNT>","lower":{"_type":"DV_COUNT","magnitude":"1"}}`, `{"value":"\u0000\ud83d\ude00"}`, `{"a":[[null]],"name":[{}]}`,
		`{"uid":{"value":"a::b::1"},"folders":[{},{"folders":[]}]}`,
	} {
		f.Add([]byte(s), uint16(rminfo.FOLDER))
	}
	f.Fuzz(func(t *testing.T, data []byte, class uint16) {
		want := rminfo.Class(int(class) % rminfo.Classes())
		for _, opts := range []canon.ReadOptions{{}, {Mandatory: true, Lenient: true}, {IgnoreUnknown: true}} {
			tree, err := canon.ReadJSON(data, want, opts)
			if err != nil {
				if !fault.Is(err, fault.Invalid) {
					t.Fatalf("%v", err)
				}
				continue
			}
			doc := canon.WriteJSON(nil, tree, 0)
			again, err := canon.ReadJSON(doc, want, canon.ReadOptions{})
			if err != nil {
				t.Fatalf("%v\n%s", err, doc)
			}
			sameNodes(t, tree, again)
			if !opts.IgnoreUnknown {
				for _, d := range differences(parse(t, bytes.TrimPrefix(data, []byte("\ufeff"))), parse(t, doc)) {
					t.Error(d)
				}
			}
		}
	})
}
