package policy

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/quire-cdr/quire/internal/fault"
)

// Document is a policy file. A section that is in the file is complete: what it
// does not name is taken away. One that is not in the file is left as it is.
type Document struct {
	// Sections are the namespaces the file has a section for.
	Sections map[string]bool
	Tuples   []Tuple
	// Labels are those the section sensitivity names.
	Labels []string
	// Templates gives templates their label; those not named keep theirs.
	Templates map[string]string
	// HasRules says that the file has a section rules.
	HasRules bool
	Rules    []Rule
}

// Model is the access model a document is held against. Implemented on Keto's.
type Model interface {
	// Relations lists what objects of a namespace may have.
	Relations(namespace string) []string
	// Fits names what of a tuple the model does not allow, as fault.Invalid.
	Fits(t Tuple) error
}

// fileVersion is the only version of the format.
const fileVersion = "1"

var (
	labelForm = regexp.MustCompile(`^[a-z][a-z0-9-]{1,39}$`)
	yamlError = regexp.MustCompile(`^(?:yaml: )?(?:unmarshal errors:\s*)?line (\d+): (.*)$`)
)

// Parse reads a policy file (YAML, so JSON too). All that is wrong with it comes
// back at once, each with its line, column and path.
func Parse(text []byte, model Model) (*Document, error) {
	var file yaml.Node
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	if err := decoder.Decode(&file); err != nil {
		return nil, unreadable(err)
	}
	p := &parser{model: model, doc: &Document{Sections: map[string]bool{}, Templates: map[string]string{}}, seen: map[Tuple]bool{}}
	if err := decoder.Decode(new(yaml.Node)); err == nil {
		p.fault(&file, "", "one document", "more than one", "the file holds more than one document")
	}
	p.file(file.Content[0])
	if len(p.issues) > 0 {
		return nil, fault.New(fault.Invalid, "policy-file", "the policy is not valid: %s", p.issues[0].Message).With(p.issues...)
	}
	p.doc.Tuples = tidy(p.doc.Tuples)
	slices.Sort(p.doc.Labels)
	slices.SortFunc(p.doc.Rules, compareRules)
	return p.doc, nil
}

func unreadable(err error) error {
	text, line := err.Error(), ""
	if m := yamlError.FindStringSubmatch(text); m != nil {
		line, text = m[1], m[2]
	}
	if text == "EOF" {
		text = "the file is empty"
	}
	message := strings.TrimPrefix(text, "yaml: ")
	if line != "" {
		message = "line " + line + ": " + message
	}
	return fault.New(fault.Invalid, "policy-file", "the policy cannot be read: %s", message).
		With(fault.Issue{Rule: "yaml", Expected: "YAML", Found: "line " + line, Message: message})
}

type parser struct {
	model  Model
	doc    *Document
	seen   map[Tuple]bool
	issues []fault.Issue
}

// mostIssues keeps the answer to a hopeless file short.
const mostIssues = 100

func (p *parser) fault(at *yaml.Node, path, expected, found, format string, args ...any) {
	if len(p.issues) < mostIssues {
		p.issues = append(p.issues, fault.Issue{Path: path, Rule: "policy", Expected: expected, Found: found,
			Message: fmt.Sprintf("line %d, column %d: ", at.Line, at.Column) + fmt.Sprintf(format, args...)})
	}
}

// entries gives the members of a mapping in order; anything else is a fault.
func (p *parser) entries(n *yaml.Node, path string, visit func(key string, at, value *yaml.Node)) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		p.fault(n, path, "a mapping", kindOf(n), "%s must be a mapping", named(path))
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			p.fault(key, path, "a name", kindOf(key), "a name in %s is no text", named(path))
			continue
		}
		if line, twice := seen[key.Value]; twice {
			p.fault(key, join(path, key.Value), "once", "twice", "%q stands here a second time, after line %d", key.Value, line)
			continue
		}
		seen[key.Value] = key.Line
		visit(key.Value, key, value)
	}
}

