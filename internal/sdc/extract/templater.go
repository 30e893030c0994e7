package extract

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/fhir/fhirpath"
)

// templater fills a contained resource (SDC 4, Template-based extraction): an
// element with a context stands once for each of what that gives, one with a
// value is what that gives, and what nothing fills is left out.
type templater struct {
	variables map[string]fhirpath.Collection
	now       string
	// failed is the first expression that could not be worked out, and why.
	failed string
}

func (t *templater) eval(expression string, about fhirpath.Collection) fhirpath.Collection {
	if expression == "" || t.failed != "" {
		return nil
	}
	parsed, err := fhirpath.Parse(expression)
	if err == nil {
		now, _ := time.Parse(time.RFC3339Nano, t.now)
		variables := map[string]fhirpath.Collection{}
		for name, v := range t.variables {
			variables[name] = v
		}
		variables["context"] = about
		var out fhirpath.Collection
		if out, err = parsed.Eval(about, &fhirpath.Context{Now: now, Variables: variables}); err == nil {
			return out
		}
	}
	t.failed = expression + ": " + err.Error()
	return nil
}

// one is what an expression gives as a text, "" where it gives nothing.
func (t *templater) one(expression string, about fhirpath.Collection) string {
	if got := t.eval(expression, about); len(got) > 0 {
		return got[0].String()
	}
	return ""
}

// steps are the expressions an element holds; other extensions stay with it.
func steps(o object) (context, value string, rest []any) {
	extensions, _ := o["extension"].([]any)
	for _, e := range extensions {
		one, _ := e.(map[string]any)
		switch text(one["url"]) {
		case extContext:
			context = said(one)
		case extValue:
			value = said(one)
		default:
			rest = append(rest, e)
		}
	}
	return context, value, rest
}

// contexts are what an element stands for: each of its own context, else the one
// around it.
func (t *templater) contexts(expression string, about fhirpath.Collection) []fhirpath.Collection {
	if expression == "" {
		return []fhirpath.Collection{about}
	}
	var out []fhirpath.Collection
	for _, value := range t.eval(expression, about) {
		out = append(out, fhirpath.Collection{value})
	}
	return out
}

// plain is a value as a member of a resource.
func plain(v fhirpath.Value) any {
	dec := json.NewDecoder(bytes.NewReader(v.JSON()))
	dec.UseNumber()
	var out any
	if dec.Decode(&out) != nil {
		return nil
	}
	return out
}

// values are what an element with expressions comes to, made the element without.
func (t *templater) values(o object, about fhirpath.Collection, made func(fhirpath.Collection) any) (out []any) {
	context, value, _ := steps(o)
	for _, within := range t.contexts(context, about) {
		if value == "" {
			if one := made(within); one != nil {
				out = append(out, one)
			}
			continue
		}
		for _, v := range t.eval(value, within) {
			out = append(out, plain(v))
		}
	}
	return out
}

// element is a complex element: what it comes to, nothing where it is empty.
func (t *templater) element(o object, about fhirpath.Collection) []any {
	got := t.values(o, about, func(within fhirpath.Collection) any {
		if made := t.object(o, within); len(made) > 0 {
			return made
		}
		return nil
	})
	for n, v := range got {
		if s, ok := v.(string); ok {
			got[n] = object{"reference": s} // an id where a Reference stands
		}
	}
	return got
}

// object fills the members of an object.
func (t *templater) object(o object, about fhirpath.Collection) object {
	out := object{}
	_, _, rest := steps(o)
	if len(rest) > 0 {
		out["extension"] = rest
	}
	for _, name := range sortedNames(o) {
		if name == "extension" || strings.HasPrefix(name, "_") {
			continue
		}
		if beside, ok := o["_"+name]; ok {
			t.primitive(out, name, o[name], beside, about)
			continue
		}
		switch v := o[name].(type) {
		case map[string]any:
			if got := t.element(v, about); len(got) > 0 {
				out[name] = got[0]
			}
		case []any:
			var all []any
			for _, one := range v {
				if inner, ok := one.(map[string]any); ok {
					all = append(all, t.element(inner, about)...)
				} else {
					all = append(all, one)
				}
			}
			if len(all) > 0 {
				out[name] = all
			}
		default:
			out[name] = v
		}
	}
	for _, name := range sortedNames(o) {
		plainName, beside := strings.CutPrefix(name, "_")
		if _, both := o[plainName]; beside && !both {
			t.primitive(out, plainName, nil, o[name], about)
		}
	}
	for _, name := range sortedNames(out) {
		if name != "resourceType" && name != "system" && name != "use" && name != "type" {
			return out
		}
	}
	if o["resourceType"] != nil || fixed(o) {
		return out
	}
	return nil // a frame without a picture
}

// fixed says that no expression stands anywhere in an object.
func fixed(o object) bool {
	encoded, err := json.Marshal(o)
	return err == nil && !bytes.Contains(encoded, []byte(extValue)) && !bytes.Contains(encoded, []byte(extContext))
}

// primitive fills a member of a simple type, whose expressions stand beside it.
func (t *templater) primitive(out object, name string, value, beside any, about fhirpath.Collection) {
	switch side := beside.(type) {
	case map[string]any:
		_, _, rest := steps(side)
		got := t.values(side, about, func(fhirpath.Collection) any { return value })
		if len(got) > 0 {
			out[name] = got[0]
			if len(rest) > 0 {
				out["_"+name] = object{"extension": rest}
			}
		}
	case []any:
		given, _ := value.([]any)
		var all []any
		for n, one := range side {
			var own any
			if n < len(given) {
				own = given[n]
			}
			inner, ok := one.(map[string]any)
			if !ok {
				if own != nil {
					all = append(all, own)
				}
				continue
			}
			all = append(all, t.values(inner, about, func(fhirpath.Collection) any { return own })...)
		}
		if len(all) > 0 {
			out[name] = all
		}
	}
}
