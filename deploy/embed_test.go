package deploy_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/deploy"
	"github.com/quire-cdr/quire/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func TestModelIsValid(t *testing.T) {
	answer := send(t, http.MethodPost, testkit.Keto(t).OPLURL+"/opl/syntax/check", deploy.OPL, http.StatusOK)
	var faults struct {
		Errors []json.RawMessage `json:"errors"`
	}
	if err := json.Unmarshal(answer, &faults); err != nil || len(faults.Errors) > 0 {
		t.Errorf("Keto's checker says: %s", answer)
	}
}

// TestModelNeverNegates: Keto answers "not a member" when its database fails, which a negation turns into a right.
func TestModelNeverNegates(t *testing.T) {
	for n, line := range strings.Split(string(deploy.OPL), "\n") {
		code, _, _ := strings.Cut(line, "//")
		if strings.Contains(code, "!") {
			t.Errorf("line %d negates: %s", n+1, line)
		}
	}
}

// TestDecisions asks each permit about people who stand in one relation each.
func TestDecisions(t *testing.T) {
	k := testkit.Keto(t)
	id := func(s string) string { return k.Prefix + s }
	direct := func(ns, object, relation, subject string) map[string]any {
		return map[string]any{"namespace": ns, "object": id(object), "relation": relation, "subject_id": id(subject)}
	}
	through := func(ns, object, relation, setNS, setObject, setRelation string) map[string]any {
		return map[string]any{"namespace": ns, "object": id(object), "relation": relation,
			"subject_set": map[string]any{"namespace": setNS, "object": id(setObject), "relation": setRelation}}
	}
	var tuples []map[string]any
	for _, relation := range []string{"clinicians", "open_access", "writers", "admins", "privacy_officers", "breakglassers", "researchers"} {
		tuples = append(tuples, direct("Organisation", "ward", relation, relation))
	}
	for _, relation := range []string{"readers", "writers", "subject", "proxies"} {
		tuples = append(tuples, direct("Ehr", "ehr", relation, relation))
	}
	tuples = append(tuples,
		direct("Role", "inner", "members", "nested"), through("Role", "outer", "members", "Role", "inner", "members"),
		through("Organisation", "ward", "clinicians", "Role", "outer", "members"),
		direct("Team", "team", "members", "teammate"), through("Ehr", "ehr", "readers", "Team", "team", "members"),
		direct("Sensitivity", "label", "readers", "readers"), direct("Sensitivity", "label", "writers", "writers"),
		through("Template", "labelled", "sensitivity", "Sensitivity", "label", ""),
		direct("Template", "labelled", "managers", "admins"), direct("Template", "bare", "managers", "admins"),
		direct("StoredQuery", "query", "executors", "readers"), direct("StoredQuery", "query", "owners", "writers"),
		direct("AdminArea", "area", "viewers", "readers"), direct("AdminArea", "area", "admins", "admins"),
		direct("Organisation", "ward", "read_any", "forger"), // a tuple on a permit's name
	)
	for _, tuple := range tuples {
		body, err := json.Marshal(tuple)
		if err != nil {
			t.Fatal(err)
		}
		send(t, http.MethodPut, k.WriteURL+"/admin/relation-tuples", body, http.StatusCreated)
	}
	everyone := []string{"clinicians", "open_access", "writers", "admins", "privacy_officers", "breakglassers", "researchers",
		"readers", "subject", "proxies", "nested", "teammate", "forger", "stranger"}
	for _, tc := range []struct{ ns, object, permit, allowed string }{
		{"Organisation", "ward", "read_any", "clinicians open_access nested"},
		{"Organisation", "ward", "write_any", "writers"},
		{"Organisation", "ward", "create_ehr", "writers admins"},
		{"Organisation", "ward", "break_glass", "breakglassers"},
		{"Organisation", "ward", "grant", "privacy_officers"},
		{"Organisation", "ward", "query_population", "researchers"},
		{"Organisation", "another", "read_any", ""},
		{"Ehr", "ehr", "read", "readers writers subject proxies teammate"},
		{"Ehr", "ehr", "write", "writers"},
		{"Sensitivity", "label", "read", "readers writers"},
		{"Sensitivity", "label", "write", "writers"},
		{"Template", "labelled", "read_data", "readers writers"},
		{"Template", "labelled", "write_data", "writers"},
		{"Template", "labelled", "manage", "admins"},
		{"Template", "bare", "read_data", ""},
		{"StoredQuery", "query", "execute", "readers writers"},
		{"StoredQuery", "query", "manage", "writers"},
		{"AdminArea", "area", "use", "admins"},
		{"AdminArea", "area", "view", "readers admins"},
	} {
		allowed := map[string]bool{}
		for name := range strings.FieldsSeq(tc.allowed) {
			allowed[name] = true
		}
		for _, name := range everyone {
			query := url.Values{"namespace": {tc.ns}, "object": {id(tc.object)}, "relation": {tc.permit}, "subject_id": {id(name)}}
			var answer struct{ Allowed bool }
			body := send(t, http.MethodGet, k.ReadURL+"/relation-tuples/check/openapi?"+query.Encode(), nil, http.StatusOK)
			if err := json.Unmarshal(body, &answer); err != nil {
				t.Fatal(err)
			}
			if answer.Allowed != allowed[name] {
				t.Errorf("%s:%s#%s for %s: allowed %t", tc.ns, tc.object, tc.permit, name, answer.Allowed)
			}
		}
	}
}

func send(t *testing.T, method, url string, body []byte, want int) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != want {
		t.Fatalf("%s %s: %d %s", method, request.URL.Path, response.StatusCode, answer)
	}
	return answer
}