// texts gives the elements of a list of texts.
func (p *parser) texts(n *yaml.Node, path string, visit func(text, path string, at *yaml.Node)) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.SequenceNode {
		p.fault(n, path, "a list", kindOf(n), "%s must be a list", named(path))
		return
	}
	for i, element := range n.Content {
		at := path + "[" + strconv.Itoa(i) + "]"
		if element.Kind != yaml.ScalarNode || element.Tag == "!!null" {
			p.fault(element, at, "a text", kindOf(element), "%s must be a text", at)
			continue
		}
		visit(element.Value, at, element)
	}
}

func (p *parser) file(n *yaml.Node) {
	version := false
	p.entries(n, "", func(key string, at, value *yaml.Node) {
		if noun, ok := NounOf(key); ok {
			p.doc.Sections[noun.Namespace] = true
			p.section(noun, value)
			return
		}
		switch key {
		case "version":
			version = true
			if value.Kind != yaml.ScalarNode || value.Value != fileVersion {
				p.fault(value, "version", fileVersion, value.Value, "this reads version %s of the format", fileVersion)
			}
		case "templates":
			p.templates(value)
		case "rules":
			p.doc.HasRules = true
			p.rules(value)
		default:
			p.fault(at, key, sections(), key, "there is no section %q; the sections are %s", key, sections())
		}
	})
	if n.Kind == yaml.MappingNode && !version {
		p.fault(n, "version", fileVersion, "none", "the file begins with version: %s", fileVersion)
	}
}

func sections() string {
	names := []string{"version"}
	for _, n := range Nouns {
		names = append(names, n.Name)
	}
	return strings.Join(append(names, "templates", "rules"), ", ")
}

func (p *parser) section(noun Noun, n *yaml.Node) {
	p.entries(n, noun.Name, func(object string, at, value *yaml.Node) {
		path := join(noun.Name, object)
		if noun.Namespace == "Sensitivity" {
			if !labelForm.MatchString(object) {
				p.fault(at, path, "lower-case letters, digits and hyphens", object, "a label is 2 to 40 lower-case letters, digits and hyphens")
				return
			}
			p.doc.Labels = append(p.doc.Labels, object)
		}
		if noun.Members {
			p.subjects(noun, object, "members", value, path)
			return
		}
		relations := p.model.Relations(noun.Namespace)
		p.entries(value, path, func(relation string, at, value *yaml.Node) {
			if !slices.Contains(relations, relation) {
				all := strings.Join(relations, ", ")
				p.fault(at, join(path, relation), all, relation, "there is no relation %q here; those of %s are %s", relation, noun.Name, all)
				return
			}
			p.subjects(noun, object, relation, value, join(path, relation))
		})
	})
}

func (p *parser) subjects(noun Noun, object, relation string, n *yaml.Node, path string) {
	p.texts(n, path, func(subject, path string, at *yaml.Node) {
		t := Tuple{noun.Namespace, object, relation, subject}
		if err := p.model.Fits(t); err != nil {
			p.fault(at, path, "user:<issuer>:<id>, svc:<client>, Role:<name> or Team:<name>", subject, "%s", fault.Of(err).Message)
			return
		}
		if t.isLink() {
			p.fault(at, path, "no link", subject, "links come and go with their records and stand in no file")
			return
		}
		if p.seen[t] {
			p.fault(at, path, "once", "twice", "%q is listed twice", subject)
			return
		}
		p.seen[t] = true
		p.doc.Tuples = append(p.doc.Tuples, t)
	})
}

func (p *parser) templates(n *yaml.Node) {
	p.entries(n, "templates", func(template string, at, value *yaml.Node) {
		path := join("templates", template)
		if value.Kind != yaml.ScalarNode || !labelForm.MatchString(value.Value) {
			p.fault(value, path, "a label", kindOf(value), "a template has one label, such as normal")
			return
		}
		p.doc.Templates[template] = value.Value
	})
}

