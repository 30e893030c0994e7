package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/simplified/compose"
	invented "github.com/quire-cdr/quire/internal/simplified/example"
	"github.com/quire-cdr/quire/internal/simplified/webtemplate"
	templating "github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/validate"
	"github.com/quire-cdr/quire/templates"
)

// fillingScript adds to the page how a stored response is opened in the renderer
// and submitted again: what the page itself does, without its headings.
const fillingScript = `(() => {
	const forms = {};
	const formOf = async template => forms[template] = forms[template] || JSON.stringify((await Quire.get('/fhir/r4/Questionnaire' + Quire.query({'openehr-template': template}))).content.entry[0].resource);
	let at;
	window.reopen = async (template, ehr, object) => {
		const issued = (await Quire.get('/fhir/r4/QuestionnaireResponse/' + object)).content;
		const form = JSON.parse(await formOf(template));
		// What was a response to a form from elsewhere is shown as that.
		if (!issued.questionnaire.includes('/Questionnaire/' + form.id)) return -1;
		const place = Quire.element('div', {id: 'form', class: 'q-form'});
		document.getElementById('view').replaceChildren(place);
		await LForms.Util.addFormToPage(JSON.parse(JSON.stringify(form)), place, {fhirVersion: 'R4', questionnaireResponse: issued, prepopulate: false})
			.catch(faults => { throw new Error([].concat(faults).map(f => f.message ?? JSON.stringify(f)).join('; ')); });
		at = {form, issued, ehr, baseline: Quire.rendered(), place};
		return place.querySelectorAll('[id^="item-"]').length;
	};
	window.resubmit = async () => {
		const response = Quire.answers.complete(at.form, at.issued, at.baseline, Quire.rendered(), 'amended');
		try {
			const {content, headers} = await Quire.post('/fhir/r4/Questionnaire/' + at.form.id + '/$process-response' + Quire.query({ehr: at.ehr}), response);
			return {head: content.issue[0].details.text, coarsened: content.issue.filter(i => i.details.text === 'coarsened').length, uid: decodeURIComponent(headers.get('ETag') || '').replaceAll('"', '')};
		} catch (e) { return {refused: e.status + ' ' + e.message + ' ' + JSON.stringify(e.issues.map(i => i.diagnostics))}; }
	};
	// Each edit takes itself back, for answers that may not be what it makes of them.
	const typing = (control, text) => { control.value = text; control.dispatchEvent(new Event('input', {bubbles: true})); control.dispatchEvent(new Event('change', {bubbles: true})); control.dispatchEvent(new Event('blur')); };
	window.edits = () => {
		const hidden = new Set(), walk = (items, in_) => (items || []).forEach(i => { const h = in_ || Quire.answers.hidden(i); if (h) hidden.add(i.linkId); walk(i.item, h); });
		walk(at.form.item, false);
		return at.edits = document.querySelector('wc-lhc-form').lhcFormData.itemList.filter(i => i.value !== undefined && i.value !== null && i.value !== '' && !hidden.has(i.linkId) && !i.linkId.includes('/_') && !i.linkId.startsWith('_') && !i._readOnly && i.dataType !== 'SECTION' && i.dataType !== 'TITLE' && i.dataType !== 'attachment');
	};
	window.edit = n => {
		const i = at.edits[n], before = i.value, control = document.getElementById(i._elementId);
		const typed = control && /^(INPUT|TEXTAREA)$/.test(control.tagName) && control.type !== 'radio' && control.type !== 'checkbox' && !Array.isArray(i.answers);
		if (Array.isArray(before)) return null;
		if (before instanceof Date) { i.value = new Date(before.getTime() + 86400000 * 3); at.undo = () => { i.value = before; }; return {linkId: i.linkId, kind: i.dataType}; }
		if (Array.isArray(i.answers) && typeof before === 'object') {
			const other = i.answers.find(a => a.code !== before.code && a.text !== before.text);
			if (!other) return null;
			i.value = other; at.undo = () => { i.value = before; };
			return {linkId: i.linkId, kind: i.dataType};
		}
		if (typeof before === 'boolean') { i.value = !before; at.undo = () => { i.value = before; }; return {linkId: i.linkId, kind: i.dataType}; }
		if (!typed) return null;
		const was = control.value, numeric = ['INT', 'REAL', 'QTY'].includes(i.dataType);
		typing(control, numeric ? String(Math.round((Number(was) + 1) * 1000) / 1000) : was + ' and more');
		at.undo = () => typing(control, was);
		return {linkId: i.linkId, kind: i.dataType, typed: true};
	};
	window.undo = () => at.undo();
	return true;
})()`

// resubmitted is what a submit of a form that was opened again came to.
type resubmitted struct {
	Head, UID, Refused string
	Coarsened          int
}

// stocked is one composition to be stored.
type stocked struct{ template, name, text string }

// stock are the examples of our templates and generated compositions of them.
func stock(t testing.TB, random *rand.Rand, count int) []stocked {
	t.Helper()
	var out, made []stocked
	for _, shipped := range templates.All() {
		for _, path := range shipped.Examples {
			text, err := templates.FS.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, stocked{shipped.ID, path, string(text)})
		}
	}
	random.Shuffle(len(out), func(a, b int) { out[a], out[b] = out[b], out[a] })
	for len(out)+len(made) < count {
		for _, shipped := range templates.All() {
			text, err := templates.FS.ReadFile(shipped.File)
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := opt.Read(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			compiled, err := templating.Compile(parsed)
			if err != nil {
				t.Fatal(err)
			}
			web := webtemplate.Build(compiled)
			tree, err := compose.Compose(web, invented.Document(web, invented.Options{Pick: random.IntN, Sparse: true}), compose.Options{Now: "2020-01-01T00:00:00Z"})
			if err != nil {
				t.Fatal(err)
			}
			if !validate.Refused(validate.Check(tree, compiled, validate.Options{})) {
				made = append(made, stocked{shipped.ID, fmt.Sprintf("generated %d", len(made)), string(canon.WriteJSON(nil, tree, tree.Root()))})
			}
		}
	}
	return append(out, made...)[:count]
}

