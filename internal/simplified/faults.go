package simplified

import (
	"strings"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/validate"
)

// contextPaths are the places that ctx keys fill, by the beginning of their name;
// those of every entry are not named here and belong to the whole composition.
var contextPaths = []struct{ name, path string }{
	{"language", "/language"}, {"territory", "/territory"}, {"category", "/category"},
	{"composer_", "/composer"}, {"time", "/context/start_time"}, {"end_time", "/context/end_time"},
	{"setting", "/context/setting"}, {"location", "/context/location"},
	{"health_care_facility", "/context/health_care_facility"}, {"participation_", "/context/participations"},
	{"link", "/links"}, {"generic_fields", "/feeder_audit/original_content"},
}

// placed gives each fault of a key the AQL path it lacks: that of the deepest
// node the key names.
func (t *Template) placed(err error) error {
	f := fault.Of(err)
	for i := range f.Issues {
		if issue := &f.Issues[i]; issue.AQLPath == "" && issue.FlatKey != "" {
			issue.AQLPath = t.aqlPath(issue.FlatKey)
		}
	}
	return err
}

func (t *Template) aqlPath(key string) string {
	key, _, _ = strings.Cut(key, "|")
	if name, ok := strings.CutPrefix(key, "ctx/"); ok {
		name = strings.TrimPrefix(name, "_")
		for _, c := range contextPaths {
			if strings.HasPrefix(name, c.name) {
				return c.path
			}
		}
		return "/"
	}
	segments := strings.Split(key, "/")
	at := t.Web.Root
	for _, segment := range segments[1:] {
		id, _, _ := strings.Cut(segment, ":")
		below := at.Child(id)
		if below == nil {
			break
		}
		at = below
	}
	if at.AQLPath == "" {
		return "/"
	}
	return at.AQLPath
}

// judged adds to the faults of keys those of the values beside them, so that all
// are told at once. What is missing is not judged: it may be missing because its
// key was refused.
func (t *Template) judged(err error, rest *rm.Tree) error {
	f := fault.Of(err)
	if rest == nil {
		return err
	}
	told := map[string]bool{}
	for _, i := range f.Issues {
		told[withoutSuffix(i.FlatKey)] = true
	}
	var values []fault.Issue
	for _, i := range validate.Check(rest, t.Web.Template, validate.Options{EHRbase: true}) {
		if !i.Warning && ofValue(i.Rule) {
			values = append(values, i)
		}
	}
	t.Explain(rest, values)
	for _, i := range values {
		if i.FlatKey != "" && !told[withoutSuffix(i.FlatKey)] {
			f.Issues = append(f.Issues, i)
		}
	}
	return err
}

func ofValue(rule string) bool {
	for _, kind := range [...]string{"value-", "lexical-", "terminology-"} {
		if strings.HasPrefix(rule, kind) {
			return true
		}
	}
	return false
}

func withoutSuffix(key string) string {
	key, _, _ = strings.Cut(key, "|")
	return key
}
