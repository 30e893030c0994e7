package web

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"

	"github.com/quire-cdr/quire/internal/rest"
)

//go:embed forms.html
var formsHTML string

var formsPage = template.Must(template.New("forms").Parse(formsHTML))

// formScripts are loaded in this order: the locale before what reads it, zone.js
// before the component, which never becomes ready otherwise, and the page's own
// scripts last.
var formScripts = []struct{ folder, name string }{
	{"quire", "locale.js"}, {"lforms", "zone.min.js"}, {"lforms", "runtime.js"}, {"lforms", "polyfills.js"}, {"lforms", "main.js"}, {"lforms", "lformsFHIR.min.js"},
	{"quire", "api.js"}, {"quire", "answers.js"}, {"quire", "document.js"}, {"quire", "errors.js"}, {"quire", "dates.js"}, {"quire", "forms.js"},
}

// shell is what the page of forms is made of. It holds no record data: its
// scripts ask the API for them with the caller's own token.
type shell struct {
	About
	// Base is the path before every route, "" for none.
	Base, Template string
	// Nonce lets the renderer write style elements, and nobody else.
	Nonce   string
	Styles  []Link
	Scripts []Link
}

// formsPolicy allows scripts, styles and requests of this server alone. The
// renderer writes style elements, which the nonce is for, and two style attributes
// that are always the same, which are known by their hashes.
func formsPolicy(nonce string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-" + nonce + "'; " +
		"style-src-attr 'unsafe-hashes' 'sha256-T6AAKdWxO6p6GZVyzGAJDSLhOoPuuoZ6LlqMX153CvM=' 'sha256-N6tSydZ64AHCaOWfwKbUhxXx2fRFDxHOaL3e3CO7GPI='; img-src 'self' data:; connect-src 'self'; font-src 'self'; " +
		"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
}

// forms answers with the list of forms, or with the page of one template.
func forms(about About) rest.Handler {
	return func(call *rest.Call) error {
		seed := make([]byte, 16)
		if _, err := rand.Read(seed); err != nil {
			return err
		}
		s := shell{About: about, Base: basePath(call), Template: call.Param("template"), Nonce: base64.RawURLEncoding.EncodeToString(seed)}
		all := assets()
		s.Styles = []Link{all.link(s.Base, "lforms", "styles.css"), all.link(s.Base, "quire", "quire.css")}
		for _, script := range formScripts {
			if s.Template != "" || script.folder == "quire" && script.name != "locale.js" {
				s.Scripts = append(s.Scripts, all.link(s.Base, script.folder, script.name))
			}
		}
		if s.Template == "" {
			s.Styles = s.Styles[1:]
		}
		var text bytes.Buffer
		if err := formsPage.Execute(&text, s); err != nil {
			return err
		}
		call.Set("Cache-Control", "no-store")
		call.Set("Content-Security-Policy", formsPolicy(s.Nonce))
		return call.Send(http.StatusOK, rest.HTML, text.Bytes())
	}
}

// basePath is the part of the base address that the browser is sure to share.
func basePath(call *rest.Call) string {
	address, err := url.Parse(call.BaseURL())
	if err != nil {
		return ""
	}
	return address.Path
}
