package fhir

import (
	"net/http"
	"time"

	"github.com/quire-cdr/quire/internal/rest"
)

type object = map[string]any

// sdcOperation is where SDC defines its operations.
const sdcOperation = "http://hl7.org/fhir/uv/sdc/OperationDefinition/"

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
					"documentation": "Made of templates; the version is that of the template's content. Languages by Accept-Language or _language.",
					"interaction":   []object{interaction("read"), interaction("search-type")},
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
							"documentation": "At one Questionnaire; ?ehr or subject names the record. A form of a persistent document comes with its present answers, any other blank. " +
								"The QuestionnaireResponse is the body of the answer."},
					},
				},
				{
					"type": "QuestionnaireResponse", "versioning": "versioned", "readHistory": true,
					"documentation": "The stored composition of this uuid, in the version that is valid now. It is written by Questionnaire/$process-response.",
					"interaction":   []object{interaction("read"), interaction("vread")},
				},
			},
		}},
	}
}
