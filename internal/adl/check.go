package adl

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fault"
)

// codeForm is the form of codes an archetype defines: specialisations add levels.
var codeForm = regexp.MustCompile(`^(at|ac)[0-9]+(\.[0-9]+)*$`)

// Check holds an archetype against the validity rules of ADL 1.4 and the
// reference model. Warnings mark what is suspicious and does no harm: codes that
// are defined and not used, or not translated. Issues carry the line of the node.
func Check(a *Archetype) []fault.Issue { return (&parser{}).check(a) }

func (p *parser) check(a *Archetype) []fault.Issue {
	c := &checker{parser: p, a: a, used: map[string]bool{}}
	c.identity()
	if a.Definition != nil {
		c.object(a.Definition, "", "")
	}
	c.ontology()
	for i := range c.issues {
		c.issues[i].Archetype = a.ID
	}
	return c.issues
}

type checker struct {
	*parser
	a      *Archetype
	issues []fault.Issue
	// used are the codes the definition names.
	used map[string]bool
}

// at adds a fault on a node of the definition.
func (c *checker) at(node any, path, rule, expected, found, format string, args ...any) *fault.Issue {
	where := ""
	if offset, ok := c.places[node]; ok {
		line, column := c.place(offset)
		where = fmt.Sprintf("line %d:%d: ", line, column)
	} else if o, ok := node.(aom.Object); ok && o.Base().Line > 0 {
		where = fmt.Sprintf("line %d: ", o.Base().Line)
	}
	if path == "" {
		path = "/"
	}
	c.issues = append(c.issues, fault.Issue{Path: path, Rule: rule, Expected: expected, Found: found,
		Message: where + fmt.Sprintf(format, args...)})
	return &c.issues[len(c.issues)-1]
}

// on adds a fault on a section.
func (c *checker) on(section, rule, expected, found, format string, args ...any) *fault.Issue {
	return c.at(nil, "/"+section, rule, expected, found, format, args...)
}

func (c *checker) identity() {
	a := c.a
	if !ValidID(a.ID) {
		c.on("archetype", "VARID", "an archetype id", a.ID, "%q is not an archetype id", a.ID)
	}
	if a.ParentID != "" && !ValidID(a.ParentID) {
		c.on("specialise", "VARID", "an archetype id", a.ParentID, "%q is not an archetype id", a.ParentID)
	}
	if a.ParentID != "" && a.ParentID == a.ID {
		c.on("specialise", "VARID", "another archetype", a.ParentID, "the archetype specialises itself")
	}
	if a.OriginalLanguage.Code == "" {
		c.on("language", "VDEOL", "original_language", "", "the original language is missing")
	}
	if a.Definition == nil {
		c.on("definition", "VARDF", "a definition", "", "the definition is missing")
		return
	}
	if class := Class(a.ID); class != "" && a.Definition.TypeName != class {
		c.at(a.Definition, "", "VARDT", class, a.Definition.TypeName, "the definition is of %s, the archetype id names %s", a.Definition.TypeName, class)
	}
	if a.Concept != a.Definition.NodeID {
		c.at(a.Definition, "", "VARCN", a.Concept, a.Definition.NodeID, "the root node has the code %q, the concept is %q", a.Definition.NodeID, a.Concept)
	}
	if _, ok := a.Term(a.Concept, a.OriginalLanguage.Code); !ok {
		c.on("concept", "VARCN", "a term for "+a.Concept, "", "the concept %s has no term in the original language", a.Concept)
	}
	if specialised := strings.Contains(a.Concept, "."); a.ParentID != "" && !specialised {
		c.on("concept", "VARCN", "a specialised code", a.Concept, "the archetype is specialised, its concept %s is not", a.Concept)
	} else if a.ParentID == "" && specialised {
		c.on("concept", "VARCN", "a code without a dot", a.Concept, "the concept %s is specialised, the archetype is not", a.Concept)
	}
}

func (c *checker) object(o aom.Object, path, attributeType string) {
	b := o.Base()
	if b.NodeID != "" {
		c.term(o, path, b.NodeID)
	}
	c.class(o, path, attributeType)
	switch o := o.(type) {
	case *aom.ComplexObject:
		c.attributes(o.Attributes, path, o.TypeName)
	case *aom.ArchetypeRoot:
		if !ValidID(o.ArchetypeID) {
			c.at(o, path, "VDFAI", "an archetype id", o.ArchetypeID, "%q is not an archetype id", o.ArchetypeID)
		}
		c.attributes(o.Attributes, path, o.TypeName)
	case *aom.Slot:
		c.slot(o, path)
	case *aom.InternalRef:
		c.reference(o, path)
	case *aom.ConstraintRef:
		c.used[o.Reference] = true
		if _, ok := c.a.ConstraintTerm(o.Reference, c.a.OriginalLanguage.Code); !ok {
			c.at(o, path, "VACDF", "a definition of "+o.Reference, "", "the constraint code %s is not defined", o.Reference)
		}
	default:
		c.leaf(o, path)
	}
}

// term says that a code names a term (VATDF).
func (c *checker) term(node any, path, code string) {
	c.used[code] = true
	if !codeForm.MatchString(code) || strings.HasPrefix(code, "ac") {
		c.at(node, path, "VATCV", "a code such as at0001", code, "%q is not a node code", code)
		return
	}
	if _, ok := c.a.Term(code, c.a.OriginalLanguage.Code); !ok {
		c.at(node, path, "VATDF", "a term for "+code, "", "the code %s has no term in the original language", code)
	}
}

