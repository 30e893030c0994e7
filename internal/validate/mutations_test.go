package validate_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified"
	"github.com/quire-cdr/quire/internal/simplified/compose"
	"github.com/quire-cdr/quire/internal/simplified/example"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/testkit/fixtures"
	"github.com/quire-cdr/quire/internal/validate"
)

// control is a valid document with its template.
type control struct {
	name string
	tpl  *template.Compiled
	doc  any
	// pointers are the places of its members, holders the RM paths of the objects
	// that hold them.
	pointers, holders []string
}

// controls are the valid compositions of the fixtures and a generated example of
// each of their templates; of those, only the ones that keep says.
func controls(t testing.TB, keep func() bool) []control {
	t.Helper()
	var out []control
	compiled := map[string]*template.Compiled{}
	known := templates(t)
	ids := make([]string, 0, len(known))
	for id := range known {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	ids = slices.DeleteFunc(ids, func(id string) bool { return !keep() })
	byID := func(id string) *template.Compiled {
		if compiled[id] == nil {
			if path, ok := known[id]; ok && slices.Contains(ids, id) {
				compiled[id] = compile(t, readFile(t, path))
			}
		}
		return compiled[id]
	}
	add := func(name string, tpl *template.Compiled, text []byte) {
		c := control{name: name, tpl: tpl, doc: decode(t, text)}
		pointers(c.doc, "", "", func(pointer, holder string) {
			c.pointers, c.holders = append(c.pointers, pointer), append(c.holders, holder)
		})
		// Maps come in any order, and a seed must mean the same documents.
		sort.Sort(byPointer(c))
		out = append(out, c)
	}
	var files []string
	for _, folder := range []string{"uk", "web-template", "sdc", "openehr/compositions"} {
		err := filepath.WalkDir(filepath.Join(fixtures.Dir(t), folder), func(path string, _ os.DirEntry, err error) error {
			if strings.HasSuffix(path, ".json") {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range files {
		text := readFile(t, path)
		tree, err := canon.ReadJSON(text, rminfo.COMPOSITION, canon.ReadOptions{})
		if err != nil {
			continue // of another class or format
		}
		if tpl := byID(templateID(tree)); tpl != nil && !validate.Refused(validate.Check(tree, tpl, validate.Options{})) {
			add(filepath.Base(path), tpl, text)
		}
	}
	for _, id := range ids {
		if text := exampleOf(byID(id)); text != nil {
			add("example of "+id, byID(id), text)
		}
	}
	return out
}

// exampleOf generates a document; nil where the template's root is none that
// has examples, or the example is not valid, which is the generator's business.
func exampleOf(tpl *template.Compiled) []byte {
	if !tpl.Node(0).Class.IsA(rminfo.COMPOSITION) {
		return nil
	}
	formats := simplified.Compile(tpl)
	tree, err := compose.Compose(formats.Web, example.Document(formats.Web, example.Options{}), compose.Options{Now: "2026-03-01T10:00:00Z"})
	if err != nil || validate.Refused(validate.Check(tree, tpl, validate.Options{})) {
		return nil
	}
	return canon.WriteJSON(nil, tree, tree.Root())
}

type byPointer control

func (c byPointer) Len() int           { return len(c.pointers) }
func (c byPointer) Less(i, j int) bool { return c.pointers[i] < c.pointers[j] }
func (c byPointer) Swap(i, j int) {
	c.pointers[i], c.pointers[j] = c.pointers[j], c.pointers[i]
	c.holders[i], c.holders[j] = c.holders[j], c.holders[i]
}

// gone removes a member.
type gone struct{}

// mutants are what may become of a member. Each gives the member's new value,
// or says that it has nothing to do there.
var mutants = []struct {
	name string
	make func(r *rand.Rand, key string, old any) (any, bool)
}{
	{"removed", func(*rand.Rand, string, any) (any, bool) { return gone{}, true }},
	{"doubled", func(_ *rand.Rand, _ string, old any) (any, bool) {
		list, ok := old.([]any)
		if !ok || len(list) == 0 {
			return nil, false
		}
		return append(append([]any{}, list...), list[len(list)-1]), true
	}},
	{"reversed", func(_ *rand.Rand, _ string, old any) (any, bool) {
		list, ok := old.([]any)
		if !ok || len(list) < 2 {
			return nil, false
		}
		turned := make([]any, 0, len(list))
		for i := len(list) - 1; i >= 0; i-- {
			turned = append(turned, list[i])
		}
		return turned, true
	}},
	{"class", func(r *rand.Rand, _ string, old any) (any, bool) {
		return memberOf(old, "_type", pick(r, "DV_TEXT", "DV_COUNT", "DV_QUANTITY", "DV_DATE_TIME", "DV_BOOLEAN", "CLUSTER", "ELEMENT", "EVALUATION", "ITEM_LIST", "SECTION", "NOTHING"))
	}},
	{"node", func(r *rand.Rand, _ string, old any) (any, bool) {
		return memberOf(old, "archetype_node_id", pick(r, "at0000", "at0001", "at0099", "at0004.1", "", "openEHR-EHR-CLUSTER.other.v1", "openEHR-EHR-OBSERVATION.other.v1"))
	}},
	{"name", func(_ *rand.Rand, key string, old any) (any, bool) {
		if key != "name" {
			return nil, false
		}
		return memberOf(old, "value", "Another name")
	}},
	{"text", func(r *rand.Rand, _ string, old any) (any, bool) {
		if _, ok := old.(string); !ok {
			return nil, false
		}
		return pick(r, "", "x", "2026-13-45", "P", "at0099", "openehr", "999999", "\u00e9\U0001F600", strings.Repeat("long ", 400)), true
	}},
	{"number", func(r *rand.Rand, _ string, old any) (any, bool) {
		if _, ok := old.(json.Number); !ok {
			return nil, false
		}
		return json.Number(pick(r, "-1", "0", "1e9", "0.123456789", "999999999", "-0.5", "7")), true
	}},
	{"flag", func(_ *rand.Rand, _ string, old any) (any, bool) {
		flag, ok := old.(bool)
		return !flag, ok
	}},
	{"scalar", func(r *rand.Rand, _ string, old any) (any, bool) {
		return []any{nil, "x", json.Number("1"), true, []any{}, map[string]any{}}[r.IntN(6)], true
	}},
	{"unknown member", func(_ *rand.Rand, _ string, old any) (any, bool) { return memberOf(old, "no_such_member", "x") }},
	{"both value and null flavour", func(_ *rand.Rand, _ string, old any) (any, bool) {
		node, ok := old.(map[string]any)
		if !ok || node["_type"] != "ELEMENT" {
			return nil, false
		}
		return memberOf(old, "null_flavour", map[string]any{"_type": "DV_CODED_TEXT", "value": "unknown", "defining_code": codePhrase("openehr", "253")})
	}},
}

func pick(r *rand.Rand, list ...string) string { return list[r.IntN(len(list))] }

func memberOf(old any, key string, value any) (any, bool) {
	node, ok := old.(map[string]any)
	if !ok || key != "no_such_member" && key != "null_flavour" && node[key] == nil {
		return nil, false
	}
	changed := make(map[string]any, len(node)+1)
	for k, v := range node {
		changed[k] = v
	}
	changed[key] = value
	return changed, true
}

// edited gives the document with one member changed; only the way to it is copied.
func edited(doc any, path []string, value any) any {
	if len(path) == 0 {
		return value
	}
	switch node := doc.(type) {
	case map[string]any:
		changed := make(map[string]any, len(node))
		for k, v := range node {
			changed[k] = v
		}
		if child := edited(node[path[0]], path[1:], value); child == (gone{}) {
			delete(changed, path[0])
		} else {
			changed[path[0]] = child
		}
		return changed
	case []any:
		i, _ := strconv.Atoi(path[0])
		changed := append([]any{}, node...)
		if child := edited(node[i], path[1:], value); len(path) == 1 && value == any(gone{}) {
			return append(changed[:i], changed[i+1:]...)
		} else {
			changed[i] = child
		}
		return changed
	}
	return doc
}

func valueAt(doc any, path []string) any {
	for _, key := range path {
		switch node := doc.(type) {
		case map[string]any:
			doc = node[key]
		case []any:
			i, _ := strconv.Atoi(key)
			doc = node[i]
		}
	}
	return doc
}

// mutationCount is how many are made: 1 % unless QUIRE_MUTATIONS says otherwise.
func mutationCount(t *testing.T) int {
	text := os.Getenv("QUIRE_MUTATIONS")
	if text == "" {
		return 1000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("QUIRE_MUTATIONS=%q is no number", text)
	}
	return n
}

func mutationSeed(t *testing.T) uint64 {
	if text := os.Getenv("QUIRE_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("QUIRE_SEED=%q is no number", text)
		}
		return seed
	}
	return uint64(time.Now().UnixNano())
}

// TestMutations changes one member at random in valid documents, again and
// again: nothing may crash, what is refused must be refused at the place, and
// the documents themselves must pass. `make mutations` makes 100,000.
func TestMutations(t *testing.T) {
	seed, count := mutationSeed(t), mutationCount(t)
	r := rand.New(rand.NewPCG(seed, 1))
	corpus := controls(t, func() bool { return count > 10_000 || r.IntN(4) == 0 })
	t.Logf("seed %d, %d documents", seed, len(corpus))
	if len(corpus) < 10 {
		t.Fatalf("only %d valid documents", len(corpus))
	}
	for _, c := range corpus {
		if status, issues := judgeMutant(c.doc, c.tpl); status != 201 {
			t.Errorf("the control %s is refused: %d\n%s", c.name, status, brief(issues))
		}
	}
	refused, named := map[string]int{}, map[string]int{}
	total, all, at, accepted, shown := 0, 0, 0, 0, 0
	for total < count {
		c := &corpus[r.IntN(len(corpus))]
		place := r.IntN(len(c.pointers))
		path := strings.Split(c.pointers[place], "/")[1:]
		m := mutants[r.IntN(len(mutants))]
		old := valueAt(c.doc, path)
		value, ok := m.make(r, path[len(path)-1], old)
		if !ok {
			continue
		}
		total++
		status, issues := judgeMutant(edited(c.doc, path, value), c.tpl)
		if status == 201 {
			accepted++
			continue
		}
		all++
		refused[m.name]++
		if namesPlace(issues, c.holders[place]) {
			at++
			named[m.name]++
		} else if shown < 10 {
			shown++
			t.Logf("%s: %s %s (in %s) is refused elsewhere, %d:\n%s", c.name, c.pointers[place], m.name, c.holders[place], status, brief(faultsOnly(issues)))
		}
	}
	for _, m := range mutants {
		t.Logf("%-28s %6d refused, %5.1f %% named", m.name, refused[m.name], 100*float64(named[m.name])/float64(max(1, refused[m.name])))
	}
	t.Logf("%d mutations: %d accepted, %d refused, of which %d (%.1f %%) at their place", total, accepted, all, at, 100*float64(at)/float64(all))
	if at*10 < all*9 {
		t.Errorf("only %d of %d refusals name the place", at, all)
	}
}

func faultsOnly(issues []fault.Issue) []fault.Issue {
	var out []fault.Issue
	for _, i := range issues {
		if !i.Warning {
			out = append(out, i)
		}
	}
	return out
}

// judgeMutant is the way of a commit; a panic is told with the document.
func judgeMutant(doc any, tpl *template.Compiled) (status int, issues []fault.Issue) {
	text, err := json.Marshal(doc)
	if err != nil {
		return 500, nil
	}
	defer func() {
		if p := recover(); p != nil {
			panic(fmt.Sprintf("%v\nin %s", p, text))
		}
	}()
	tree, err := canon.ReadJSON(text, rminfo.COMPOSITION, canon.ReadOptions{})
	if err != nil {
		return 400, fault.Of(err).Issues
	}
	if issues = validate.Check(tree, tpl, validate.Options{}); validate.Refused(issues) {
		return 422, issues
	}
	return 201, issues
}

// namesPlace says whether a fault is at the object that holds the changed
// member, or below.
func namesPlace(issues []fault.Issue, holder string) bool {
	for i := range issues {
		if !issues[i].Warning && strings.HasPrefix(bare(issues[i].Path)+"/", strings.TrimSuffix(holder, "/")) {
			return true
		}
	}
	return false
}
