package conformance

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/pdf"
)

// TestGenomicOrder takes the genomic order of the fixtures the whole way: an answer
// to a form from elsewhere becomes a composition, FHIR resources, an OML^O21, a PDF
// and the same answer again, and its result comes in as an ORU^R01; a document goes
// out as an MDM^T02. Each is checked field by field.
func TestGenomicOrder(t *testing.T) {
	order, err := os.ReadFile(sharedFile(t, "fixtures", "hl7v2", "QuestionnaireResponse-GenomicTestOrder-OctaviaCHISLETT.json"))
	if err != nil {
		t.Fatal(err)
	}
	result, err := os.ReadFile(sharedFile(t, "fixtures", "hl7v2", "NWGMSA_ORU_R01_PDF.txt"))
	if err != nil {
		t.Fatal(err)
	}
	const number = "9449305552"
	dir := tempDir(t)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	cert, key, secure := certificate(t, dir)
	lims, docs := &receiver{lose: 1}, &receiver{}
	lab := freePort(t)
	principal := `"principal":{"subject":"svc:messages","role":"messages","organisation":"X99ACUTE","name":"Laboratory interface"}`
	known := `"processing":"T","timeout":"5s","from":["QUIRE","DEM11"],"identifiers":{"` + nhsNumbers + `":{"assigner":"NHS","type":"NH"}},` + principal
	exits := fmt.Sprintf(`{"destinations":[{"name":"lims","address":%q,"mapping":"genomic_test_order.oml_o21","to":["LIMS","LAB1"],%s},
		{"name":"docs","address":%q,"mapping":"discharge_summary.mdm_t02","to":["DOCS","GP"],"tls":{"ca_file":%q},%s}],
		"sources":[{"name":"lab","listen":%q,"allow":["127.0.0.0/8"],"namespaces":{"NHS":%q},"verified":%q,"verified_at":["PID-2","PID-19"],
		"tls":{"cert_file":%q,"key_file":%q,"client_ca_file":%q},%s}]}`,
		receive(t, lims, nil), known, receive(t, docs, secure), cert, known, lab, nhsNumbers, nhsNumbers, cert, key, cert, principal)
	file := filepath.Join(dir, "exits.json")
	if err := os.WriteFile(file, []byte(exits), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, filepath.Join(dir, "data"), "--exits-file", file)
	defer s.stop(t)
	record := func(id string) string {
		t.Helper()
		a := s.call(t, "clinician", "POST", s.OpenEHR+"/ehr", []byte(status(subject(id, nhsNumbers))), "Prefer", "return=representation").want(t, 201)
		ehr, _ := at(a.json(t), "ehr_id", "value").(string)
		return ehr
	}
	ehr := record(number)

	// Judged first: nothing is written, and the way out is told.
	process := s.FHIR + "/$process-response?ehr=" + ehr
	dry := s.call(t, "clinician", "POST", process+"&dry-run=true", order).want(t, 200)
	if !strings.Contains(string(dry.body), "a message goes to lims") || !strings.Contains(string(dry.body), `"dry-run"`) || versions(t, s, ehr) != 0 {
		t.Fatalf("a dry run: %.500s", dry.body)
	}
	s.call(t, "clinician", "POST", s.FHIR+"/$process-response", order).want(t, 400)
	s.call(t, "clinician", "POST", s.FHIR+"/$process-response?ehr="+record(nhsNumber()), order).want(t, 409)
	stored := s.call(t, "clinician", "POST", process, order).want(t, 200)
	if again := s.call(t, "clinician", "POST", process, order).want(t, 200); !strings.Contains(string(again.body), `"repeated"`) || versions(t, s, ehr) != 1 {
		t.Fatalf("the same answer twice: %.300s", again.body)
	}
	response := strings.TrimSuffix(stored.header.Get("Location"), "/_history/1")
	object := response[strings.LastIndexByte(response, '/')+1:]

	t.Run("composition", func(t *testing.T) { theOrderIsStored(t, s, ehr) })
	t.Run("bundle", func(t *testing.T) {
		for _, e := range []struct{ method, address string }{
			{"GET", response + "/$extract"}, {"POST", response + "/$extract"}, {"GET", response + "/_history/1/$extract"},
		} {
			theOrderIsExtracted(t, s.call(t, "clinician", e.method, e.address, nil).want(t, 200).json(t), number)
		}
		posted := s.call(t, "clinician", "POST", s.FHIR+"/QuestionnaireResponse/$extract?ehr="+ehr, order).want(t, 200).json(t)
		if got := at(posted, "parameter", 0, "resource", "entry", 0, "resource", "resourceType"); got != "ServiceRequest" || versions(t, s, ehr) != 1 {
			t.Errorf("extracted from what is not stored: %v", got)
		}
		s.call(t, "clinician", "GET", response+"/_history/9/$extract", nil).want(t, 404)
		s.call(t, "outsider", "GET", response+"/$extract", nil).want(t, 403, 404)
	})
	t.Run("message", func(t *testing.T) {
		m := lims.got(t, 1)
		theOrderIsSent(t, m)
		lims.mu.Lock()
		defer lims.mu.Unlock()
		if len(lims.arrived) != 2 || lims.arrived[0].at("MSH-10") != m.at("MSH-10") {
			t.Errorf("%d messages arrived, the connection was lost once", len(lims.arrived))
		}
	})
	t.Run("back", func(t *testing.T) {
		back := s.call(t, "clinician", "GET", response+"/$submitted", nil).want(t, 200).json(t)
		var was map[string]any
		if err := json.Unmarshal(order, &was); err != nil || !reflect.DeepEqual(back, was) {
			t.Errorf("another answer comes back: %v", back)
		}
	})
	t.Run("PDF", func(t *testing.T) {
		one := s.OpenEHR + "/ehr/" + ehr + "/composition/" + object
		printed := s.call(t, "clinician", "GET", one, nil, "Accept", "application/pdf").want(t, 200).body
		text := pdfText(t, printed)
		for _, words := range []string{"NHS number 944 930 5552", "Dr Samuel Darwin", "C3456789", "R240.1", "R242.1", "1601737", "Malignant tumour of stomach", "25GEN-029GN00001",
			"Whole blood specimen", "UK3096580215", "Page 1 of", object} {
			if text != "" && !strings.Contains(text, words) {
				t.Errorf("the PDF does not say %q", words)
			}
		}
		document := s.call(t, "clinician", "GET", one, nil).want(t, 200).json(t)
		sameInPDF(t, printed, document)
	})
	t.Run("result", func(t *testing.T) { theResultComesIn(t, s, lab, secure, ehr, result) })
	t.Run("document", func(t *testing.T) {
		other := record(nhsNumber())
		made := s.call(t, "clinician", "POST", s.OpenEHR+"/ehr/"+other+"/composition", []byte(shipped("discharge_summary_minimal")), "Prefer", "return=representation").want(t, 201).json(t)
		m := docs.got(t, 1)
		uid, _ := at(made, "uid", "value").(string)
		for place, want := range map[string]string{"MSH-9": "MDM^T02^MDM_T02", "MSH-5": "DOCS", "PID-3.4": "NHS", "TXA-2": "DS", "TXA-12": uid, "OBX-2": "ED", "OBX-3.1": "373942005", "OBX-5.3": "PDF", "OBX-5.4": "Base64", "OBX-11": "F"} {
			if got := m.at(place); got != want {
				t.Errorf("%s is %q, want %q", place, got, want)
			}
		}
		printed, err := base64.StdEncoding.DecodeString(m.at("OBX-5.5"))
		if err != nil || !bytes.HasPrefix(printed, []byte("%PDF")) {
			t.Fatalf("OBX-5.5 is no PDF: %v", err)
		}
		sameInPDF(t, printed, made)
	})
	t.Run("standing", func(t *testing.T) {
		out, err := exec.Command(quire(t), "exit", "list", "--data", s.data).CombinedOutput()
		var list []struct {
			Destination         string
			Waiting, Sent, Dead int
		}
		if err != nil || json.Unmarshal(out, &list) != nil || len(list) != 2 || list[0].Destination != "lims" || list[0].Dead != 0 || list[1].Destination != "docs" || list[1].Sent < 1 {
			t.Errorf("%v: %s", err, out)
		}
	})
}

