package conformance

import (
	"bytes"
	"crypto/sha512"
	"encoding/base64"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var loaded = regexp.MustCompile(`(?:src|href)="(/assets/[^"]+)" integrity="sha384-([^"]+)"`)

// TestPagesOfForms: the pages load nothing from elsewhere, and what they load is
// what they name.
func TestPagesOfForms(t *testing.T) {
	s := running(t)
	fetch := func(path string, headers ...string) answer {
		t.Helper()
		return s.call(t, "", "GET", s.BaseURL+path, nil, headers...)
	}
	for path, least := range map[string]int{"/forms": 6, "/forms/" + url.PathEscape(vitalSigns): 13} {
		page := fetch(path).want(t, 200)
		policy := page.header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; script-src 'self'; ") || strings.Contains(policy, "unsafe-inline") || strings.Contains(policy, "unsafe-eval") || strings.Contains(policy, "http") {
			t.Errorf("%s: the policy is %q", path, policy)
		}
		nonce := regexp.MustCompile(`ngCspNonce="([^"]{16,})"`).FindSubmatch(page.body)
		if nonce == nil || !strings.Contains(policy, "'nonce-"+string(nonce[1])+"'") || bytes.Contains(fetch(path).body, nonce[1]) {
			t.Errorf("%s: the nonce %q is not that of one answer", path, nonce)
		}
		if page.header.Get("Cache-Control") != "no-store" || bytes.Contains(page.body, []byte("http://")) || bytes.Contains(page.body, []byte("https://")) {
			t.Errorf("%s is kept or names another place", path)
		}
		links := loaded.FindAllSubmatch(page.body, -1)
		if len(links) < least || bytes.Count(page.body, []byte("<script")) > bytes.Count(page.body, []byte("integrity=")) {
			t.Errorf("%s loads %d files with their sums, want %d", path, len(links), least)
		}
		for _, link := range links {
			file := fetch(string(link[1])).want(t, 200)
			sum := sha512.Sum384(file.body)
			if base64.StdEncoding.EncodeToString(sum[:]) != html.UnescapeString(string(link[2])) || !strings.Contains(file.header.Get("Cache-Control"), "immutable") {
				t.Errorf("%s is not what %s names, or is not kept", link[1], path)
			}
			packed := fetch(string(link[1]), "Accept-Encoding", "gzip").want(t, 200)
			if len(file.body) > 1000 && (packed.header.Get("Content-Encoding") != "gzip" || len(packed.body) >= len(file.body)) {
				t.Errorf("%s is not packed", link[1])
			}
		}
	}
	for _, path := range []string{"/assets/lforms-000000000000/main.js", "/assets/quire/forms.js", "/assets/lforms-000000000000/..%2Fforms.go"} {
		fetch(path).want(t, 404)
	}
	// A name that is no template shows a page and nothing of the name as markup.
	if odd := fetch("/forms/" + url.PathEscape(`"><script>x`)); odd.status == 200 && bytes.Contains(odd.body, []byte("<script>x")) {
		t.Error("a name became markup")
	}
}

// TestPrintedComesBack: the PDF of a composition holds it, and a record that lost
// the composition takes it back as it was.
func TestPrintedComesBack(t *testing.T) {
	s := running(t)
	for _, name := range []string{"vital_signs_full", "problem_list_full", "referral_full"} {
		home := s.OpenEHR + "/ehr/" + newEHR(t, s) + "/composition"
		at := home + "/" + s.call(t, "clinician", "POST", home, []byte(shipped(name))).want(t, 201, 204).uid(t)
		object, _, _ := strings.Cut(at, "::")
		before := s.call(t, "clinician", "GET", at, nil).want(t, 200)
		printed := s.call(t, "clinician", "GET", at, nil, "Accept", "application/pdf").want(t, 200)
		if !bytes.HasPrefix(printed.body, []byte("%PDF-")) || printed.header.Get("Content-Type") != "application/pdf" {
			t.Fatalf("%s: no PDF: %.40q", name, printed.body)
		}
		// As long as it is there, it is no second one.
		s.call(t, "clinician", "POST", home, printed.body, "Content-Type", "application/pdf").want(t, http.StatusConflict)
		s.call(t, "admin", "DELETE", strings.Replace(object, s.OpenEHR, s.Admin, 1), nil).want(t, 204)
		s.call(t, "clinician", "GET", at, nil).want(t, 404, 410)
		s.call(t, "clinician", "POST", home, printed.body, "Content-Type", "application/pdf").want(t, 201, 204)
		after := s.call(t, "clinician", "GET", at, nil).want(t, 200)
		if !bytes.Equal(before.body, after.body) {
			t.Errorf("%s came back from its PDF with other content", name)
		}
	}
	home := s.OpenEHR + "/ehr/" + newEHR(t, s) + "/composition"
	for _, broken := range []string{"", "%PDF-1.3\n%%EOF", "no PDF at all"} {
		if a := s.call(t, "clinician", "POST", home, []byte(broken), "Content-Type", "application/pdf"); a.status < 400 || a.status >= 500 {
			t.Errorf("%q: %d", broken, a.status)
		}
	}
}