// changedNodes are the nodes in which two compositions differ: elements, and other
// attributes of anything that has a name. The version's own uid is none.
func changedNodes(path string, a, b any, out map[string]bool) {
	am, aIs := a.(map[string]any)
	bm, bIs := b.(map[string]any)
	if aIs && bIs {
		if am["_type"] == "ELEMENT" || am["_type"] != bm["_type"] {
			if !equalJSON(a, b) {
				out[path] = true
			}
			return
		}
		_, named := am["archetype_node_id"]
		for _, key := range slices.Sorted(maps.Keys(union(am, bm))) {
			if key == "uid" && path == "" {
				continue
			}
			deeper := am["_type"] == "EVENT_CONTEXT" || named
			if _, list := am[key].([]any); list || deeper {
				changedNodes(path+"/"+key, am[key], bm[key], out)
			} else if !equalJSON(am[key], bm[key]) {
				out[path] = true
			}
		}
		return
	}
	al, aIs := a.([]any)
	bl, bIs := b.([]any)
	if aIs && bIs && len(al) == len(bl) {
		for n := range al {
			changedNodes(path+"/"+strconv.Itoa(n), al[n], bl[n], out)
		}
		return
	}
	if !equalJSON(a, b) {
		out[path] = true
	}
}

func union(a, b map[string]any) map[string]any {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

func equalJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// TestResubmittedInTheBrowser: what the renderer gives back of a form nobody
// touched changes nothing, and one edited answer changes exactly one node.
// QUIRE_BROWSER=all takes 75 compositions with an edit each, else six;
// QUIRE_SEED repeats a run.
func TestResubmittedInTheBrowser(t *testing.T) {
	count, seed := 6, rand.Uint64()
	if os.Getenv("QUIRE_BROWSER") != "" {
		count = 75
	}
	if text := os.Getenv("QUIRE_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("QUIRE_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	s := running(t)
	b := browse(t, s, "clinician")
	b.open("/forms/"+strings.ReplaceAll(vitalSigns, " ", "%20"), nil)
	b.until("the page", `window.LForms && LForms.Util && LForms.Util.addFormToPage && document.getElementById('person')`)
	b.js(fillingScript, nil)
	kinds := map[string]int{}
	var untouched, coarsened, edited, exact, typed int
	var slowest time.Duration
	// Said of a run that ends early, too.
	defer func() {
		t.Logf("%d untouched with 0 changed nodes (%d coarsened answers); %d edits (%d typed, %v), %d changed exactly one node; slowest %v", untouched, coarsened, edited, typed, kinds, exact, slowest.Round(time.Millisecond))
	}()
	for _, one := range stock(t, random, count) {
		ehr := newEHR(t, s)
		put := s.patiently(t, "clinician", "POST", s.OpenEHR+"/ehr/"+ehr+"/composition", []byte(one.text)).want(t, 201, 204)
		object, _, _ := strings.Cut(put.uid(t), "::")
		read := func() any {
			return s.patiently(t, "clinician", "GET", s.OpenEHR+"/ehr/"+ehr+"/composition/"+object, nil).want(t, 200).json(t)
		}
		before, began := read(), time.Now()
		var items int
		b.js(`reopen(`+quoted(one.template)+`, `+quoted(ehr)+`, `+quoted(object)+`)`, &items)
		if items < 0 {
			t.Logf("%s is a response to a form from elsewhere", one.name)
			count--
			continue
		}
		if items == 0 {
			t.Errorf("%s: nothing is rendered", one.name)
		}
		var r resubmitted
		b.js(`resubmit()`, &r)
		slowest = max(slowest, time.Since(began))
		nodes := map[string]bool{}
		changedNodes("", before, read(), nodes)
		coarsened += r.Coarsened
		if r.Refused != "" || r.Head != "unchanged" || len(nodes) > 0 {
			t.Errorf("%s (%s) untouched: %s %s, changed %v", one.name, one.template, r.Head, r.Refused, slices.Sorted(maps.Keys(nodes)))
			continue
		}
		untouched++
		var choices []any
		b.js(`edits().map(i => i.linkId)`, &choices)
		var refused []string
		done := false
		for _, n := range random.Perm(len(choices)) {
			var did *struct {
				LinkID, Kind string
				Typed        bool
			}
			b.js(`edit(`+strconv.Itoa(n)+`)`, &did)
			if did == nil {
				continue
			}
			b.js(`resubmit()`, &r)
			if r.Refused != "" {
				refused = append(refused, did.LinkID+": "+r.Refused)
				b.js(`undo()`, nil)
				continue
			}
			edited++
			changedNodes("", before, read(), nodes)
			if len(nodes) == 1 {
				exact++
			} else {
				t.Errorf("%s (%s): %s was edited (%s) and %d nodes changed: %v, %s", one.name, one.template, did.LinkID, did.Kind, len(nodes), slices.Sorted(maps.Keys(nodes)), r.Head)
			}
			kinds[did.Kind]++
			if did.Typed {
				typed++
			}
			done = true
			break
		}
		if !done {
			t.Logf("%s (%s): none of %d answers can be edited alone: %.600q", one.name, one.template, len(choices), refused)
		}
	}
	b.calm("resubmitted")
	if untouched < count || edited < count*4/5 {
		t.Errorf("too few: %d of %d untouched, %d edited", untouched, count, edited)
	}
}
