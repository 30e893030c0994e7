package eval

import (
	"slices"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/row"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// reach says how many of the segments the reference model has, one after the
// other, whatever the data hold.
func (c *query) reach(class *aql.Class, segments []aql.Segment) int {
	holders := []rminfo.Class{c.operands[c.slots[class]].class}
	for i, s := range segments {
		if i == 0 && class.IsVersion() {
			holders = []rminfo.Class{rminfo.ORIGINAL_VERSION}
		}
		switch {
		case i == 0 && class.IsVersion() && s.Name == "data":
			holders = dataClasses(class.Contains)
			continue
		case i == 0 && class.RMType() == "EHR":
			// References stand for the objects they refer to (ITS-REST, EHR).
			switch s.Name {
			case "ehr_status":
				holders = []rminfo.Class{rminfo.EHR_STATUS}
				continue
			case "directory":
				holders = []rminfo.Class{rminfo.FOLDER}
				continue
			}
		}
		if holders = attributeClasses(holders, c.attrs[s.Name]); holders == nil {
			return i
		}
	}
	return len(segments)
}

// attributeClasses are the classes an attribute of one of the holders, or of what
// they may be, may have.
func attributeClasses(holders []rminfo.Class, attr rminfo.Attr) []rminfo.Class {
	var all []rminfo.Class
	for _, h := range holders {
		for _, d := range h.Descendants() {
			if a, ok := d.Attribute(attr); ok && !d.Abstract() && !slices.Contains(all, a.Type) {
				all = append(all, a.Type)
			}
		}
	}
	return all
}

// dataClasses are the roots of what a VERSION that contains c may hold.
func dataClasses(c aql.Containment) []rminfo.Class {
	switch c := c.(type) {
	case *aql.ContainmentSet:
		var all []rminfo.Class
		for _, o := range c.Operands {
			all = append(all, dataClasses(o)...)
		}
		return all
	case *aql.Class:
		id, _ := rminfo.ClassByName(c.RMType())
		switch documentKind(id) {
		case EHRStatus:
			return []rminfo.Class{rminfo.EHR_STATUS}
		case Folder:
			return []rminfo.Class{rminfo.FOLDER}
		case Party:
			return []rminfo.Class{rminfo.PARTY}
		}
		return []rminfo.Class{rminfo.COMPOSITION}
	}
	return []rminfo.Class{rminfo.COMPOSITION, rminfo.EHR_STATUS, rminfo.FOLDER}
}

// manyIn says whether one of the attributes may be a list.
func (c *query) manyIn(segments []aql.Segment) bool {
	return slices.ContainsFunc(segments, func(s aql.Segment) bool { return row.Many(c.attrs[s.Name]) })
}
