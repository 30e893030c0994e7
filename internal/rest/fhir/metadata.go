package fhir

import (
	"net/http"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/cdr/library"
	"github.com/quire-cdr/quire/internal/rest"
)

type object = map[string]any

// Where operations are defined, and the roles of SDC.
const (
	sdcOperation  = "http://hl7.org/fhir/uv/sdc/OperationDefinition/"
	coreOperation = "http://hl7.org/fhir/OperationDefinition/"
	ownOperation  = "https://quire-cdr.org/fhir/OperationDefinition/"
	sdcRole       = "http://hl7.org/fhir/uv/sdc/CapabilityStatement/sdc-form-"
)

// roles of SDC 4 whose every SHALL is served here; a test on a running server
// tries each.
var roles = []string{"manager", "fill-manager", "response-manager", "receiver", "archiver"}

// metadata is the CapabilityStatement: what the routes of this package do, and
// no more.
func metadata(about About) rest.Handler {
	statement := capabilities(about, time.Now())
	return func(call *rest.Call) error {
		contentType, err := format(call)
		if err != nil {
			return err
		}
		own := object{}
		for name, value := range statement {
			own[name] = value
		}
		own["implementation"] = object{"description": "Quire, an openEHR clinical data repository", "url": base(call)}
		return send(call, http.StatusOK, contentType, own)
	}
}

func parameter(name, kind, text string) object {
	out := object{"name": name, "type": kind}
	if text != "" {
		out["documentation"] = text
	}
	return out
}

func interactions(codes string) (out []object) {
	for code := range strings.FieldsSeq(codes) {
		out = append(out, object{"code": code})
	}
	return out
}

func operation(name, definition, text string) object {
	return object{"name": name, "definition": definition, "documentation": text}
}

// authored are the search parameters of an authored kind.
func authored(kind string) (out []object) {
	for _, name := range library.Parameters[kind] {
		out = append(out, parameter(name, library.ParameterType(name), ""))
	}
	if kind != library.CodeSystem {
		out = append(out, parameter(templateParameter, "string", "The id of the openEHR template, exactly."))
	}
	return out
}

// written is what is said of each kind that people write.
func written(kind, text string, operations ...object) object {
	out := object{
		"type": kind, "versioning": "versioned", "readHistory": true, "updateCreate": true,
		"conditionalCreate": true, "conditionalRead": "not-match", "conditionalUpdate": false, "conditionalDelete": "not-supported",
		"documentation": text,
		"interaction":   interactions("read vread create update delete history-instance search-type"),
		"searchParam":   authored(kind),
	}
	if len(operations) > 0 {
		out["operation"] = operations
	}
	return out
}

