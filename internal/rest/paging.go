package rest

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/fault"
)

// Page cuts a list of total rows by the query parameters offset and fetch, and
// names the neighbouring pages in Link (RFC 8288). path is the list's place
// below the base path. Without fetch there is one page, from offset on.
func (call *Call) Page(path string, total int) (from, to int, err error) {
	offset, err := call.QueryInt("offset")
	if err != nil {
		return 0, 0, err
	}
	fetch, err := call.QueryInt("fetch")
	if err != nil {
		return 0, 0, err
	}
	if offset != nil {
		from = min(*offset, total)
	}
	if fetch == nil {
		return from, total, nil
	}
	if *fetch == 0 {
		return 0, 0, fault.New(fault.Invalid, "fetch", "fetch must be a whole number, 1 or more")
	}
	size := *fetch
	to = from + min(size, total-from)
	pages := [][2]any{{"first", 0}}
	if from > 0 {
		pages = append(pages, [2]any{"prev", max(from-size, 0)})
	}
	if to < total {
		pages = append(pages, [2]any{"next", to})
	}
	if total > 0 {
		pages = append(pages, [2]any{"last", (total - 1) / size * size})
	}
	var links []string
	for _, page := range pages {
		query := url.Values{}
		call.QueryEach(func(name, value string) { query.Add(name, value) })
		query.Set("offset", strconv.Itoa(page[1].(int)))
		links = append(links, fmt.Sprintf(`<%s%s?%s>; rel="%s"`, call.BaseURL(), path, query.Encode(), page[0]))
	}
	call.Set("Link", strings.Join(links, ", "))
	return from, to, nil
}

// ResolveRefs says whether the client asks by Prefer for the objects in the place
// of references to them (ITS-REST overview, Prefer resolving Object references).
func (call *Call) ResolveRefs() bool {
	for _, line := range call.headers("Prefer") {
		for _, token := range strings.FieldsFunc(line, func(r rune) bool { return r == ',' || r == ';' }) {
			name, value, _ := strings.Cut(strings.TrimSpace(token), "=")
			if strings.EqualFold(strings.TrimSpace(name), "resolve_refs") && !strings.EqualFold(strings.TrimSpace(value), "false") {
				return true
			}
		}
	}
	return false
}

// HasBody says whether the request has a body, for a route where it may have none.
func (call *Call) HasBody() bool { return len(call.ctx.BodyRaw()) > 0 }

// IsGet says whether the request may be made again by its URL alone.
func (call *Call) IsGet() bool { return call.ctx.Method() == http.MethodGet }

// Here is the URL of the request with one parameter of its query set anew.
func (call *Call) Here(name, value string) string {
	query := url.Values{}
	call.QueryEach(func(name, value string) { query.Add(name, value) })
	query.Set(name, value)
	path := string(call.ctx.Request().URI().PathOriginal())
	return call.BaseURL() + strings.TrimPrefix(path, call.server.BasePath) + "?" + query.Encode()
}
