package conformance

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// dateInput is the first picker of dates of a kind on the page; the script puts the
// focus on it.
const dateInput = `((kind) => { const e = [...document.querySelectorAll('#form .' + kind + ' input')].find(e => e.getClientRects().length); if (e) e.focus(); return Boolean(e); })`

// datesHeld are the answers with a date that the form holds.
const datesHeld = `(() => { const out = [], walk = items => (items || []).forEach(i => { (i.answer || []).forEach(a => { if (a.valueDateTime || a.valueDate) out.push(a.valueDateTime || a.valueDate); }); walk(i.item); });
	walk(Quire.rendered().item); return out; })()`

// TestDatesTypedInTheBrowser: a typed date is taken with the day before the month,
// or refused where people see it; none is swapped, guessed or dropped in silence.
func TestDatesTypedInTheBrowser(t *testing.T) {
	s := running(t)
	b := browse(t, s, "clinician")
	b.form("Allergies and adverse reactions.v1", newEHR(t, s), "new")
	type reading struct {
		text  string
		timed bool
		want  string
	}
	readings := []reading{
		{"03/04/2026", false, "03 Apr 2026"}, {"3/4/2026", false, "03 Apr 2026"}, {"03.04.2026", false, "03 Apr 2026"}, {"3-4-2026", false, "03 Apr 2026"},
		{"2026-04-03", false, "03 Apr 2026"}, {"3 april 2026", false, "03 Apr 2026"}, {"29/02/2024", false, "29 Feb 2024"}, {"03 Sep 2026", false, "03 Sep 2026"},
		{"03/04/2026 05:06:07", true, "03 Apr 2026 05:06:07"}, {"3/4/2026 5:06", true, "03 Apr 2026 05:06:00"}, {"2026-04-03T05:06:07", true, "03 Apr 2026 05:06:07"},
		// No date, not all of one, or one that could be read two ways.
		{"31/02/2026", false, ""}, {"29/02/2026", false, ""}, {"04/13/2026", false, ""}, {"03/04/26", false, ""}, {"04/2026", false, ""}, {"2026", false, ""}, {"yesterday", false, ""},
		{"03/04-2026", false, ""}, {"3 foo 2026", false, ""}, {"03/04/2026", true, ""}, {"03/04/2026 05:06", false, ""}, {"03/04/2026 25:00", true, ""}, {"03/04/2026 05:60", true, ""},
		// The clocks of London skip this hour.
		{"29/03/2026 01:30", true, ""},
	}
	for _, r := range readings {
		text, err := json.Marshal(r.text)
		if err != nil {
			t.Fatal(err)
		}
		var got string
		timed := "false"
		if r.timed {
			timed = "true"
		}
		b.js(`Quire.dates.read(`+string(text)+`, `+timed+`) || ''`, &got)
		if got != r.want {
			t.Errorf("%q is read as %q, want %q", r.text, got, r.want)
		}
	}

	var before, held []string
	b.js(datesHeld, &before)
	typing := func(text, leave string) (shown, said string) {
		t.Helper()
		var there bool
		b.js(dateInput+`('lhc-datetime-picker')`, &there)
		if !there {
			t.Fatal("no date on the page")
		}
		b.js(`window.typedInto = document.activeElement, window.typedInto.select()`, nil)
		b.keys(text + leave)
		b.until("the date is judged", `document.activeElement !== window.typedInto || `+boolean(leave == kb.Enter))
		b.js(`new Promise(done => setTimeout(() => done(window.typedInto.value), 60))`, &shown)
		b.js(`[...document.querySelectorAll('#form .q-error')].map(e => e.innerText).join('; ')`, &said)
		b.js(datesHeld, &held)
		return shown, said
	}
	if shown, said := typing("03/04/2026 05:06", kb.Tab); shown != "03 Apr 2026 05:06:00" || said != "" || len(held) != len(before)+1 || !strings.Contains(strings.Join(held, " "), "2026-04-03T04:06:00") {
		t.Errorf("typed: shown %q, said %q, held %q, before %q", shown, said, held, before)
	}
	// What cannot be is refused where it stands; the answer before remains, in sight.
	if shown, said := typing("13/13/2026 05:06", kb.Tab); shown != "03 Apr 2026 05:06:00" || !strings.Contains(said, `"13/13/2026 05:06" was not taken`) || !strings.Contains(strings.Join(held, " "), "2026-04-03T04:06:00") {
		t.Errorf("refused: shown %q, said %q, held %q", shown, said, held)
	}
	b.submit()
	if text := b.refusal(); !strings.Contains(text, "A date was not taken, so nothing was sent") {
		t.Errorf("submitted with a date refused: %q", text)
	}
	b.shot("date-refused")
	b.named("date refused")
	// A date alone where a time belongs to it is no midnight.
	if shown, said := typing("05/04/2026", kb.Enter+kb.Tab); shown != "03 Apr 2026 05:06:00" || !strings.Contains(said, "and time") {
		t.Errorf("without a time: shown %q, said %q", shown, said)
	}
	if shown, said := typing("05/04/2026 07:08", kb.Enter+kb.Tab); shown != "05 Apr 2026 07:08:00" || said != "" || !strings.Contains(strings.Join(held, " "), "2026-04-05T06:08:00") {
		t.Errorf("put right: shown %q, said %q, held %q", shown, said, held)
	}
	// Emptied by the keyboard is cleared.
	if shown, said := typing(kb.Backspace, kb.Tab); shown != "" || said != "" || len(held) != len(before) {
		t.Errorf("cleared: shown %q, said %q, held %q, before %q", shown, said, held, before)
	}
	b.calm("dates")
}

func boolean(is bool) string {
	if is {
		return "true"
	}
	return "false"
}