func capabilities(about About, started time.Time) object {
	var instantiates []string
	for _, role := range roles {
		instantiates = append(instantiates, sdcRole+role)
	}
	return object{
		"resourceType": "CapabilityStatement", "status": "active", "kind": "instance", "fhirVersion": "4.0.1", "instantiates": instantiates,
		"date": started.UTC().Format(time.RFC3339), "format": []string{"application/fhir+json", "json"},
		"software": object{"name": "Quire", "version": about.Version},
		"rest": []object{{
			"mode": "server",
			"documentation": "Every openEHR template is a Questionnaire, every stored composition a QuestionnaireResponse. " +
				"XML, Patient and the other resources are not served; the openEHR API beside this one has the whole record. " +
				"Searches are asked by GET, or by POST to _search. They take _count, _offset, and those of Questionnaire, ValueSet and CodeSystem _summary and _elements too; " +
				"a parameter that is not listed is ignored, or refused under Prefer: handling=strict.",
			"security": object{"cors": false, "description": "A bearer token in the header Authorization; metadata alone needs none."},
			"resource": []object{
				written(library.Questionnaire, "Made of templates, or written: create and update take any Questionnaire and keep all of it; they need the right to manage templates, and If-Match is honoured. "+
					"The id of one made of a template names the template's content, and its version is that content's; it changes with the template alone. Languages by Accept-Language or _language, ?mode=form|faithful|compact.",
					operation("process-response", sdcOperation+"Questionnaire-process-response", "Also at one Questionnaire. ?ehr names the record, ?dry-run=true writes nothing. "+
						"Takes a QuestionnaireResponse or Parameters with in or response."),
					operation("populate", sdcOperation+"Questionnaire-populate", "Also at one Questionnaire; ?ehr or subject names the record, canonical or questionnaire the form. A form of a persistent document comes with its present answers, "+
						"any other filled from the record, each answer with its source and time. Asked by Parameters it answers with Parameters: response, and issues with what was not filled; else with the response alone."),
					operation("assemble", sdcOperation+"Questionnaire-assemble", "Takes a modular Questionnaire, or Parameters with questionnaire."),
					operation("binding", ownOperation+"Questionnaire-binding", "GET shows and PUT registers the file that binds a form from elsewhere to a template.")),
				{
					"type": "QuestionnaireResponse", "versioning": "versioned-update", "readHistory": true, "updateCreate": false, "conditionalCreate": true,
					"conditionalRead": "not-supported", "conditionalUpdate": false, "conditionalDelete": "not-supported",
					"documentation": "The stored composition of this uuid, in the version that is valid now. Create and update are submits like that of Questionnaire/$process-response: " +
						"an update takes a response that was read here, with its token, or one of status entered-in-error, which deletes. A search is of one person. " +
						"?mode=form|faithful|compact says how much of the reference model is shown, ?carry=full adds what no question asks for. If-None-Exist asks by identifier.",
					"interaction": interactions("read vread create update delete history-instance search-type"),
					"searchParam": []object{
						parameter("_id", "token", "The id; needs no person beside it."),
						parameter("_lastUpdated", "date", "The time of commit, with eq, ge, gt, le, lt, sa, eb."),
						parameter("subject", "reference", "The person, also by identifier as system|value; this, patient or ehr is needed."),
						parameter("patient", "reference", "The same."),
						parameter("ehr", "string", "The id of the EHR."),
						parameter("questionnaire", "reference", "The form."),
						parameter("status", "token", "completed and amended unless it says otherwise; in-progress for drafts, stopped."),
						parameter("authored", "date", "The time of filling: a day in UTC or an instant, with eq, ge, gt, le, lt, sa, eb."),
						parameter("author", "reference", "The name of who answered, or an identifier of theirs."),
						parameter("identifier", "token", "The identifier the response came with."),
						parameter("based-on", "reference", "What the response was asked for by: the reference as it was written, or :identifier."),
					},
					"operation": []object{
						operation("extract", sdcOperation+"QuestionnaireResponse-extract", "At a stored response, at one of its versions, or with a response in the body; nothing is written."),
						operation("pdf", ownOperation+"QuestionnaireResponse-pdf", "GET, also at one version: the stored composition as a PDF, attached inside it."),
						operation("submitted", ownOperation+"QuestionnaireResponse-submitted", "An answer to a form from elsewhere as it came in, with what was changed since."),
					},
				},
				written(library.ValueSet, "The lists of templates' questions, the groups of the openEHR terminology that forms choose from, and what was written. "+
					"Those of templates are found by _id, url or openehr-template.",
					operation("expand", coreOperation+"ValueSet-expand", "By GET or POST, at one ValueSet, with url or with valueSet; filter, count, offset, displayLanguage."),
					operation("validate-code", coreOperation+"ValueSet-validate-code", "By GET or POST, at one ValueSet, with url or with valueSet; code, system, display, coding, codeableConcept.")),
				written(library.CodeSystem, "What was written; the value sets here expand from them."),
				{
					"type": "Provenance", "versioning": "no-version", "readHistory": false,
					"documentation": "Who committed a version of a response, and when; its id is the response's, a point, and the number of the version.",
					"interaction":   interactions("read search-type"),
					"searchParam":   []object{parameter("target", "reference", "QuestionnaireResponse/{id}/_history/{version}.")},
				},
			},
			"operation": []object{operation("process-response", sdcOperation+"Questionnaire-process-response", "Judges, stores and extracts a response in one call.")},
		}},
	}
}
