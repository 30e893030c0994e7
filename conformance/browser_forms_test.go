package conformance

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/quire-cdr/quire/templates"
)

// ourTemplates are the templates this repository ships.
func ourTemplates(t testing.TB, s *target) []string {
	t.Helper()
	list := s.patiently(t, "clinician", "GET", s.OpenEHR+"/definition/template/adl1.4", nil).want(t, 200)
	var found []struct {
		ID string `json:"template_id"`
	}
	if err := json.Unmarshal(list.body, &found); err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(root(t), "templates", "opt", "*.opt"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, one := range found {
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), "<value>"+one.ID+"</value>") {
				out = append(out, one.ID)
				break
			}
		}
	}
	return out
}

// question is one question that people see, as the Questionnaire has it.
type question struct {
	LinkID string `json:"linkId"`
	Type   string `json:"type"`
	Class  string `json:"class"`
	// Low is the least value allowed, "" where there is no bound.
	Low string `json:"low"`
	// Units is how many units there are to choose from.
	Units int `json:"units"`
	// Example is an answer that the form itself gives as one, "" for none.
	Example string `json:"example"`
	// Media is a type of file that it takes.
	Media string `json:"media"`
	// ID is the element's, once rendered.
	ID string `json:"id"`
}

// page scripts: what the form asks, always or where an answer before asks for it,
// and what of it stands on the page.
const (
	askScript = `(async (conditional) => {
		const template = document.body.dataset.template;
		const {content} = await Quire.get('/fhir/r4/Questionnaire' + Quire.query({'openehr-template': template}));
		const out = [], ext = (i, n) => (i.extension || []).find(e => e.url.endsWith('/' + n)) || {};
		const walk = (items, depends) => (items || []).forEach(i => {
			if (ext(i, 'questionnaire-hidden').valueBoolean) return;
			const when = depends || (i.enableWhen || []).some(w => w.operator !== 'exists');
			if (i.type === 'group') return walk(i.item, when);
			if (i.type === 'display' || when !== conditional) return;
			const low = Object.values(ext(i, 'minValue')).find(v => typeof v === 'number');
			const least = (ext(i, 'sdc-questionnaire-minQuantity').valueQuantity || {}).value;
			out.push({linkId: i.linkId, type: i.type, class: ext(i, 'openehr-class').valueCode || '', low: String(least ?? low ?? ''),
				units: (i.extension || []).filter(e => e.url.endsWith('/questionnaire-unitOption')).length,
				media: ext(i, 'mimeType').valueCode || 'image/png', example: ((ext(i, 'entryFormat').valueString || '').match(/such as (\S+)/) || [])[1] || ''});
		});
		walk(content.entry[0].resource.item, false);
		return out;
	})`
	renderedScript = `(() => {
		const out = {};
		for (const e of document.querySelectorAll('#form [id^="item-"]')) {
			const linkId = e.id.slice(5).replace(/(\/\d+)+$/, '');
			const control = [...e.querySelectorAll('input, textarea, select, button:not(.lhc-help-button)')].find(c => c.closest('[id^="item-"]') === e && c.getClientRects().length);
			if (control && !(linkId in out)) out[linkId] = e.id;
		}
		return out;
	})()`
)

// asked lists the questions of the form on the page; each must have an input.
func (b *tab) asked() []question {
	b.t.Helper()
	var items []question
	var rendered map[string]string
	b.js(askScript+`(false)`, &items)
	b.js(renderedScript, &rendered)
	if len(items) == 0 {
		b.t.Fatal("the form asks nothing")
	}
	for n, i := range items {
		if items[n].ID = rendered[i.LinkID]; items[n].ID == "" {
			b.t.Errorf("no input for %s (%s, %s)", i.LinkID, i.Type, i.Class)
		}
	}
	return items
}

// askedFurther lists the questions that stand on the page because of answers.
func (b *tab) askedFurther() []question {
	b.t.Helper()
	var items []question
	var rendered map[string]string
	b.js(askScript+`(true)`, &items)
	b.js(renderedScript, &rendered)
	var out []question
	for _, i := range items {
		if i.ID = rendered[i.LinkID]; i.ID != "" {
			out = append(out, i)
		}
	}
	return out
}

// quoted is a text as a script writes it.
func quoted(text string) string {
	out, _ := json.Marshal(text)
	return string(out)
}

