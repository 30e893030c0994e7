package conformance

// hintDifferences are the situations answered otherwise, not yet, or not at
// all, and why.
var hintDifferences = []hintDifference{
	{"C-02", "H-01", "a uid the client gives a new composition is kept while no object of the system has it, else 409 (DESIGN: clients of EHRbase rely on it; the specification lets the server choose)"},
	{"E-20 K-39 K-41", "H-04", "branches are not made: a version id with a branch is refused by name, so the latest version is the latest of the trunk"},
	{"C-26 Q-40", "H-05", "one generation of the model is spoken (RM 1.2.0, which reads the earlier ones): no stored version is beyond it"},
	{"K-42 K-43", "H-06", "a signature is stored and served as it was sent; no canonical form to sign is declared"},
	{"P-15 P-16 F-27", "H-07", "ADL2 is not served: its routes answer 501 with a body that says what is (O-01)"},
	{"A-07", "H-08", "here physical deletion is on, as `quire up` has it; `quire serve` has it off unless configured, and answers 405"},
	{"V-07 V-08 V-09 V-10", "H-10", "ITEM_TABLE.as_hierarchy, AUTHORED_RESOURCE, EHR extracts and template data documents have no operation in the REST API"},
	{"X-55 X-62", "H-11", "advice on building and on testing, nothing to answer: no validation rests on the v2 schemas, and roles are the policy's"},
	{"V-04", "H-12", "dates of different precision compare by what both have (undetermined in the model); the outcome is recorded only"},
	{"C-25", "H-13", "a CONSTRAINT_REF without a binding needs a template none of ours is; the validator asks only what is bound"},
	{"X-08", "H-14", "an empty list is no list, in every class (so are the empty `links` of C-18 and `identifiers` of C-19): XML cannot tell them apart, and what is stored and served has none, as the invariants want. A list that must have members is missed either way"},
}

// shownElsewhere are the situations a test beside the code shows.
var shownElsewhere = []shown{
	{"X-54", "internal/rm/canonxml/property_test.go", "TestRandomTreesThroughXML"},
	{"X-67", "internal/rm/temporal/parse_test.go", "TestParseTime"},
	{"C-23 C-24", "internal/validate/external_test.go", "TestExternalValueSets"},
	{"K-38", "internal/validate/rm_rules_test.go", "TestModelRules"},
	{"Q-22", "internal/aql/eval/eval_test.go", "TestExactArchetypes"},
	{"Q-28", "internal/postgres/query_oracle_test.go", "TestQueryOracle"},
	{"F-07 F-10", "internal/simplified/context_test.go", "TestContextKeys"},
	{"F-13", "internal/simplified/syntax/syntax_test.go", "TestFlatAndStructuredAreOneTree"},
	{"F-15 F-16", "internal/simplified/webtemplate/golden_test.go", "TestWebTemplateEqualsGolden"},
	{"F-17 F-18 F-19 F-20 F-21 F-22 F-23 F-24", "internal/simplified/suffix_test.go", "TestEverySpelling"},
	{"A-09", "internal/postgres/purge_test.go", "TestPurge"},
	{"U-01", "internal/rest/openehr/smart_test.go", "TestSmartConfiguration"},
	{"U-02 U-04", "internal/access/scopes_test.go", "TestReadScopes"},
	{"U-03 U-05 U-06 U-07", "internal/postgres/scope_test.go", "TestScopes"},
	{"A-06", "conformance/peer_test.go", "TestDeletionOfAll"},
	{"V-01 V-02 V-03 V-06", "internal/validate/conformance_test.go", "TestConformanceTables"},
	{"V-05", "internal/validate/conformance_test.go", "TestConformanceTables"},
}