func (p *parser) rules(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.SequenceNode {
		p.fault(n, "rules", "a list", kindOf(n), "rules must be a list of label, terminology and codes")
		return
	}
	seen := map[Rule]bool{}
	for i, element := range n.Content {
		path := "rules[" + strconv.Itoa(i) + "]"
		var rule Rule
		codes := 0
		p.entries(element, path, func(key string, at, value *yaml.Node) {
			switch key {
			case "label", "terminology":
				if value.Kind != yaml.ScalarNode || value.Value == "" || key == "label" && !labelForm.MatchString(value.Value) {
					p.fault(value, join(path, key), "a text", kindOf(value), "%s must be a name", join(path, key))
					return
				}
				if key == "label" {
					rule.Label = value.Value
				} else {
					rule.Terminology = value.Value
				}
			case "codes":
				codes = value.Line
			default:
				p.fault(at, join(path, key), "label, terminology, codes", key, "a rule has label, terminology and codes, not %q", key)
			}
		})
		if element.Kind != yaml.MappingNode {
			continue
		}
		if rule.Label == "" || rule.Terminology == "" || codes == 0 {
			p.fault(element, path, "label, terminology, codes", "less", "a rule needs label, terminology and codes")
			continue
		}
		p.entries(element, path, func(key string, at, value *yaml.Node) {
			if key != "codes" {
				return
			}
			p.texts(value, join(path, "codes"), func(code, path string, at *yaml.Node) {
				one := Rule{rule.Label, rule.Terminology, code}
				switch {
				case code == "" || len(code) > 200:
					p.fault(at, path, "a code", code, "a code has 1 to 200 characters")
				case seen[one]:
					p.fault(at, path, "once", "twice", "the code %q is listed twice for this label", code)
				default:
					seen[one] = true
					p.doc.Rules = append(p.doc.Rules, one)
				}
			})
		})
	}
}

// Print writes the document in its one form: sections in order, names sorted.
func (d *Document) Print() ([]byte, error) {
	root := &yaml.Node{Kind: yaml.MappingNode}
	put(root, "version", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: fileVersion})
	for _, noun := range Nouns {
		if !d.Sections[noun.Namespace] {
			continue
		}
		objects := map[string]map[string][]string{}
		if noun.Namespace == "Sensitivity" {
			for _, label := range d.Labels {
				objects[label] = map[string][]string{}
			}
		}
		for _, t := range d.Tuples {
			if t.Namespace == noun.Namespace {
				if objects[t.Object] == nil {
					objects[t.Object] = map[string][]string{}
				}
				objects[t.Object][t.Relation] = append(objects[t.Object][t.Relation], t.Subject)
			}
		}
		section := &yaml.Node{Kind: yaml.MappingNode}
		for _, object := range slices.Sorted(maps.Keys(objects)) {
			if noun.Members {
				put(section, object, list(objects[object]["members"]))
				continue
			}
			relations := &yaml.Node{Kind: yaml.MappingNode}
			for _, relation := range slices.Sorted(maps.Keys(objects[object])) {
				put(relations, relation, list(objects[object][relation]))
			}
			put(section, object, relations)
		}
		put(root, noun.Name, section)
	}
	if len(d.Templates) > 0 {
		templates := &yaml.Node{Kind: yaml.MappingNode}
		for _, template := range slices.Sorted(maps.Keys(d.Templates)) {
			put(templates, template, scalar(d.Templates[template]))
		}
		put(root, "templates", templates)
	}
	if d.HasRules {
		rules := &yaml.Node{Kind: yaml.SequenceNode}
		for i := 0; i < len(d.Rules); {
			first, codes := d.Rules[i], []string(nil)
			for ; i < len(d.Rules) && d.Rules[i].Label == first.Label && d.Rules[i].Terminology == first.Terminology; i++ {
				codes = append(codes, d.Rules[i].Code)
			}
			rule := &yaml.Node{Kind: yaml.MappingNode}
			put(rule, "label", scalar(first.Label))
			put(rule, "terminology", scalar(first.Terminology))
			put(rule, "codes", list(codes))
			rules.Content = append(rules.Content, rule)
		}
		put(root, "rules", rules)
	}
	return yaml.Marshal(root)
}

func put(to *yaml.Node, key string, value *yaml.Node) {
	to.Content = append(to.Content, scalar(key), value)
}

// scalar is a text whatever it looks like: a code 0012 is no number.
func scalar(text string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(text)
	return n
}

func list(texts []string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode}
	for _, text := range slices.Sorted(slices.Values(texts)) {
		n.Content = append(n.Content, scalar(text))
	}
	return n
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func named(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias, which is not read"
	}
	if n.Tag == "!!null" {
		return "nothing"
	}
	return strconv.Quote(n.Value)
}