// focus puts the focus on the first input of an item.
func (b *tab) focus(i question) bool {
	b.t.Helper()
	var there bool
	b.js(`(() => { const e = document.getElementById(`+quoted(i.ID)+`); if (!e) return false;
		const c = [...e.querySelectorAll('input, textarea')].find(c => c.getClientRects().length && !c.disabled && c.closest('[id^="item-"]') === e);
		if (c) c.focus(); return Boolean(c); })()`, &there)
	return there
}

// text enters words at once, as a paste does, and leaves the input by a key.
func (b *tab) text(words, leave string) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, input.InsertText, input.InsertTextParams{Text: words}); err != nil {
		b.t.Fatal(err)
	}
	b.keys(leave)
}

func (b *tab) keys(text string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(text))
}

// typed answers an item by the keyboard and says what an answer must hold.
func (b *tab) typed(n int, i question) string {
	b.t.Helper()
	if !b.focus(i) {
		return ""
	}
	switch i.Type {
	case "attachment":
		// What the dialog of a browser does with the file that was chosen.
		b.js(`(input => { const t = new DataTransfer(); t.items.add(new File(['content'], 'file', {type: '`+i.Media+`'}));
			input.files = t.files; input.dispatchEvent(new Event('change', {bubbles: true})); })(document.activeElement)`, nil)
		b.until("the file is read", answersScript+`(Quire.rendered())[`+quoted(i.LinkID)+`]`)
		return i.Media
	case "choice", "open-choice", "boolean":
		var radio bool
		b.js(`document.activeElement.type === 'radio' || document.activeElement.type === 'checkbox'`, &radio)
		if radio {
			b.keys(" ")
			return ""
		}
		b.keys(kb.ArrowDown)
		b.keys(kb.Enter)
		b.keys(kb.Tab)
		return ""
	case "quantity", "decimal", "integer":
		text := "1"
		if i.Low != "" {
			text = i.Low
		}
		b.text(text, kb.Tab)
		switch {
		case i.Units > 1:
			// The unit is a list beside the number, and none is chosen for anybody.
			b.keys(kb.ArrowDown)
			b.keys(kb.Enter)
			b.keys(kb.Tab)
		case i.Units == 0 && i.Class == "DV_QUANTITY":
			// The unit is whatever is written beside the number.
			b.text("mg", kb.Tab)
		}
		return `:` + text
	case "date":
		b.text("03/04/2026", kb.Enter+kb.Tab)
		return "2026-04-03"
	case "dateTime":
		b.text("03/04/2026 05:06:07", kb.Enter+kb.Tab)
		return "2026-04-03T04:06:07"
	case "time":
		b.text("10:11:12", kb.Enter+kb.Tab)
		return "10:11:12"
	}
	text := fmt.Sprintf("Words %d", n)
	switch i.Class {
	case "DV_URI":
		text = fmt.Sprintf("https://example.org/%d", n)
	case "DV_EHR_URI":
		text = "ehr://quire.local/x"
	case "DV_DURATION":
		text = i.Example
	}
	b.text(text, kb.Tab)
	return text
}

// answersScript are the answers people see, by linkId, as comparable texts.
const answersScript = `(response => {
	const out = {}, walk = items => (items || []).forEach(i => {
		(i.answer || []).forEach(a => {
			for (const [k, v] of Object.entries(a)) {
				if (!k.startsWith('value')) continue;
				let text = k + JSON.stringify(v);
				if (k === 'valueCoding') text = v.code || v.display;
				if (k === 'valueString') text = v;
				if (k === 'valueAttachment') text = v.contentType + ' ' + v.data;
				if (k === 'valueQuantity') text = ':' + v.value + ' ' + (v.code || v.unit || '');
				if (k === 'valueDecimal' || k === 'valueInteger') text = ':' + v;
				if (k === 'valueDateTime') text = new Date(v).toISOString();
				(out[i.linkId] = out[i.linkId] || []).push(text);
			}
		});
		walk(i.item);
	});
	walk(response.item);
	return out;
})`

func (b *tab) submit() {
	b.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		b.js(`document.querySelector('.q-actions button').focus()`, nil)
		b.keys(kb.Enter)
		b.until("the answer to the submit", `document.getElementById('done') || document.querySelector('#summary:not([hidden])') && !document.querySelector('.q-actions [aria-disabled]')`)
		if !strings.Contains(b.refusal(), busy) || time.Now().After(deadline) {
			return
		}
	}
}

func (b *tab) refusal() string {
	b.t.Helper()
	var text string
	b.js(`document.getElementById('summary').innerText`, &text)
	return text
}