// theOrderIsStored asks for every field of the order by AQL.
func theOrderIsStored(t *testing.T, s *target, ehr string) {
	const test, protocol = "/activities[at0001]/description[at0009]", "/protocol[at0008]"
	const detail, specimen = protocol + "/items[openEHR-EHR-CLUSTER.genomic_test_request.v1]", protocol + "/items[openEHR-EHR-CLUSTER.specimen.v1]"
	const requester = protocol + "/items[openEHR-EHR-CLUSTER.person.v1]"
	fields := []struct{ path, want string }{
		{"/narrative/value", "Diagnostic testing for known variant(s) (Targeted variant testing), Predictive testing for known familial variant(s) (Targeted variant testing)"},
		{requester + "/items[at0001]/value/value", "Dr Samuel Darwin"},
		{requester + "/items[at0004]/value/defining_code/code_string", "100"},
		{requester + "/items[at0003]/value/id", "C3456789"},
		{requester + "/items[openEHR-EHR-CLUSTER.electronic_communication.v1]/items[at0002]/value/value", "charu"},
		{requester + "/items[openEHR-EHR-CLUSTER.organisation.v1]/items[at0003]/value/id", "R0A"},
		{detail + "/items[at0001]/value/defining_code/code_string", "at0002"},
		{protocol + "/items[at0010]/value/id", "1601737"},
		{specimen + "/items[at0088]/value/id", "25GEN-029GN00001"},
		{specimen + "/items[at0001]/value/id", "1001166717"},
		{specimen + "/items[at0001]/value/assigner", "699X0"},
		{specimen + "/items[at0015]/value/value", "2025-01-29T10:37:26+00:00"},
		{specimen + "/items[at0029]/value/defining_code/code_string", "258580003"},
		{specimen + "/items[at0034]/value/value", "2025-02-01"},
		{specimen + "/items[at9009]/items[at9014]/value/id", "UK3096580215"},
	}
	query := "SELECT c/context/start_time/value AS begun"
	for n, f := range fields {
		query += fmt.Sprintf(", o%s AS f%d", f.path, n)
	}
	const from = " FROM EHR e[ehr_id/value=$ehr] CONTAINS COMPOSITION c CONTAINS INSTRUCTION o[openEHR-EHR-INSTRUCTION.service_request.v1]"
	rows, _ := aql(t, s, "clinician", query+from, map[string]any{"ehr": ehr}).want(t, 200).json(t)["rows"].([]any)
	if len(rows) != 1 || at(rows, 0, 0) != "2025-01-29T10:37:26+00:00" {
		t.Fatalf("%d orders: %v", len(rows), rows)
	}
	for n, f := range fields {
		if got := fmt.Sprint(at(rows, 0, n+1)); got != f.want {
			t.Errorf("%s is %s, want %s", f.path, got, f.want)
		}
	}
	tests := aql(t, s, "clinician", "SELECT a/description[at0009]/items[at0121]/value/defining_code/code_string AS code, a/description[at0009]/items[at0062]/value/defining_code/code_string AS reason"+
		strings.Replace(from, "INSTRUCTION o[openEHR-EHR-INSTRUCTION.service_request.v1]", "ACTIVITY a", 1)+" ORDER BY code", map[string]any{"ehr": ehr}).want(t, 200).json(t)["rows"]
	if want := []any{[]any{"R240.1", "363349007"}, []any{"R242.1", "363349007"}}; !reflect.DeepEqual(tests, any(want)) {
		t.Errorf("the tests are %v", tests)
	}
}

