package demo

import (
	"fmt"
	"math/rand/v2"
)

// SubjectNamespace is the namespace of the synthetic NHS numbers.
const SubjectNamespace = "https://fhir.nhs.uk/Id/nhs-number"

// Organisations are the three houses the demo people are registered with: an
// acute trust, a practice, a community provider. The codes are invented.
var Organisations = []string{"X99ACUTE", "X99GP", "X99COMM"}

// Person is somebody who does not exist.
type Person struct {
	// NHSNumber has ten digits, a right check digit, and begins with 999.
	NHSNumber string
	// Organisation is where the person is registered.
	Organisation string
}

// People makes n people. The first n of a larger call are the same ones.
func People(n int) []Person {
	people := make([]Person, 0, n)
	for serial := 0; len(people) < n; serial++ {
		number, ok := nhsNumber(999_000_000 + serial)
		if !ok {
			continue
		}
		people = append(people, Person{NHSNumber: number, Organisation: Organisations[len(people)%len(Organisations)]})
	}
	return people
}

// nhsNumber adds the check digit (modulus 11) to nine digits; some nine digits
// have none and are never issued.
func nhsNumber(nine int) (string, bool) {
	digits := fmt.Sprintf("%09d", nine)
	sum := 0
	for i, d := range digits {
		sum += int(d-'0') * (10 - i)
	}
	check := (11 - sum%11) % 11
	if check == 10 {
		return "", false
	}
	return fmt.Sprintf("%s%d", digits, check), true
}

// Status is the EHR_STATUS of a person's record, as canonical JSON.
func Status(p Person) []byte {
	return fmt.Appendf(nil, `{"_type":"EHR_STATUS","archetype_node_id":"openEHR-EHR-EHR_STATUS.generic.v1",`+
		`"name":{"_type":"DV_TEXT","value":"EHR status"},`+
		`"subject":{"_type":"PARTY_SELF","external_ref":{"_type":"PARTY_REF","namespace":%q,"type":"PERSON",`+
		`"id":{"_type":"GENERIC_ID","value":%q,"scheme":"nhs-number"}}},`+
		`"is_queryable":true,"is_modifiable":true}`, SubjectNamespace, p.NHSNumber)
}

// Random is the source of a seed; the same seed gives the same records.
func Random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x51_75_69_72_65)) }
