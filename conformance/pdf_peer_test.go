package conformance

import (
	"bytes"
	"strings"
	"testing"
)

// TestPrintedGoesElsewhere: the PDF of a composition is taken in by another server
// that has the template, and is the identical composition there but for the system
// in its version's uid, which is that of the server that made the version.
func TestPrintedGoesElsewhere(t *testing.T) {
	here, there := running(t), compat(t)
	ask := func(method, at string, body []byte, headers ...string) answer {
		t.Helper()
		return there.call(t, "", method, at, body, append([]string{"Authorization", peerUser}, headers...)...)
	}
	for _, one := range []struct{ template, example string }{{"vital_signs_observations.v1", "vital_signs_full"}, {"referral.v1", "referral_full"}, {"genomic_test_order.v1", "genomic_order_newborn_trio"}} {
		template := here.call(t, "admin", "GET", here.OpenEHR+"/definition/template/adl1.4/"+templateIDs[one.template], nil, "Accept", "application/xml").want(t, 200)
		ask("POST", there.OpenEHR+"/definition/template/adl1.4", template.body, "Content-Type", "application/xml").want(t, 200, 201, 204, 409)
		home := here.OpenEHR + "/ehr/" + newEHR(t, here) + "/composition"
		at := home + "/" + here.call(t, "clinician", "POST", home, []byte(shipped(one.example))).want(t, 201, 204).uid(t)
		before := here.call(t, "clinician", "GET", at, nil).want(t, 200)
		printed := here.call(t, "clinician", "GET", at, nil, "Accept", "application/pdf").want(t, 200)

		made := ask("POST", there.OpenEHR+"/ehr", nil, "Prefer", "return=representation").want(t, 201).json(t)
		ehr, _ := made["ehr_id"].(map[string]any)["value"].(string)
		away := there.OpenEHR + "/ehr/" + ehr + "/composition"
		uid := ask("POST", away, printed.body, "Content-Type", "application/pdf").want(t, 201, 204).uid(t)
		after := ask("GET", away+"/"+uid, nil, "Accept", "application/json").want(t, 200)
		_, mine, _ := strings.Cut(at, "::")
		_, theirs, _ := strings.Cut(uid, "::")
		if !bytes.Equal(bytes.Replace(before.body, []byte("::"+mine+`"`), []byte("::"+theirs+`"`), 1), after.body) {
			t.Errorf("%s is another composition elsewhere:\n%.600s\n%.600s", one.example, before.body, after.body)
		}
		if object, _, _ := strings.Cut(uid, "::"); !strings.Contains(at, object) {
			t.Errorf("%s has another uid elsewhere: %s", one.example, uid)
		}
	}
}

var templateIDs = map[string]string{"vital_signs_observations.v1": "Vital%20signs%20observations.v1", "referral.v1": "Referral.v1", "genomic_test_order.v1": "Genomic%20test%20order.v1"}
