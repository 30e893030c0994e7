// Package templates holds the operational templates Quire ships with (OPT 1.4
// XML), built from the archetypes of package archetypes, and example
// compositions for each in canonical JSON (RM 1.0.4).
//
// "Vital signs observations.v1" is one set of vital signs. The early warning
// total is kept as somebody recorded it; nothing is worked out, and an
// incomplete set carries no total.
//
// "Emergency care plan.v1" is a persistent plan, one for each EHR: a newer plan
// is a new version of the same composition. Its CPR recommendation is mandatory
// and has no default; "Not recorded" is a value an author picks, never one that
// appears by itself, and never one of the recommendations.
//
// Problem list, medication list, allergies and "About me" are persistent
// documents too, one of each in an EHR. Growth measurements, virtual ward days
// and discharge summaries are events. A list is never empty: it holds entries, or
// says that none are known, or that it is not known whether there are any.
//
// "Questionnaire response.v1" keeps the answers to forms from elsewhere that no
// template is bound to.
//
// Each template is built from its source (name.yaml, see SOURCE.md) and has a page
// for clinicians (docs/name.md).
//
// People, places and numbers in the examples are invented; telephone numbers
// are from ranges reserved for fiction.
package templates

import "embed"

// FS holds opt/*.opt and examples/*.json, under the paths that All names, and the
// bindings of foreign forms to our templates (bindings/*.yaml, package sdc/binding).
//
//go:embed opt/*.opt examples/*.json bindings/*.yaml
var FS embed.FS
