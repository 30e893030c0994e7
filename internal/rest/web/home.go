package web

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"

	"github.com/quire-cdr/quire/internal/rest"
)

//go:embed page.html
var pageHTML string

var page = template.Must(template.New("page").Parse(pageHTML))

// About is what the page says.
type About struct {
	Version, SystemID string
	// Demo marks a server with demo people and tokens.
	Demo bool
}

// policy lets the page use its own style and nothing else.
var policy = func() string {
	_, style, _ := strings.Cut(pageHTML, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
}()

// Routes is the table of the pages.
func Routes(about About) []rest.Route {
	home := func(call *rest.Call) error {
		var text bytes.Buffer
		err := page.Execute(&text, struct {
			About
			Base string
		}{about, call.BaseURL()})
		if err != nil {
			return err
		}
		call.Set("Cache-Control", "no-store")
		call.Set("Content-Security-Policy", policy)
		return call.Send(http.StatusOK, rest.HTML, text.Bytes())
	}
	return []rest.Route{
		{Method: http.MethodGet, Path: "/", Access: rest.Public, Handler: home},
		{Method: http.MethodGet, Path: "/forms", Access: rest.Public, Handler: forms(about)},
		{Method: http.MethodGet, Path: "/forms/:template", Access: rest.Public, Handler: forms(about)},
		{Method: http.MethodGet, Path: "/assets/:bundle/:file", Access: rest.Public, Handler: serveAsset},
	}
}