// class holds a type against the reference model (VCORM, VCORMT); archetypes of
// other models are left alone.
func (c *checker) class(o aom.Object, path, attributeType string) {
	if c.openEHR() {
		if _, primitive := o.(*aom.PrimitiveObject); primitive {
			return
		}
		class, ok := modelClass(o.Base().TypeName)
		if !ok {
			c.at(o, path, "VCORM", "a class of the reference model", o.Base().TypeName, "the reference model has no class %s", o.Base().TypeName)
			return
		}
		if declared, ok := modelClass(attributeType); ok && !class.IsA(declared) && !declared.IsA(class) {
			c.at(o, path, "VCORMT", declared.Name(), o.Base().TypeName, "the attribute holds %s, not %s", declared.Name(), o.Base().TypeName)
		}
	}
}

func (c *checker) openEHR() bool { return strings.HasPrefix(model(c.a.ID), "openEHR-") }

// derived are attributes of the reference model that are functions of others:
// archetypes may constrain them, data never carry them.
var derived = map[string]bool{
	"EVENT.offset": true, "POINT_EVENT.offset": true, "INTERVAL_EVENT.offset": true, "DV_PROPORTION.is_integral": true,
	"CONTACT.purpose": true, "ADDRESS.type": true, "PARTY_IDENTITY.purpose": true, "PARTY_RELATIONSHIP.type": true,
	"PERSON.type": true, "ORGANISATION.type": true, "GROUP.type": true, "AGENT.type": true, "ROLE.type": true,
}

func (c *checker) attributes(list []*aom.Attribute, path, class string) {
	seen := map[string]bool{}
	for _, a := range list {
		at := segment(path, a, nil)
		if seen[a.Name] {
			c.at(a, at, "VCATU", "one "+a.Name, "several", "the attribute %s is constrained twice", a.Name)
		}
		seen[a.Name] = true
		declared, known := modelAttribute(class, a.Name)
		if _, ok := modelClass(class); ok && c.openEHR() && !known && !derived[class+"."+a.Name] {
			c.at(a, at, "VCARM", "an attribute of "+class, a.Name, "the class %s has no attribute %s", class, a.Name)
		}
		if known && a.Multiple && !declared.Container {
			c.at(a, at, "VCAM", "no cardinality", "cardinality", "the attribute %s holds one value and has no cardinality", a.Name)
		}
		if a.Existence.Max > 1 || a.Existence.Max == aom.Unbounded {
			c.at(a, at, "VCAEX", "0..1, 1..1 or 0..0", "more", "the existence of %s is more than one", a.Name)
		}
		c.children(a, path, at)
		typeName := ""
		if known {
			typeName = declared.Type.Name()
		}
		for _, child := range a.Children {
			c.object(child, segment(path, a, child), typeName)
		}
	}
}

// children holds siblings against each other and the cardinality: VCOSU,
// VACSO, VACMCO.
func (c *checker) children(a *aom.Attribute, path, at string) {
	ids := map[string]bool{}
	least := 0
	for _, child := range a.Children {
		b := child.Base()
		if b.NodeID != "" && ids[b.NodeID] {
			c.at(child, segment(path, a, child), "VCOSU", "one "+b.NodeID, "several", "two siblings have the code %s", b.NodeID)
		}
		ids[b.NodeID] = true
		if !a.Multiple && b.Occurrences.Many() {
			c.at(child, segment(path, a, child), "VACSO", "at most one", "more", "%s holds one value, the object may occur several times", a.Name)
		}
		least += b.Occurrences.Min
	}
	if most := a.Cardinality.Interval.Max; a.Multiple && most != aom.Unbounded && least > most {
		c.at(a, at, "VACMC", fmt.Sprintf("at most %d", most), fmt.Sprint(least), "the members of %s need %d places, the cardinality has %d", a.Name, least, most)
	}
}

func (c *checker) reference(o *aom.InternalRef, path string) {
	target := c.a.Node(o.TargetPath)
	if target == nil {
		c.at(o, path, "VDFPT", "a path of this archetype", o.TargetPath, "the path %s leads nowhere", o.TargetPath)
		return
	}
	to, ok := modelClass(target.Base().TypeName)
	from, ok2 := modelClass(o.TypeName)
	if ok && ok2 && !to.IsA(from) && !from.IsA(to) {
		c.at(o, path, "VUNT", o.TypeName, target.Base().TypeName, "the reference is to a %s, not %s", target.Base().TypeName, o.TypeName)
	}
}

// slot looks at the patterns for archetype ids: they compile, and those that
// stand for ids outright are ids (VDFAI).
func (c *checker) slot(o *aom.Slot, path string) {
	for _, list := range [][]aom.Assertion{o.Includes, o.Excludes} {
		for _, a := range list {
			pattern, ok := a.ArchetypeIDPattern()
			if !ok {
				continue
			}
			if _, err := regexp.Compile(pattern); err != nil {
				c.at(o, path, "VDFAI", "a regular expression", pattern, "the pattern of a slot is no regular expression")
				continue
			}
			for _, one := range strings.Split(pattern, "|") {
				literal := strings.ReplaceAll(one, `\.`, ".")
				if !strings.ContainsAny(literal, `*+?()[]{}^$\`) && strings.Contains(one, `\.`) && !ValidID(literal) {
					c.at(o, path, "VDFAI", "an archetype id", literal, "%q in a slot is not an archetype id", literal)
				}
			}
		}
	}
}