// named fails where assistive technology would meet a control without a name, or
// a page without its landmarks.
func (b *tab) named(what string) {
	b.t.Helper()
	tree, err := chromedp.Call(b.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		b.t.Fatal(err)
	}
	text := func(v *accessibility.Value) string {
		if v == nil {
			return ""
		}
		var s string
		_ = json.Unmarshal(v.Value, &s)
		return s
	}
	controls := []string{"textbox", "combobox", "button", "radio", "checkbox", "spinbutton", "link", "searchbox", "listbox"}
	roles, nameless := map[string]int{}, map[string]int{}
	for _, n := range tree.Nodes {
		if n.Ignored {
			continue
		}
		role := text(n.Role)
		roles[role]++
		if slices.Contains(controls, role) && strings.TrimSpace(text(n.Name)) == "" {
			nameless[role]++
		}
	}
	if len(nameless) > 0 {
		b.t.Errorf("%s: controls without a name: %v", what, nameless)
	}
	for _, landmark := range []string{"banner", "main", "navigation", "contentinfo"} {
		if roles[landmark] != 1 {
			b.t.Errorf("%s: %d landmarks %s", what, roles[landmark], landmark)
		}
	}
	var headings int
	b.js(`document.querySelectorAll('h1').length`, &headings)
	if headings != 1 {
		b.t.Errorf("%s: %d headings of the first level", what, headings)
	}
}

func TestEveryFormIsFilledInTheBrowser(t *testing.T) {
	browsed(t)
	s := running(t)
	b := browse(t, s, "clinician")
	list := ourTemplates(t, s)
	if shipped := templates.All(); len(list) < len(shipped) {
		t.Errorf("%d of %d templates of ours", len(list), len(shipped))
	}
	for _, id := range list {
		t.Run(id, func(t *testing.T) {
			b.t = t
			ehr := newEHR(t, s)
			b.form(id, ehr, "new")
			items := b.asked()
			b.named(id)
			typed := map[string]string{}
			for n, i := range items {
				if want := b.typed(n, i); want != "" {
					typed[i.LinkID] = want
				}
			}
			further := b.askedFurther()
			for n, i := range further {
				if want := b.typed(len(items)+n, i); want != "" {
					typed[i.LinkID] = want
				}
			}
			var entered, stored map[string][]string
			b.js(answersScript+`(Quire.rendered())`, &entered)
			for linkID, want := range typed {
				if !slices.ContainsFunc(entered[linkID], func(have string) bool { return strings.Contains(have, want) }) {
					t.Errorf("%s: typed %q, the form holds %q", linkID, want, entered[linkID])
				}
			}
			b.shot("filled " + id)
			b.submit()
			b.shot("stored " + id)
			if text := b.refusal(); text != "" {
				t.Fatalf("refused:\n%s", text)
			}
			b.js(`Quire.get('/fhir/r4/QuestionnaireResponse/' + new URLSearchParams(location.search).get('composition').split('::')[0]).then(a => `+answersScript+`(a.content))`, &stored)
			same := 0
			for linkID, want := range entered {
				if strings.HasPrefix(linkID, "_") {
					continue
				}
				have := stored[linkID]
				sort.Strings(want)
				sort.Strings(have)
				if strings.HasSuffix(linkID, "/_type") && len(have) == 0 {
					continue // a kind of answer without an answer says nothing
				}
				if !slices.Equal(want, have) {
					t.Errorf("%s: entered %q, stored %q", linkID, want, have)
				}
				same++
			}
			b.calm(id)
			t.Logf("%d questions with an input each, %d more that answers asked for, %d answered and stored as entered", len(items), len(further), same)
		})
	}
}

