package conformance

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browserNames are what Chromium is called; QUIRE_CHROMIUM names another.
var browserNames = []string{"chromium", "chromium-browser", "google-chrome", "headless-shell"}

// tab is one page of a headless browser that reaches the server and nothing else.
type tab struct {
	t   testing.TB
	s   *target
	ctx context.Context

	mu sync.Mutex
	// trouble is what the console, the content policy or a script complained of,
	// and what the page wanted from elsewhere.
	trouble []string
}

// browsed skips a test where all browser checks were not asked for (make
// test-browser): they take minutes. The others run wherever there is a Chromium.
func browsed(t testing.TB) {
	t.Helper()
	if os.Getenv("QUIRE_BROWSER") == "" {
		t.Skip("a browser check: make test-browser")
	}
}

// browse opens a browser signed in as an identity; without Chromium the test is skipped.
func browse(t testing.TB, s *target, who string) *tab {
	t.Helper()
	path := os.Getenv("QUIRE_CHROMIUM")
	for _, name := range browserNames {
		if path == "" {
			path, _ = exec.LookPath(name)
		}
	}
	if path == "" {
		t.Skipf("no Chromium on PATH (%s)", strings.Join(browserNames, ", "))
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1200, 900),
		// No name resolves: whatever the page wants from elsewhere fails and is heard.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"),
		chromedp.Flag("lang", "en-GB"), chromedp.Env("TZ=Europe/London"))
	allocated, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(allocated)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx); stop(); stopAllocator() })
	b := &tab{t: t, s: s, ctx: ctx}
	// The first call starts the browser, which outlives any one step.
	if err := chromedp.Listen(ctx, b.heard); err != nil {
		if os.Getenv("QUIRE_BROWSER") == "" {
			t.Skipf("%s does not start here: %v", path, err)
		}
		t.Fatalf("starting %s: %v", path, err)
	}
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.Navigate(s.BaseURL + "/"))
	token, err := json.Marshal(s.Tokens[who])
	if err != nil {
		t.Fatal(err)
	}
	b.js(`sessionStorage.setItem("quire.token", `+string(token)+`)`, nil)
	return b
}

// heard notes trouble.
func (b *tab) heard(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		b.complain(text)
	case *log.EventEntryAdded:
		// A refusal of the API is the page's business.
		if e.Entry.Level == log.EntryLevelError && !strings.Contains(e.Entry.Text, "status of 4") {
			b.complain(string(e.Entry.Source) + ": " + e.Entry.Text + " " + e.Entry.URL)
		}
	case *page.EventJavascriptDialogOpening:
		// Leaving a form that was changed asks; an event may not call back itself.
		go func() {
			_, _ = chromedp.Call(b.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
		}()
	}
}

func (b *tab) complain(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trouble = append(b.trouble, text)
}

// calm fails the test where there was trouble since it was last asked.
func (b *tab) calm(what string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, text := range b.trouble {
		b.t.Errorf("%s: %s", what, text)
	}
	b.trouble = nil
}

// patience is how long one step of a page may take on a busy machine; a form of
// two hundred questions takes a quiet one two seconds.
const patience = 3 * time.Minute

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatalf("in the browser: %v; %s", err, strings.Join(b.trouble, "; "))
	}
}

// js runs a script and reads its value; a promise is awaited.
func (b *tab) js(script string, value any) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Run(ctx, chromedp.Evaluate[string](`Promise.resolve((() => { return (`+script+`) })()).then(v => JSON.stringify(v === undefined ? null : v))`, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%.200s: %v", script, err)
	}
	if value == nil {
		return
	}
	if err := json.Unmarshal([]byte(result), value); err != nil {
		b.t.Fatalf("%s: %v: %.300s", script, err, result)
	}
}

// until waits for a script to be true.
func (b *tab) until(what, script string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(30 * time.Millisecond) {
		var is bool
		b.js("Boolean("+script+")", &is)
		if is {
			return
		}
		if time.Now().After(deadline) {
			b.shot("gave-up")
			var text string
			b.js(`document.body.innerText.slice(0, 1500)`, &text)
			b.t.Fatalf("waited in vain for %s; the page says:\n%s\n%s", what, text, strings.Join(b.trouble, "\n"))
		}
	}
}

// open goes to a page below the base address.
func (b *tab) open(path string, query url.Values) {
	b.t.Helper()
	address := b.s.BaseURL + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	b.do(chromedp.Navigate(address))
}

// form opens the form of a template for a person: "new", or a stored response.
func (b *tab) form(template, ehr, response string) {
	b.t.Helper()
	var refused string
	for deadline := time.Now().Add(patience); ; {
		b.open("/forms/"+url.PathEscape(template), url.Values{"ehr": {ehr}, "response": {response}})
		b.until("the form "+template, `document.querySelector('#form[data-ready]') || !document.getElementById('summary').hidden`)
		b.js(`document.getElementById('summary').innerText`, &refused)
		if !strings.Contains(refused, busy) || time.Now().After(deadline) {
			break
		}
	}
	if refused != "" {
		b.t.Fatalf("%s: %s", template, refused)
	}
}

// busy is what the server says where a machine is too busy for a decision.
const busy = "the access service does not answer"

// patiently asks again while the server says that it is too busy.
func (s *target) patiently(t testing.TB, who, method, url string, body []byte, headers ...string) answer {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(250 * time.Millisecond) {
		if a := s.call(t, who, method, url, body, headers...); a.status != http.StatusServiceUnavailable || time.Now().After(deadline) {
			return a
		}
	}
}

// shot keeps a picture in the folder QUIRE_SHOTS, for eyes.
func (b *tab) shot(name string) {
	b.t.Helper()
	dir := os.Getenv("QUIRE_SHOTS")
	if dir == "" {
		return
	}
	// A banner that stays in sight would stand in the middle of the picture.
	b.js(`window.scrollTo({top: 0, behavior: 'instant'})`, nil)
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600); err != nil {
		b.t.Fatal(err)
	}
}
