package fhir

import (
	"net/http"
	"time"

	"github.com/quire-cdr/quire/internal/rest"
)

type object = map[string]any

// sdcOperation is where SDC defines its operations.
const (
	sdcOperation  = "http://hl7.org/fhir/uv/sdc/OperationDefinition/"
	coreOperation = "http://hl7.org/fhir/OperationDefinition/"
)

// metadata is the CapabilityStatement: what the routes of this package do, and
// no more. Roles of SDC are not claimed until each SHALL of them is there.
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

func capabilities(about About, started time.Time) object {
	interaction := func(code string) object { return object{"code": code} }
	parameter := func(name, kind, text string) object {
		return object{"name": name, "type": kind, "documentation": text}
	}
	return object{
		"resourceType": "CapabilityStatement", "status": "active", "kind": "instance", "fhirVersion": "4.0.1",
		"date": started.UTC().Format(time.RFC3339), "format": []string{"application/fhir+json", "json"},
		"software": object{"name": "Quire", "version": about.Version},
		"rest": []object{{
			"mode": "server",
			"documentation": "Every openEHR template is a Questionnaire, every stored composition a QuestionnaireResponse. " +
				"XML, Patient and the other resources are not served; the openEHR API beside this one has the whole record.",
			"security": object{"cors": false, "description": "A bearer token in the header Authorization; metadata alone needs none."},
			"resource": []object{
				{
					"type": "Questionnaire", "versioning": "versioned", "readHistory": false,
					"documentation": "Made of templates; the version is that of the template's content. Languages by Accept-Language or _language, ?mode=form|faithful|compact.",
					"interaction":   []object{interaction("read"), interaction("vread"), interaction("search-type")},
					"searchParam": []object{
						parameter("_id", "token", "The id."),
						parameter("url", "uri", "The canonical address, with or without |version."),
						parameter("version", "token", "The version of the template's content."),
						parameter("status", "token", "All are active."),
						parameter(templateParameter, "string", "The id of the openEHR template, exactly."),
					},
					"operation": []object{
						{"name": "process-response", "definition": sdcOperation + "Questionnaire-process-response",
							"documentation": "Also at one Questionnaire. ?ehr names the record, ?dry-run=true writes nothing. " +
								"Takes a QuestionnaireResponse or Parameters with in or response."},
						{"name": "populate", "definition": sdcOperation + "Questionnaire-populate",
							"documentation": "Also at one Questionnaire; ?ehr or subject names the record, canonical or questionnaire the form. A form of a persistent document comes with its present answers, " +
								"any other filled from the record, each answer with its source and time. Asked by Parameters it answers with Parameters: response, and issues with what was not filled; else with the response alone."},
						{"name": "assemble", "definition": sdcOperation + "Questionnaire-assemble", "documentation": "Takes a modular Questionnaire, or Parameters with questionnaire."},
					},
				},
				{
					"type": "QuestionnaireResponse", "versioning": "versioned", "readHistory": true, "updateCreate": false,
					"documentation": "The stored composition of this uuid, in the version that is valid now. Create and update are submits like that of Questionnaire/$process-response: " +
						"an update takes a response that was read here, with its token. A search is of one person. ?mode=form|faithful|compact says how much of the reference model is shown, " +
						"?carry=full adds what no question asks for.",
					"interaction": []object{interaction("read"), interaction("vread"), interaction("create"), interaction("update"), interaction("history-instance"), interaction("search-type")},
					"searchParam": []object{
						parameter("subject", "reference", "The person; this or ehr is needed."),
						parameter("patient", "reference", "The same."),
						parameter("ehr", "string", "The id of the EHR."),
						parameter("questionnaire", "reference", "The form."),
						parameter("status", "token", "completed, or in-progress for drafts."),
						parameter("authored", "date", "The time of commit: a day in UTC or an instant, with eq, ge, gt, le, lt, sa, eb."),
					},
				},
				{
					"type": "ValueSet", "versioning": "versioned", "readHistory": false,
					"documentation": "The lists of templates' questions, and the groups of the openEHR terminology that forms choose from.",
					"interaction":   []object{interaction("read"), interaction("search-type")},
					"searchParam": []object{
						parameter("_id", "token", "The id."),
						parameter("url", "uri", "The canonical address."),
						parameter(templateParameter, "string", "The id of the openEHR template, exactly."),
					},
					"operation": []object{
						{"name": "expand", "definition": coreOperation + "ValueSet-expand", "documentation": "By GET, at one ValueSet or with url; filter, count, offset."},
						{"name": "validate-code", "definition": coreOperation + "ValueSet-validate-code", "documentation": "By GET, at one ValueSet or with url; code, system, display."},
					},
				},
				{
					"type": "Provenance", "versioning": "no-version", "readHistory": false,
					"documentation": "Who committed a version of a response, and when; its id is the response's, a point, and the number of the version.",
					"interaction":   []object{interaction("read"), interaction("search-type")},
					"searchParam":   []object{parameter("target", "reference", "QuestionnaireResponse/{id}/_history/{version}.")},
				},
			},
		}},
	}
}