// TestForeignTemplatesRenderInTheBrowser: real templates of others, each with an
// input for every question.
func TestForeignTemplatesRenderInTheBrowser(t *testing.T) {
	browsed(t)
	var paths []string
	for _, folder := range []string{"openehr/opt", "web-template", "uk", "sdc"} {
		_ = filepath.WalkDir(filepath.Join(root(t), "..", "shared", "fixtures", filepath.FromSlash(folder)), func(path string, d fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".opt") && !strings.Contains(filepath.ToSlash(path), "/invalid/") {
				paths = append(paths, path)
			}
			return nil
		})
	}
	if len(paths) == 0 {
		t.Skip("the fixtures are not here")
	}
	s := running(t)
	b := browse(t, s, "clinician")
	ehr := newEHR(t, s)
	total, forms := 0, 0
	for _, path := range paths {
		t.Run(filepath.Base(filepath.Dir(path))+"/"+filepath.Base(path), func(t *testing.T) {
			b.t = t
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			up := s.patiently(t, "admin", "POST", s.OpenEHR+"/definition/template/adl1.4", text, "Content-Type", "application/xml", "Prefer", "return=identifier")
			if up.status >= 400 && up.status != 409 {
				t.Skipf("not a template this server takes: %d", up.status)
			}
			_, id, _ := strings.Cut(string(text), "<template_id>")
			_, id, _ = strings.Cut(id, "<value>")
			id, _, _ = strings.Cut(id, "</value>")
			b.form(id, ehr, "new")
			items := b.asked()
			total += len(items)
			forms++
			b.calm(id)
			t.Logf("%d questions", len(items))
		})
	}
	t.Logf("%d templates, %d of them forms, %d questions with an input each", len(paths), forms, total)
}

func TestTheFormIsUsedByKeyboardAlone(t *testing.T) {
	browsed(t)
	s := running(t)
	b := browse(t, s, "clinician")
	tabTo := func(what, script string) {
		t.Helper()
		for range 120 {
			var there bool
			b.js(`Boolean((e => `+script+`)(document.activeElement))`, &there)
			if there {
				return
			}
			b.keys(kb.Tab)
		}
		t.Fatalf("120 tabs do not lead to %s", what)
	}
	b.open("/forms/"+url.PathEscape(vitalSigns), nil)
	b.until("the choice of a person", `document.getElementById('person')`)
	b.shot("person")
	b.named("person")
	tabTo("the number", `e.id === 'person'`)
	b.keys("999 000 0018" + kb.Enter)
	b.until("the forms of the person", `[...document.querySelectorAll('button')].some(x => x.textContent === 'Start the form')`)
	b.shot("responses")
	b.named("responses")
	tabTo("the start", `e.textContent === 'Start the form'`)
	b.keys(kb.Enter)
	b.until("the form", `document.querySelector('#form[data-ready]')`)
	b.shot("form")
	var banner string
	b.js(`document.getElementById('banner').innerText`, &banner)
	if !strings.Contains(banner, "999 000 0018") {
		t.Errorf("the banner says %q", banner)
	}

	// A value that cannot be: the refusal takes the focus and stands at its item.
	tabTo("systolic", `e.tagName === 'INPUT' && e.id.includes('/systolic/')`)
	b.keys("5000" + kb.Tab)
	tabTo("the submit", `e.textContent === 'Submit'`)
	b.keys(kb.Enter)
	b.until("the refusal", `!document.getElementById('summary').hidden`)
	b.shot("refused")
	b.named("refused")
	var refused struct {
		Focus, Invalid, Described, Said string
	}
	b.js(`(() => { const i = document.querySelector('[aria-invalid=true]'), d = i && document.getElementById(i.getAttribute('aria-describedby'));
		return {Focus: document.activeElement.id, Invalid: i ? i.id : '', Described: d ? d.textContent : '', Said: document.getElementById('summary').innerText}; })()`, &refused)
	if refused.Focus != "summary" || !strings.Contains(refused.Invalid, "systolic") || refused.Described == "" || !strings.Contains(refused.Said, "Systolic") {
		t.Errorf("the refusal: %+v", refused)
	}
	tabTo("the link in the summary", `e.closest('#summary') && e.tagName === 'A'`)
	b.keys(kb.Enter)
	tabTo("systolic again", `e.tagName === 'INPUT' && e.id.includes('/systolic/')`)
	b.keys(kb.End + strings.Repeat(kb.Backspace, 4) + "121" + kb.Tab)

	// A draft first, then the whole.
	tabTo("the draft", `e.textContent === 'Save draft'`)
	b.keys(kb.Enter)
	b.until("the draft", `document.querySelector('.q-tag') && document.querySelector('.q-tag').textContent === 'Draft' && document.querySelector('#form[data-ready]')`)
	b.shot("draft")
	tabTo("the submit", `e.textContent === 'Submit'`)
	b.keys(kb.Enter)
	b.until("the stored document", `document.getElementById('done')`)
	b.shot("stored")
	b.named("stored")
	var said string
	b.js(`document.querySelector('.q-document').innerText`, &said)
	if !strings.Contains(said, "121 mm[Hg]") {
		t.Errorf("the stored document says:\n%.900s", said)
	}
	b.calm("the journey")
}