// theOrderIsExtracted checks the Bundle of $extract.
func theOrderIsExtracted(t *testing.T, answer map[string]any, number string) {
	t.Helper()
	var bundle any
	parameters, _ := answer["parameter"].([]any)
	for _, p := range parameters {
		if at(p, "name") == "return" {
			bundle = at(p, "resource")
		}
	}
	entries, _ := at(bundle, "entry").([]any)
	if at(bundle, "type") != "transaction" || len(entries) != 3 || at(entries, 2, "resource", "resourceType") != "Provenance" {
		t.Fatalf("%v of %d entries", at(bundle, "type"), len(entries))
	}
	tests := []struct{ code, display string }{
		{"R240.1", "Diagnostic testing for known variant(s) (Targeted variant testing)"}, {"R242.1", "Predictive testing for known familial variant(s) (Targeted variant testing)"},
	}
	for n, test := range tests {
		r := at(entries, n, "resource")
		for _, f := range []struct {
			path []any
			want any
		}{
			{[]any{"resourceType"}, "ServiceRequest"}, {[]any{"status"}, "active"}, {[]any{"intent"}, "order"},
			{[]any{"meta", "profile", 0}, "https://fhir.hl7.org.uk/StructureDefinition/UKCore-ServiceRequest"},
			{[]any{"code", "coding", 0, "code"}, test.code}, {[]any{"code", "coding", 0, "display"}, test.display},
			{[]any{"code", "coding", 0, "system"}, "https://fhir.nhs.uk/CodeSystem/England-GenomicTestDirectory"},
			{[]any{"identifier", 1, "value"}, "1601737"}, {[]any{"authoredOn"}, "2025-01-29T10:37:26+00:00"},
			{[]any{"requester", "display"}, "Dr Samuel Darwin"}, {[]any{"subject", "identifier", "system"}, nhsNumbers}, {[]any{"subject", "identifier", "value"}, number},
		} {
			if got := at(r, f.path...); got != f.want {
				t.Errorf("ServiceRequest %d: %v is %v, want %v", n, f.path, got, f.want)
			}
		}
		address, _ := at(entries, n, "request", "url").(string)
		if at(entries, n, "request", "method") != "PUT" || !strings.HasPrefix(address, "ServiceRequest?identifier=") || strings.ContainsAny(address, "# ") {
			t.Errorf("the request of entry %d is %q", n, address)
		}
	}
	if got := at(entries, 0, "resource", "reasonCode", 0, "coding", 0, "code"); got != "363349007" {
		t.Errorf("the reason is %v", got)
	}
	if got := at(entries, 2, "resource", "target", 1, "reference"); got != at(entries, 1, "fullUrl") {
		t.Errorf("the provenance is of %v", got)
	}
}

