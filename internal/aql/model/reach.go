package model

import (
	"slices"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Reach says how many of the segments behind a class of FROM the reference model
// has, one after the other.
func Reach(class *aql.Class, segments []aql.Segment) int {
	id, _ := rminfo.ClassByName(class.RMType())
	holders := []rminfo.Class{id}
	for i, s := range segments {
		if i == 0 && class.IsVersion() {
			holders = []rminfo.Class{rminfo.ORIGINAL_VERSION}
		}
		switch {
		case i == 0 && class.IsVersion() && s.Name == "data":
			holders = contained(class.Contains)
			continue
		case i == 0 && id == rminfo.EHR:
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
		if holders = below(holders, s.Name); holders == nil {
			return i
		}
	}
	return len(segments)
}

// below are the classes an attribute of one of the holders, or of what they may
// be, is declared with.
func below(holders []rminfo.Class, name string) []rminfo.Class {
	var all []rminfo.Class
	attr, ok := rminfo.AttrByName(name)
	if !ok {
		return nil
	}
	for _, h := range holders {
		for _, d := range h.Descendants() {
			if a, ok := d.Attribute(attr); ok && !d.Abstract() && !slices.Contains(all, a.Type) {
				all = append(all, a.Type)
			}
		}
	}
	return all
}

// contained are the roots of what a VERSION that contains c may hold.
func contained(c aql.Containment) []rminfo.Class {
	switch c := c.(type) {
	case *aql.ContainmentSet:
		var all []rminfo.Class
		for _, o := range c.Operands {
			all = append(all, contained(o)...)
		}
		return all
	case *aql.Class:
		id, _ := rminfo.ClassByName(c.RMType())
		return []rminfo.Class{Root(id)}
	}
	return []rminfo.Class{rminfo.COMPOSITION, rminfo.EHR_STATUS, rminfo.FOLDER}
}

// Root is the class of the versioned objects that hold a class, where a query does
// not name what holds it: EHR_STATUS and FOLDER must be named.
func Root(c rminfo.Class) rminfo.Class {
	switch {
	case c == rminfo.EHR_STATUS, c == rminfo.FOLDER:
		return c
	case c.IsA(rminfo.PARTY), c.IsA(rminfo.PARTY_RELATIONSHIP), c == rminfo.CAPABILITY,
		c == rminfo.CONTACT, c == rminfo.ADDRESS, c == rminfo.PARTY_IDENTITY:
		return rminfo.PARTY
	}
	return rminfo.COMPOSITION
}
