package source

import (
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/quire-cdr/quire/internal/aom"
)

// Limits of a source.
const (
	maxSource  = 4 << 20
	maxFaults  = 200
	maxInherit = 8
	maxEntries = 20_000
	maxNesting = 120
	// maxVisits bounds what aliases can multiply.
	maxVisits = 1_000_000
)

// ReadYAML reads a source from a file of the folder, together with the files it
// inherits. The error is a *fault.Error of kind Invalid with every fault found.
func ReadYAML(folder fs.FS, file string) (*Source, error) {
	r := &yamlReader{folder: folder}
	s := r.file(file, 0)
	if err := r.Faults.Err("the template source cannot be read"); err != nil {
		return nil, err
	}
	return s, nil
}

type yamlReader struct {
	Faults
	folder  fs.FS
	current string
	open    []string
	rules   map[string][]Entry
	entries int
	depth   int
	visits  int
}

// visit counts what is read; a source whose aliases multiply is cut off.
func (r *yamlReader) visit(n *yaml.Node) bool {
	if r.visits++; r.visits == maxVisits {
		r.wrong(n, "", "the source is too large once its aliases are followed")
	}
	return r.visits < maxVisits
}

var yamlErrorLine = regexp.MustCompile(`line ([0-9]+)`)

func (r *yamlReader) file(name string, depth int) *Source {
	s := &Source{File: name, Place: Place{File: name}, Lines: map[string]Place{}, rules: map[string][]Entry{}}
	if depth > maxInherit {
		r.Add(s.Place, "", "source-inherit", "", name, "sources inherit one another too deeply")
		return s
	}
	text, err := fs.ReadFile(r.folder, name)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid):
		r.Add(s.Place, "", "source-file", "a file of the folder", name, "there is no file %s", name)
		return s
	case err != nil:
		r.Add(s.Place, "", "source-file", "", name, "%s cannot be read: %v", name, err)
		return s
	case len(text) > maxSource:
		r.Add(s.Place, "", "source-file", "at most 4 MB", "", "%s is larger than 4 MB", name)
		return s
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		at := s.Place
		if m := yamlErrorLine.FindStringSubmatch(err.Error()); m != nil {
			at.Line, _ = strconv.Atoi(m[1])
		}
		r.Add(at, "", "source-yaml", "YAML", "", "%s", strings.TrimPrefix(err.Error(), "yaml: "))
		return s
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		r.Add(s.Place, "", "source-yaml", "a mapping", "", "a source is a mapping that begins with template:")
		return s
	}
	outer := r.current
	r.current = name
	r.source(s, doc.Content[0], depth)
	r.current = outer
	return s
}

func (r *yamlReader) at(n *yaml.Node) Place { return Place{r.current, n.Line, n.Column} }

func (r *yamlReader) wrong(n *yaml.Node, expected, format string, args ...any) {
	found := n.Value
	if n.Kind != yaml.ScalarNode {
		found = map[yaml.Kind]string{yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list"}[n.Kind]
	}
	r.Add(r.at(n), "", "source-value", expected, found, format, args...)
}

// follow leads an alias to what it stands for.
func follow(n *yaml.Node) *yaml.Node {
	for i := 0; n.Kind == yaml.AliasNode && n.Alias != nil && i < 8; i++ {
		n = n.Alias
	}
	return n
}

// members visits the members of a mapping; visit says whether it knows the key.
func (r *yamlReader) members(n *yaml.Node, what string, known []string, visit func(key string, k, v *yaml.Node)) {
	n = follow(n)
	if n.Kind != yaml.MappingNode {
		r.wrong(n, "a mapping", "%s is a mapping", what)
		return
	}
	if r.depth++; r.depth > maxNesting {
		r.wrong(n, "", "mappings are nested too deeply")
		return
	}
	defer func() { r.depth-- }()
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content) && r.visit(n); i += 2 {
		k, v := n.Content[i], follow(n.Content[i+1])
		if k.Tag == "!!merge" {
			r.members(v, what, known, visit)
			continue
		}
		if seen[k.Value] {
			r.Add(r.at(k), "", "source-key", "one "+k.Value, "several", "%s has %s twice", what, k.Value)
			continue
		}
		seen[k.Value] = true
		if known != nil && !slices.Contains(known, k.Value) {
			r.Add(r.at(k), "", "source-key", Nearest(k.Value, known), k.Value, "%s has no key %s; the nearest is %s", what, k.Value, Nearest(k.Value, known))
			continue
		}
		visit(k.Value, k, v)
	}
}

// text reads a scalar as it was written.
func (r *yamlReader) text(n *yaml.Node) string {
	n = follow(n)
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		r.wrong(n, "a text", "a text stands here")
		return ""
	}
	return n.Value
}

func (r *yamlReader) flag(n *yaml.Node) bool {
	switch t := r.text(n); t {
	case "true":
		return true
	case "false", "":
	default:
		r.wrong(n, "true or false", "true or false stands here, not %q", t)
	}
	return false
}

// texts reads a list of texts; one text is a list of one.
func (r *yamlReader) texts(n *yaml.Node) []string {
	n = follow(n)
	if n.Kind == yaml.ScalarNode {
		return []string{r.text(n)}
	}
	if n.Kind != yaml.SequenceNode {
		r.wrong(n, "a list", "a list stands here")
		return nil
	}
	var out []string
	for _, item := range n.Content {
		if !r.visit(item) {
			break
		}
		out = append(out, r.text(item))
	}
	return out
}

func (r *yamlReader) pairs(n *yaml.Node, what string) []aom.KeyValue {
	var out []aom.KeyValue
	r.members(n, what, nil, func(key string, _, v *yaml.Node) { out = append(out, aom.KeyValue{Key: key, Value: r.text(v)}) })
	return out
}