// theOrderIsSent checks the OML^O21.
func theOrderIsSent(t *testing.T, m hl7) {
	t.Helper()
	for place, want := range map[string]string{
		"MSH-3": "QUIRE", "MSH-4": "DEM11", "MSH-5": "LIMS", "MSH-6": "LAB1", "MSH-9": "OML^O21^OML_O21", "MSH-11": "T", "MSH-12": "2.5.1",
		"PID-3": "9449305552^^^NHS^NH", "PID-5": "^^^^^^U", "PV1-2": "N", "PV1-3.4": "R0A", "ORC-1": "NW", "ORC-2.1": "1601737", "ORC-12.1": "C3456789", "ORC-12.2": "Dr Samuel Darwin",
		"ORC-14": "charu", "ORC-21.3": "R0A",
		"OBR[1]-1": "1", "OBR[1]-2.1": "1601737", "OBR[1]-4.1": "R240.1", "OBR[1]-4.2": "Diagnostic testing for known variant(s) (Targeted variant testing)", "OBR[1]-16.1": "C3456789",
		"OBR[1]-31.1": "363349007", "OBR[1]-31.3": "SCT", "OBR[2]-1": "2", "OBR[2]-4.1": "R242.1", "OBR[1]-7": "20250129103726+0000",
		"OBX-3.1": "15220000", "OBX-5.1": "at0002", "SPM-1": "1", "SPM-2.1": "25GEN-029GN00001", "SPM-4": "258580003^Whole blood specimen^SCT", "SPM-17": "20250129103726+0000", "SPM-18": "20250201",
	} {
		if got := m.at(place); got != want {
			t.Errorf("%s is %q, want %q", place, got, want)
		}
	}
	for segment, want := range map[string]int{"OBR": 2, "OBX": 1, "SPM": 1} {
		if got := m.count(segment); got != want {
			t.Errorf("%d %s", got, segment)
		}
	}
	if t.Failed() {
		t.Logf("%v", m)
	}
}

