package opt

import "strings"

// schema is what an element of one class may hold.
type schema struct {
	class string
	index map[string]int
	rules []rule
	// open tolerates elements the schema does not name.
	open bool
}

type rule struct {
	name     string
	required bool
	many     bool
	// skip marks elements that tools write and the specification does not know,
	// or that carry nothing for data; they are read over.
	skip bool
}

// table makes a schema from names with a mark each: ! once, ? at most once,
// * any number, + at least once, ~ read over. A lone ... leaves the class open.
func table(class string, base *schema, fields string) *schema {
	s := &schema{class: class, index: map[string]int{}}
	if base != nil {
		s.open = base.open
		for _, r := range base.rules {
			s.add(r)
		}
	}
	for _, f := range strings.Fields(fields) {
		if f == "..." {
			s.open = true
			continue
		}
		mark := f[len(f)-1]
		s.add(rule{
			name:     f[:len(f)-1],
			required: mark == '!' || mark == '+',
			many:     mark == '*' || mark == '+' || mark == '~',
			skip:     mark == '~',
		})
	}
	return s
}

func (s *schema) add(r rule) {
	if i, ok := s.index[r.name]; ok {
		s.rules[i] = r
		return
	}
	s.index[r.name] = len(s.rules)
	s.rules = append(s.rules, r)
}

// The classes, base classes first (Template.xsd, Archetype.xsd,
// OpenehrProfile.xsd, Resource.xsd). node_id is optional: tools leave it out
// below leaf objects.
var (
	templateSchema = table("OPERATIONAL_TEMPLATE", nil, `language! is_controlled? description? revision_history?
		uid? template_id! concept! definition! ontology? component_ontologies* annotations* constraints? view?
		adl_version~ rm_release~ translations~ integrity_checks~`)

	objectSchema         = table("C_OBJECT", nil, "rm_type_name! occurrences! node_id?")
	complexSchema        = table("C_COMPLEX_OBJECT", objectSchema, "attributes*")
	rootSchema           = table("C_ARCHETYPE_ROOT", complexSchema, "archetype_id! template_id? term_definitions* term_bindings*")
	slotSchema           = table("ARCHETYPE_SLOT", objectSchema, "includes* excludes*")
	internalRefSchema    = table("ARCHETYPE_INTERNAL_REF", objectSchema, "target_path!")
	constraintRefSchema  = table("CONSTRAINT_REF", objectSchema, "reference!")
	primitiveObjSchema   = table("C_PRIMITIVE_OBJECT", objectSchema, "item?")
	codePhraseSchema     = table("C_CODE_PHRASE", objectSchema, "assumed_value? terminology_id? code_list*")
	codeReferenceSchema  = table("C_CODE_REFERENCE", codePhraseSchema, "referenceSetUri?")
	quantitySchema       = table("C_DV_QUANTITY", objectSchema, "assumed_value? property? list*")
	ordinalSchema        = table("C_DV_ORDINAL", objectSchema, "assumed_value? list*")
	scaleSchema          = table("C_DV_SCALE", objectSchema, "assumed_value? list*")
	stateSchema          = table("C_DV_STATE", objectSchema, "assumed_value? value!")
	attributeSchema      = table("C_SINGLE_ATTRIBUTE", nil, "rm_attribute_name! existence! children* match_negated?")
	multipleSchema       = table("C_MULTIPLE_ATTRIBUTE", attributeSchema, "cardinality!")
	cardinalitySchema    = table("CARDINALITY", nil, "is_ordered! is_unique! interval!")
	intervalSchema       = table("Interval", nil, "lower? upper? lower_included? upper_included? lower_unbounded? upper_unbounded?")
	quantityItemSchema   = table("C_QUANTITY_ITEM", nil, "magnitude? precision? units! units_system? units_display_name?")
	ordinalItemSchema    = table("DV_ORDINAL", nil, "value! symbol! normal_range~ other_reference_ranges~ normal_status~")
	codedTextSchema      = table("DV_CODED_TEXT", nil, "value? defining_code! mappings~ formatting~ hyperlink~ language~ encoding~")
	stateMachineSchema   = table("STATE_MACHINE", nil, "states+")
	machineStateSchema   = table("STATE", nil, "name! transitions*")
	transitionSchema     = table("TRANSITION", nil, "event! action? guard? next_state?")
	assertionSchema      = table("ASSERTION", nil, "tag? string_expression? expression! variables*")
	variableSchema       = table("ASSERTION_VARIABLE", nil, "name! definition!")
	leafSchema           = table("EXPR_LEAF", nil, "type! item! reference_type!")
	unarySchema          = table("EXPR_UNARY_OPERATOR", nil, "type! operator! precedence_overridden? operand!")
	binarySchema         = table("EXPR_BINARY_OPERATOR", nil, "type! operator! precedence_overridden? left_operand! right_operand!")
	stringSchema         = table("C_STRING", nil, "pattern? list* list_open? assumed_value?")
	numberSchema         = table("C_INTEGER", nil, "list* range? assumed_value?")
	booleanSchema        = table("C_BOOLEAN", nil, "true_valid! false_valid! assumed_value?")
	temporalSchema       = table("C_DATE_TIME", nil, "pattern? timezone_validity? range? assumed_value?")
	ontologySchema       = table("FLAT_ARCHETYPE_ONTOLOGY", nil, "term_definitions* constraint_definitions* term_bindings* constraint_bindings* ...")
	itemsSchema          = table("items", nil, "items*")
	valueSchema          = table("value", nil, "value!")
	codeSchema           = table("CODE_PHRASE", nil, "terminology_id! code_string! preferred_term?")
	optionalValueSchema  = table("value", nil, "value?")
	defaultsSchema       = table("T_CONSTRAINT", nil, "attributes*")
	defaultAttrSchema    = table("T_ATTRIBUTE", nil, "rm_attribute_name! children* differential_path!")
	defaultObjectSchema  = table("T_COMPLEX_OBJECT", nil, "rm_type_name? occurrences? node_id? attributes* default_value?")
	viewSchema           = table("T_VIEW", nil, "constraints*")
	descriptionSchema    = table("RESOURCE_DESCRIPTION", nil, "original_author* other_contributors* lifecycle_state? resource_package_uri? other_details* details* ...")
	descriptionDetSchema = table("RESOURCE_DESCRIPTION_ITEM", nil, "language! purpose? keywords* use? misuse? copyright? original_resource_uri* other_details* ...")
)