var headerKeys = strings.Fields(`template concept version uid sensitivity language languages lifecycle author contributors details
	description close_slots root name inherit rules nodes remove use`)

func (r *yamlReader) source(s *Source, n *yaml.Node, depth int) {
	s.Place = r.at(n)
	// What is inherited comes first, wherever it is said.
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "inherit" {
			for _, file := range r.texts(n.Content[i+1]) {
				name := path.Join(path.Dir(r.current), file)
				if slices.Contains(r.open, name) || name == r.current {
					r.Add(r.at(n.Content[i+1]), "", "source-inherit", "", file, "%s inherits itself", file)
					continue
				}
				r.open = append(r.open, r.current)
				s.inherit(r.file(name, depth+1))
				r.open = r.open[:len(r.open)-1]
			}
		}
	}
	r.rules = s.rules
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "rules" {
			r.members(n.Content[i+1], "rules", nil, func(key string, k, v *yaml.Node) { s.rules[key] = r.list(v) })
		}
	}
	var removed, used, nodes []Entry
	r.members(n, "a template source", headerKeys, func(key string, k, v *yaml.Node) {
		s.Lines[key] = r.at(k)
		switch key {
		case "template":
			s.TemplateID = r.text(v)
		case "concept":
			s.Concept = r.text(v)
		case "version":
			s.Version = r.text(v)
		case "uid":
			s.UID = r.text(v)
		case "sensitivity":
			s.Sensitivity = r.text(v)
		case "language":
			s.Language = r.text(v)
		case "languages":
			s.Languages = r.texts(v)
		case "lifecycle":
			s.Lifecycle = r.text(v)
		case "author":
			s.Author = r.pairs(v, "author")
		case "contributors":
			s.Contributors = r.texts(v)
		case "details":
			s.Details = r.pairs(v, "details")
		case "description":
			s.Description = r.description(v)
		case "close_slots":
			s.CloseSlots = r.flag(v)
		case "root":
			s.Root = r.text(v)
		case "name":
			s.Name = r.name(v)
		case "remove":
			removed = r.removals(v)
		case "use":
			used = r.use(v)
		case "nodes":
			nodes = r.list(v)
		}
	})
	s.Entries = append(append(append(s.Entries, removed...), used...), nodes...)
	if depth > 0 {
		return
	}
	for _, key := range []string{"template", "root", "sensitivity"} {
		if value := map[string]string{"template": s.TemplateID, "root": s.Root, "sensitivity": s.Sensitivity}[key]; value == "" {
			r.Add(s.Place, "", "source-key", key, "", "the source lacks %s", key)
		}
	}
}

// inherit takes over what another source says.
func (s *Source) inherit(from *Source) {
	entries, rules, lines, own := append(s.Entries, from.Entries...), s.rules, s.Lines, s.Place
	name := s.File
	*s = *from
	for key, list := range from.rules {
		rules[key] = list
	}
	for key, at := range from.Lines {
		lines[key] = at
	}
	s.Entries, s.rules, s.Lines, s.Place, s.File = entries, rules, lines, own, name
}

func (r *yamlReader) description(n *yaml.Node) []aom.DescriptionItem {
	var out []aom.DescriptionItem
	r.members(n, "description", nil, func(language string, _, v *yaml.Node) {
		d := aom.DescriptionItem{Language: aom.Code{Terminology: "ISO_639-1", Code: language}}
		r.members(v, "a description", strings.Fields("purpose use misuse keywords copyright"), func(key string, _, v *yaml.Node) {
			switch key {
			case "purpose":
				d.Purpose = r.text(v)
			case "use":
				d.Use = r.text(v)
			case "misuse":
				d.Misuse = r.text(v)
			case "keywords":
				d.Keywords = r.texts(v)
			case "copyright":
				d.Copyright = r.text(v)
			}
		})
		out = append(out, d)
	})
	return out
}

func (r *yamlReader) name(n *yaml.Node) *Name {
	switch n = follow(n); n.Kind {
	case yaml.MappingNode:
		return &Name{ByLanguage: r.pairs(n, "name")}
	case yaml.SequenceNode:
		return &Name{Choice: r.texts(n)}
	}
	return &Name{Text: r.text(n)}
}

// use gives the entries of rules.
func (r *yamlReader) use(n *yaml.Node) []Entry {
	var out []Entry
	for _, name := range r.texts(n) {
		list, ok := r.rules[name]
		if !ok {
			names := make([]string, 0, len(r.rules))
			for k := range r.rules {
				names = append(names, k)
			}
			r.Add(r.at(n), "", "source-rule", Nearest(name, names), name, "there is no rule %s; the nearest is %s", name, Nearest(name, names))
		}
		if r.entries += count(list); r.entries > maxEntries {
			r.Add(r.at(n), "", "source-size", strconv.Itoa(maxEntries), "more", "the source has too many entries")
			return nil
		}
		out = append(out, list...)
	}
	return out
}

func count(list []Entry) int {
	n := len(list)
	for i := range list {
		n += count(list[i].Entries) + count(list[i].Clones)
	}
	return n
}

func (r *yamlReader) removals(n *yaml.Node) []Entry {
	n = follow(n)
	if n.Kind == yaml.ScalarNode {
		return []Entry{{Where: r.text(n), Remove: true, Place: r.at(n)}}
	}
	if n.Kind != yaml.SequenceNode {
		r.wrong(n, "a list of nodes", "remove is a list of paths, terms or codes")
		return nil
	}
	var out []Entry
	for _, item := range n.Content {
		out = append(out, Entry{Where: r.text(item), Remove: true, Place: r.at(item)})
	}
	return out
}