// theResultComesIn sends the laboratory's message: as it stands its file is cut
// short, which is refused at its field, and whole it is stored once.
func theResultComesIn(t *testing.T, s *target, lab string, secure *tls.Config, ehr string, result []byte) {
	before := versions(t, s, ehr)
	if m := sent(t, lab, secure, result); m.at("MSA-1") != "AE" || m.at("MSA-2") != "ORIE-250814-0" || m.at("ERR-1") != "OBX^1^5^102" && !strings.HasPrefix(m.at("ERR-2"), "OBX^1^5") {
		t.Errorf("a file that is cut short: %v", m)
	}
	whole := bytes.Replace(result, []byte("Ky/V"), []byte("Ky/V="), 1)
	for range 2 {
		if m := sent(t, lab, secure, whole); m.at("MSA-1") != "AA" || m.at("MSA-2") != "ORIE-250814-0" {
			t.Fatalf("%v", m)
		}
	}
	if got := versions(t, s, ehr) - before; got != 1 {
		t.Errorf("%d versions of one result", got)
	}
	const data = "o/data[at0001]/events[at0002]/data[at0003]"
	rows := aql(t, s, "clinician", "SELECT "+data+"/items[at0005]/value/value AS test, "+data+"/items[at0073]/value/defining_code/code_string AS status,"+
		" o/protocol[at0004]/items[at0094]/items[at0062]/value/id AS placer, o/protocol[at0004]/items[at0068]/value/id AS filler, o/data[at0001]/events[at0002]/time/value AS at,"+
		" s/ism_transition/current_state/value AS state, c/composer/name AS laboratory"+
		" FROM EHR e[ehr_id/value=$ehr] CONTAINS COMPOSITION c[openEHR-EHR-COMPOSITION.report-result.v1] CONTAINS (OBSERVATION o[openEHR-EHR-OBSERVATION.laboratory_test_result.v1] AND ACTION s)",
		map[string]any{"ehr": ehr}).want(t, 200).json(t)["rows"]
	if got := fmt.Sprint(rows); got != "[[TEST: Sanger Sequencing at0038 1601737 T25-01FU 2025-08-14T09:41:16+01:00 completed MFT]]" {
		t.Errorf("the report says %v", rows)
	}
	// Somebody nobody knows: a dead letter that a person looks at, tries and closes.
	if m := sent(t, lab, secure, bytes.ReplaceAll(bytes.ReplaceAll(whole, []byte("944 930 5552"), []byte(nhsNumber())), []byte("ORIE-250814-0"), []byte("ORIE-X"))); m.at("MSA-1") != "AE" {
		t.Errorf("of nobody: %v", m)
	}
	quire := func(args ...string) (string, bool) {
		out, err := exec.Command(quire(t), append([]string{"exit"}, append(args, "--data", s.data)...)...).CombinedOutput()
		return string(out), err == nil
	}
	listed, ok := quire("dead")
	var letters []struct {
		ID, Reason, Field string
		Control           string `json:"control_id"`
	}
	if !ok || json.Unmarshal([]byte(listed), &letters) != nil || len(letters) != 2 || letters[0].Reason != "person-unknown" || !strings.HasPrefix(letters[0].Field, "PID-") || letters[0].Control != "ORIE-X" {
		t.Fatalf("dead letters: %s", listed)
	}
	if one, ok := quire("dead", letters[0].ID); !ok || !strings.Contains(one, "SANGER^TEST") {
		t.Errorf("the letter: %.300s", one)
	}
	if out, ok := quire("retry", letters[0].ID); ok || !strings.Contains(out, "refused again at PID-") {
		t.Errorf("tried again: %s", out)
	}
	// The one that was cut short stays too, until a person has seen it.
	for _, l := range letters {
		if out, ok := quire("discard", l.ID, "--reason", "a test message"); !ok {
			t.Errorf("closed: %s", out)
		}
	}
	if out, ok := quire("dead"); !ok || strings.TrimSpace(out) != "[]" {
		t.Errorf("still there: %s", out)
	}
	letter := s.Admin + "/exit/dead/" + letters[0].ID
	for _, c := range []struct {
		who, method, address string
		status               int
	}{
		{"clinician", "GET", s.Admin + "/exit", http.StatusForbidden}, {"clinician", "GET", letter, http.StatusForbidden}, {"", "GET", letter, http.StatusUnauthorized},
		{"admin", "GET", letter, http.StatusOK}, {"admin", "POST", letter + "/retry", http.StatusConflict}, {"admin", "GET", s.Admin + "/exit/dead/x", http.StatusBadRequest},
		{"admin", "DELETE", letter, http.StatusBadRequest}, {"admin", "GET", s.Admin + "/exit/dead/01a20296-78af-7192-a1e7-aa725429170d", http.StatusNotFound},
	} {
		s.call(t, c.who, c.method, c.address, nil).want(t, c.status)
	}
}

// sameInPDF compares the composition inside a PDF with what it was made of. To this
// server it cannot be sent again: an object has one home.
func sameInPDF(t *testing.T, printed []byte, was map[string]any) {
	t.Helper()
	inside, err := pdf.Attached(printed, 1<<24)
	if err != nil {
		t.Fatal(err)
	}
	var again map[string]any
	if err := json.Unmarshal(inside, &again); err != nil || !reflect.DeepEqual(again, was) {
		t.Errorf("the composition inside the PDF is another (%v)", err)
	}
}

// pdfText is what a PDF says, "" where no program reads it here.
func pdfText(t *testing.T, file []byte) string {
	t.Helper()
	cmd := exec.Command("pdftotext", "-layout", "-", "-")
	cmd.Stdin = bytes.NewReader(file)
	out, err := cmd.Output()
	if err != nil {
		t.Logf("the text of the PDF is not looked at: %v", err)
		return ""
	}
	return string(out)
}
