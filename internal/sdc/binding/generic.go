package binding

import "github.com/quire-cdr/quire/internal/sdc"

// GenericTemplate is the shipped template of responses to forms that nothing
// binds to a template: it has room for the generic archetype and asks nothing.
const GenericTemplate = "Questionnaire response.v1"

// genericTree is where it says which form was answered.
const genericTree = "/content[openEHR-EHR-OBSERVATION.questionnaire_response.v1]/data[at0001]/events[at0002]/data[at0003]"

// Generic binds a form by no question at all: every answer goes into the generic
// archetype. f is the form of GenericTemplate, canonical the address of the
// foreign one without its version.
func Generic(f *sdc.Form, canonical, version, title string) (*Form, error) {
	b := &Binding{Questionnaire: canonical, Template: f.Template.TemplateID}
	for _, c := range []struct{ node, value string }{{"at0004", canonical}, {"at0005", version}, {"at0006", plainText(title)}} {
		if c.value != "" {
			b.Constants = append(b.Constants, Constant{Path: genericTree + "/items[" + c.node + "]", Value: c.value})
		}
	}
	return Bind(b, f)
}

// IsGeneric says whether nothing binds the form to a template.
func (f *Form) IsGeneric() bool { return f.Template == GenericTemplate && len(f.items) == 0 }
