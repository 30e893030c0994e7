package openehr_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/quire-cdr/quire/internal/rest/openehr"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/canonxml"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// partyOf is a party of a class in canonical JSON, with members added.
func partyOf(class, name, more string) string {
	archetype := "openEHR-DEMOGRAPHIC-" + class + "." + strings.ToLower(class) + ".v1"
	if class == "ROLE" {
		more += `,"performer":{"_type":"PARTY_REF","id":{"_type":"HIER_OBJECT_ID","value":"` + object + `"},"namespace":"local","type":"PERSON"}` +
			`,"capabilities":[{"_type":"CAPABILITY","archetype_node_id":"at0030","name":{"_type":"DV_TEXT","value":"Prescriber"},` +
			`"credentials":{"_type":"ITEM_TREE","archetype_node_id":"at0031","name":{"_type":"DV_TEXT","value":"Tree"}},` +
			`"time_validity":{"_type":"DV_INTERVAL","lower":{"_type":"DV_DATE","value":"2020-01-01"},"lower_included":true,"upper_included":false,"lower_unbounded":false,"upper_unbounded":true}}]`
	}
	return `{"_type":"` + class + `","archetype_node_id":"` + archetype + `","name":{"_type":"DV_TEXT","value":"` + class + `"},` +
		`"archetype_details":{"_type":"ARCHETYPED","archetype_id":{"_type":"ARCHETYPE_ID","value":"` + archetype + `"},"rm_version":"1.1.0"},` +
		`"identities":[{"_type":"PARTY_IDENTITY","archetype_node_id":"at0001","name":{"_type":"DV_TEXT","value":"Legal name"},` +
		`"details":{"_type":"ITEM_TREE","archetype_node_id":"at0002","name":{"_type":"DV_TEXT","value":"Tree"},"items":[` +
		`{"_type":"ELEMENT","archetype_node_id":"at0003","name":{"_type":"DV_TEXT","value":"Full name"},"value":{"_type":"DV_TEXT","value":"` + name + `"}}]}}],` +
		`"contacts":[{"_type":"CONTACT","archetype_node_id":"at0020","name":{"_type":"DV_TEXT","value":"Work"},"addresses":[` +
		`{"_type":"ADDRESS","archetype_node_id":"at0021","name":{"_type":"DV_TEXT","value":"Postal"},` +
		`"details":{"_type":"ITEM_TREE","archetype_node_id":"at0022","name":{"_type":"DV_TEXT","value":"Tree"}}}]}]` + more + `}`
}

func relationOf(source string) string {
	return `,"relationships":[{"_type":"PARTY_RELATIONSHIP","archetype_node_id":"at0040","name":{"_type":"DV_TEXT","value":"Carer of"},` +
		`"source":{"_type":"PARTY_REF","id":{"_type":"HIER_OBJECT_ID","value":"` + source + `"},"namespace":"local","type":"PERSON"},` +
		`"target":{"_type":"PARTY_REF","id":{"_type":"HIER_OBJECT_ID","value":"` + object + `"},"namespace":"local","type":"PERSON"}}]`
}

// uidOf is the version uid of an ETag, and the object it is of.
func uidOf(header http.Header) (version, object string) {
	version = strings.Trim(strings.TrimPrefix(header.Get("ETag"), "W/"), `"`)
	object, _, _ = strings.Cut(version, "::")
	return version, object
}

// expect asks and fails where the status is another.
func expect(t *testing.T, app *fiber.App, status int, method, path, body string, headers h) (string, http.Header) {
	t.Helper()
	if headers == nil {
		headers = h{}
	}
	if body != "" && headers["Content-Type"] == "" {
		headers["Content-Type"] = "application/json"
	}
	got, text, header := ask(t, app, method, path, body, headers)
	if got != status {
		t.Fatalf("%s %s: %d, want %d: %.600s", method, path, got, status, text)
	}
	return text, header
}

// TestPartyLife drives every operation of the demographic API for every class.
func TestPartyLife(t *testing.T) {
	app := onDatabase(t)
	for _, class := range []string{"AGENT", "GROUP", "ORGANISATION", "PERSON", "ROLE"} {
		t.Run(class, func(t *testing.T) { partyLife(t, app, class) })
	}
}

func partyLife(t *testing.T, app *fiber.App, class string) {
	at := "/demographic/" + strings.ToLower(class)
	other := "/demographic/group"
	if class == "GROUP" {
		other = "/demographic/agent"
	}

	// Create: the server's uid wins, tags come with it.
	sent := partyOf(class, "First Name", `,"uid":{"_type":"HIER_OBJECT_ID","value":"`+object+`"}`)
	text, header := expect(t, app, 201, "POST", at, sent, h{"Prefer": "return=representation",
		"openehr-item-tag": `key="kept",value="yes"`, "openehr-version-item-tag": `key="first"`})
	v1, id := uidOf(header)
	if id == object || v1 != id+"::test.quire::1" || !strings.Contains(text, `"uid":{"_type":"OBJECT_VERSION_ID","value":"`+v1+`"}`) {
		t.Fatalf("version %s: %s", v1, text)
	}
	if got, want := header.Get("Location"), "http://example.com/rest/openehr/v1"+at+"/"+v1; got != want {
		t.Errorf("Location %s, want %s", got, want)
	}
	if text, _ := expect(t, app, 200, "GET", at+"/"+id, "", nil); !strings.Contains(text, "First Name") {
		t.Error(text)
	}
	expect(t, app, 304, "GET", at+"/"+id, "", h{"If-None-Match": header.Get("ETag")})
	expect(t, app, 404, "GET", other+"/"+id, "", nil)
	expect(t, app, 404, "GET", at+"/"+unknown, "", nil)
	expect(t, app, 400, "GET", at+"/nobody", "", nil)

	// Update.
	changed := partyOf(class, "Second Name", relationOf(id))
	expect(t, app, 400, "PUT", at+"/"+id, changed, nil)
	expect(t, app, 404, "PUT", other+"/"+id, partyOf(strings.ToUpper(strings.TrimPrefix(other, "/demographic/")), "x", ""), h{"If-Match": v1})
	expect(t, app, 422, "PUT", at+"/"+id, partyOf(class, "x", relationOf(object)), h{"If-Match": v1})
	expect(t, app, 422, "PUT", at+"/"+id, sent, h{"If-Match": v1})
	_, header = expect(t, app, 204, "PUT", at+"/"+id, changed, h{"If-Match": `W/"` + v1 + `"`})
	v2, _ := uidOf(header)
	_, header = expect(t, app, 412, "PUT", at+"/"+id, changed, h{"If-Match": v1})
	if latest, _ := uidOf(header); latest != v2 {
		t.Errorf("the latest is said to be %s", latest)
	}
	expect(t, app, 412, "PUT", at+"/"+id, changed, h{"If-Match": id + "::test.quire::99"})

	// Versions and times.
	text, _ = expect(t, app, 200, "GET", at+"/"+v1, "", nil)
	if !strings.Contains(text, "First Name") {
		t.Error(text)
	}
	var history struct {
		Items []struct {
			Audits []struct {
				Committed struct{ Value string } `json:"time_committed"`
			}
		}
	}
	container := "/demographic/versioned_party/" + id
	text, _ = expect(t, app, 200, "GET", container+"/revision_history", "", nil)
	if err := json.Unmarshal([]byte(text), &history); err != nil || len(history.Items) != 2 {
		t.Fatalf("%v: %s", err, text)
	}
	early := history.Items[0].Audits[0].Committed.Value
	if text, _ := expect(t, app, 200, "GET", at+"/"+id+"?version_at_time="+early, "", nil); !strings.Contains(text, "First Name") {
		t.Error(text)
	}
	expect(t, app, 404, "GET", at+"/"+id+"?version_at_time=2001-01-01T00:00:00Z", "", nil)
	text, _ = expect(t, app, 200, "GET", container, "", nil)
	if !strings.Contains(text, `"owner_id":{"_type":"OBJECT_REF","id":{"_type":"HIER_OBJECT_ID","value":"test.quire"},"namespace":"local","type":"SYSTEM"}`) {
		t.Error(text)
	}
	if text, _ := expect(t, app, 200, "GET", container+"/version?version_at_time="+early, "", nil); !strings.Contains(text, `"_type":"ORIGINAL_VERSION"`) || !strings.Contains(text, "First Name") {
		t.Error(text)
	}
	if text, _ := expect(t, app, 200, "GET", container+"/version/"+v2, "", nil); !strings.Contains(text, `"preceding_version_uid":{"_type":"OBJECT_VERSION_ID","value":"`+v1+`"}`) {
		t.Error(text)
	}
	expect(t, app, 404, "GET", container+"/version/"+unknown+"::test.quire::1", "", nil)
	expect(t, app, 404, "GET", "/demographic/versioned_party/"+unknown, "", nil)

	partyInXML(t, app, at, id, v2)
	partyTags(t, app, at, other, id, v1)

	// Delete.
	_, header = expect(t, app, 200, "GET", at+"/"+id, "", nil)
	last, _ := uidOf(header)
	expect(t, app, 409, "DELETE", at+"/"+v1, "", nil)
	expect(t, app, 404, "DELETE", other+"/"+last, "", nil)
	expect(t, app, 412, "DELETE", at+"/"+last, "", h{"If-Match": v1})
	_, header = expect(t, app, 204, "DELETE", at+"/"+last, "", nil)
	gone, _ := uidOf(header)
	if header.Get("Last-Modified") == "" || gone == last {
		t.Errorf("deleted as %s", gone)
	}
	expect(t, app, 400, "DELETE", at+"/"+gone, "", nil)
	expect(t, app, 204, "GET", at+"/"+id, "", nil)
	expect(t, app, 404, "GET", other+"/"+id, "", nil)
	if text, _ := expect(t, app, 200, "GET", container+"/version/"+gone, "", nil); strings.Contains(text, `"data"`) {
		t.Error(text)
	}
	expect(t, app, 400, "PUT", at+"/"+id, changed, h{"If-Match": gone})
	expect(t, app, 200, "PUT", at+"/"+id, changed, h{"If-Match": gone, "openehr-audit-details": `change_type.code_string="816"`, "Prefer": "return=representation"})
}

// partyInXML updates a party by what was read of it as XML, and loses nothing.
func partyInXML(t *testing.T, app *fiber.App, at, id, version string) {
	t.Helper()
	asJSON, _ := expect(t, app, 200, "GET", at+"/"+id, "", nil)
	asXML, header := expect(t, app, 200, "GET", at+"/"+id, "", h{"Accept": "application/xml"})
	if !strings.HasPrefix(header.Get("Content-Type"), "application/xml") {
		t.Fatal(header.Get("Content-Type"))
	}
	tree, err := canonxml.Read([]byte(asXML), 0, canon.ReadOptions{Mandatory: true})
	if err != nil {
		t.Fatal(err)
	}
	stored, err := canon.ReadJSON([]byte(asJSON), rminfo.PARTY, canon.ReadOptions{Mandatory: true})
	if err != nil {
		t.Fatal(err)
	}
	same, err := canonxml.Write(nil, stored, stored.Root(), "")
	if err != nil || string(same) != asXML || tree.Class(tree.Root()) != stored.Class(stored.Root()) {
		t.Errorf("%v\n%s\n%s", err, same, asXML)
	}
	back, header := expect(t, app, 200, "PUT", at+"/"+id, asXML, h{"If-Match": version, "Content-Type": "application/xml", "Prefer": "return=representation", "Accept": "application/json"})
	next, _ := uidOf(header)
	tree, err = canon.ReadJSON([]byte(back), rminfo.PARTY, canon.ReadOptions{Mandatory: true})
	if err != nil {
		t.Fatal(err)
	}
	again, err := canonxml.Write(nil, tree, tree.Root(), "")
	if err != nil || string(again) != strings.Replace(asXML, version, next, 1) {
		t.Errorf("%v\n%s\n%s", err, again, asXML)
	}
	for _, path := range []string{"", "/revision_history", "/version", "/version/" + version} {
		if text, _ := expect(t, app, 200, "GET", "/demographic/versioned_party/"+id+path, "", h{"Accept": "application/xml"}); !strings.Contains(text, "<") {
			t.Error(text)
		}
	}
	expect(t, app, 415, "PUT", at+"/"+id, "{}", h{"If-Match": next, "Content-Type": "application/openehr.wt.flat+json"})
	expect(t, app, 406, "GET", at+"/"+id, "", h{"Accept": "application/openehr.wt.flat+json"})
}

func partyTags(t *testing.T, app *fiber.App, at, other, id, v1 string) {
	t.Helper()
	text, _ := expect(t, app, 200, "GET", at+"/"+id+"/tags", "", nil)
	if text != `[{"_type":"ITEM_TAG","key":"kept","value":"yes","target":{"_type":"HIER_OBJECT_ID","value":"`+id+`"},`+
		`"owner_id":{"_type":"OBJECT_REF","id":{"_type":"HIER_OBJECT_ID","value":"test.quire"},"namespace":"local","type":"SYSTEM"}}]` {
		t.Error(text)
	}
	if text, _ := expect(t, app, 200, "GET", at+"/"+v1+"/tags", "", nil); !strings.Contains(text, `"key":"first","target":{"_type":"OBJECT_VERSION_ID","value":"`+v1+`"}`) {
		t.Error(text)
	}
	expect(t, app, 404, "GET", other+"/"+id+"/tags", "", nil)
	expect(t, app, 404, "PUT", other+"/"+id+"/tags", `[]`, nil)
	expect(t, app, 404, "DELETE", other+"/"+id+"/tags/kept", "", nil)
	expect(t, app, 406, "GET", at+"/"+id+"/tags", "", h{"Accept": "application/xml"})
	expect(t, app, 400, "PUT", at+"/"+id+"/tags", `{}`, nil)
	expect(t, app, 422, "PUT", at+"/"+id+"/tags", `[{"key":" "}]`, nil)
	text, _ = expect(t, app, 200, "PUT", at+"/"+id+"/tags", `[{"key":"k","value":"1","target_path":"/identities[at0001]"},{"key":"k/2"}]`, h{"Prefer": "return=representation"})
	if strings.Count(text, "ITEM_TAG") != 2 {
		t.Error(text)
	}
	if text, _ := expect(t, app, 200, "GET", "/demographic/tags?tag_key=k&tag_value=1&tag_target_path=/identities[at0001]", "", nil); !strings.Contains(text, id) {
		t.Error(text)
	}
	expect(t, app, 204, "DELETE", at+"/"+id+"/tags/k/2", "", nil)
	expect(t, app, 404, "DELETE", at+"/"+id+"/tags/k/2", "", nil)
	expect(t, app, 204, "PUT", at+"/"+id+"/tags", `[]`, nil)
	if text, _ := expect(t, app, 200, "GET", at+"/"+id+"/tags", "", nil); text != "[]" {
		t.Error(text)
	}
}

// What is no valid party is refused, and nothing is written.
func TestPartyRefusals(t *testing.T) {
	app := onDatabase(t)
	person := partyOf("PERSON", "Name", "")
	for _, c := range []struct {
		name, body string
		status     int
	}{
		{"of another class", partyOf("AGENT", "Name", ""), 422},
		{"no party", `{"_type":"COMPOSITION"}`, 400},
		{"no JSON", `{`, 400},
		{"nothing", ``, 400},
		{"an unknown member", strings.Replace(person, `"identities"`, `"x":1,"identities"`, 1), 400},
		{"empty identities", person[:strings.Index(person, `"identities"`)] + `"identities":[]}`, 422},
		{"no identities", person[:strings.Index(person, `,"identities"`)] + `}`, 422},
		{"no archetype details", strings.Replace(person, person[strings.Index(person, `"archetype_details"`):strings.Index(person, `"identities"`)], "", 1), 422},
		{"a contact without addresses", person[:strings.Index(person, `"addresses"`)] + `"addresses":[]}]}`, 422},
		{"a relationship of somebody else", partyOf("PERSON", "Name", relationOf(unknown)), 422},
	} {
		status, text, _ := ask(t, app, "POST", "/demographic/person", c.body, h{"Content-Type": "application/json"})
		if status != c.status {
			t.Errorf("%s: %d, want %d: %.300s", c.name, status, c.status, text)
		}
	}
	expect(t, app, 422, "POST", "/demographic/role", strings.Replace(partyOf("ROLE", "Name", ""), `"namespace":"local","type":"PERSON"`, `"namespace":"local","type":"ROLE"`, 1), nil)
	expect(t, app, 400, "POST", "/demographic/person", person, h{"openehr-item-tag": `value="no key"`})
	expect(t, app, 405, "PATCH", "/demographic/person", person, nil)
	if text, _ := expect(t, app, 200, "POST", "/query/aql", `{"q":"SELECT count(*) FROM PARTY p"}`, nil); !strings.Contains(text, `"rows":[[0]]`) {
		t.Error(text)
	}
	// An empty list is no list: nothing is kept of it.
	for _, list := range []string{"links", "contacts", "relationships", "languages"} {
		bare := person[:strings.Index(person, `,"contacts"`)] + `,"` + list + `":[]}`
		if text, _ := expect(t, app, 201, "POST", "/demographic/person", bare, h{"Prefer": "return=representation"}); strings.Contains(text, list) {
			t.Errorf("empty %s: %s", list, text)
		}
	}
	// The uid a party's own relationships name is kept, while it is free.
	own := partyOf("PERSON", "Name", `,"uid":{"_type":"HIER_OBJECT_ID","value":"`+object+`"}`+relationOf(object))
	_, header := expect(t, app, 201, "POST", "/demographic/person", own, nil)
	if _, id := uidOf(header); id != object {
		t.Errorf("the party is %s", id)
	}
	expect(t, app, 409, "POST", "/demographic/person", own, nil)

	// The owner of the parties is no EHR.
	const owner = "/ehr/00000000-0000-0000-0000-000000000000"
	expect(t, app, 400, "PUT", owner, "", nil)
	for _, path := range []string{"", "/ehr_status", "/tags", "/composition/" + object, "/versioned_composition/" + object, "/directory", "/contribution/" + object} {
		expect(t, app, 404, "GET", owner+path, "", nil)
	}
	expect(t, app, 404, "GET", "/ehr/"+unknown+"/composition/"+object, "", nil)
}

// TestPartyContribution commits parties together, all or none.
func TestPartyContribution(t *testing.T) {
	app := onDatabase(t)
	member := func(change, lifecycle, preceding, data string) string {
		m := `{"_type":"ORIGINAL_VERSION","lifecycle_state":{"_type":"DV_CODED_TEXT","value":"s","defining_code":{"_type":"CODE_PHRASE","terminology_id":{"_type":"TERMINOLOGY_ID","value":"openehr"},"code_string":"` + lifecycle + `"}},` +
			`"commit_audit":{"change_type":{"_type":"DV_CODED_TEXT","value":"c","defining_code":{"_type":"CODE_PHRASE","terminology_id":{"_type":"TERMINOLOGY_ID","value":"openehr"},"code_string":"` + change + `"}}}`
		if preceding != "" {
			m += `,"preceding_version_uid":{"_type":"OBJECT_VERSION_ID","value":"` + preceding + `"}`
		}
		if data != "" {
			m += `,"data":` + data
		}
		return m + `}`
	}
	whole := func(members ...string) string {
		return `{"_type":"CONTRIBUTION","versions":[` + strings.Join(members, ",") + `],` +
			`"audit":{"change_type":{"_type":"DV_CODED_TEXT","value":"c","defining_code":{"_type":"CODE_PHRASE","terminology_id":{"_type":"TERMINOLOGY_ID","value":"openehr"},"code_string":"249"}},"committer":{"_type":"PARTY_IDENTIFIED","name":"Registrar"}}}`
	}
	const at = "/demographic/contribution"
	text, header := expect(t, app, 201, "POST", at, whole(member("249", "532", "", partyOf("PERSON", "One", "")), member("249", "532", "", partyOf("ORGANISATION", "Two", ""))), h{"Prefer": "return=representation"})
	_, id := uidOf(header)
	if !strings.HasSuffix(header.Get("Location"), at+"/"+id) {
		t.Error(header.Get("Location"))
	}
	uids := versionsOf(t, text, "PERSON", "ORGANISATION")
	expect(t, app, 200, "GET", "/demographic/person/"+uids[0], "", nil)
	expect(t, app, 200, "GET", "/demographic/organisation/"+uids[1], "", nil)
	if got, _ := expect(t, app, 200, "GET", at+"/"+id, "", nil); got != text {
		t.Errorf("%s\n%s", got, text)
	}
	expect(t, app, 200, "GET", at+"/"+id, "", h{"Accept": "application/xml"})
	if got, _ := expect(t, app, 200, "GET", at+"/"+id, "", h{"Prefer": "resolve_refs"}); !strings.Contains(got, `"value":"One"`) || !strings.Contains(got, `"value":"Two"`) {
		t.Error(got)
	}
	inXML, _ := expect(t, app, 200, "GET", at+"/"+id, "", h{"Prefer": "resolve_refs", "Accept": "application/xml"})
	if !strings.Contains(inXML, "<value>One</value>") || !strings.Contains(inXML, `type="PERSON"`) {
		t.Error(inXML)
	}
	expect(t, app, 404, "GET", at+"/"+unknown, "", nil)
	expect(t, app, 404, "GET", "/ehr/00000000-0000-0000-0000-000000000000/contribution/"+id, "", nil)

	for _, c := range []struct {
		name, body string
		status     int
	}{
		{"no versions", whole(), 422},
		{"a folder", whole(member("249", "532", "", `{"_type":"FOLDER","archetype_node_id":"at0000","name":{"_type":"DV_TEXT","value":"x"}}`)), 422},
		{"another class", whole(member("251", "532", uids[0], partyOf("AGENT", "x", ""))), 422},
		{"one of two is stale", whole(member("249", "532", "", partyOf("PERSON", "Lost", "")), member("251", "532", strings.TrimSuffix(uids[0], "1")+"7", partyOf("PERSON", "x", ""))), 412},
		{"a relationship of somebody else", whole(member("251", "532", uids[0], partyOf("PERSON", "x", relationOf(unknown)))), 422},
		{"a deletion with data", whole(member("523", "523", uids[0], partyOf("PERSON", "x", ""))), 422},
	} {
		status, text, _ := ask(t, app, "POST", at, c.body, h{"Content-Type": "application/json"})
		if status != c.status {
			t.Errorf("%s: %d, want %d: %.300s", c.name, status, c.status, text)
		}
	}
	expect(t, app, 415, "POST", at, "{}", h{"Content-Type": "application/openehr.wt.flat+json"})
	text, _ = expect(t, app, 201, "POST", at, whole(member("251", "532", uids[0], partyOf("PERSON", "Changed", "")), member("523", "523", uids[1], "")), h{"Prefer": "return=representation"})
	next := versionsOf(t, text, "PERSON", "ORGANISATION")
	if got, _ := expect(t, app, 200, "GET", "/demographic/person/"+next[0], "", nil); !strings.Contains(got, "Changed") {
		t.Error(got)
	}
	expect(t, app, 204, "GET", "/demographic/organisation/"+next[1], "", nil)
	sent := contributionInXML(t, whole(member("251", "532", next[0], partyOf("PERSON", "Changed in XML", ""))))
	text, _ = expect(t, app, 201, "POST", at, sent, h{"Content-Type": "application/xml", "Prefer": "return=representation", "Accept": "application/json"})
	next = versionsOf(t, text, "PERSON")
	// An attestation makes no version.
	attested := `{"_type":"ORIGINAL_VERSION","preceding_version_uid":{"_type":"OBJECT_VERSION_ID","value":"` + next[0] + `"},"commit_audit":{"_type":"ATTESTATION",` +
		`"change_type":{"_type":"DV_CODED_TEXT","value":"attestation","defining_code":{"_type":"CODE_PHRASE","terminology_id":{"_type":"TERMINOLOGY_ID","value":"openehr"},"code_string":"666"}},` +
		`"reason":{"_type":"DV_TEXT","value":"seen"},"is_pending":false}}`
	expect(t, app, 201, "POST", at, whole(attested), nil)
	person, _, _ := strings.Cut(next[0], "::")
	if got, _ := expect(t, app, 200, "GET", "/demographic/versioned_party/"+person+"/version", "", nil); !strings.Contains(got, `"attestations":[`) || !strings.Contains(got, next[0]) {
		t.Error(got)
	}
	rows, _ := expect(t, app, 200, "POST", "/query/aql", `{"q":"SELECT p/uid/value, i/details[at0002]/items[at0003]/value/value FROM PARTY p CONTAINS PARTY_IDENTITY i[at0001]"}`, nil)
	if want := `"rows":[["` + next[0] + `","Changed in XML"]]`; !strings.Contains(rows, want) {
		t.Errorf("%s does not hold %s", rows, want)
	}
}

// contributionInXML writes a contribution to be committed as XML.
func contributionInXML(t *testing.T, text string) string {
	t.Helper()
	tree, err := canon.ReadJSON([]byte(text), rminfo.CONTRIBUTION, canon.ReadOptions{Committal: true})
	if err != nil {
		t.Fatal(err)
	}
	out, err := canonxml.Write(nil, tree, tree.Root(), "")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// versionsOf are the uids that a contribution refers to, as of these classes.
func versionsOf(t *testing.T, contribution string, classes ...string) (uids []string) {
	t.Helper()
	var c struct {
		Versions []struct {
			ID   struct{ Value string }
			Type string
		}
	}
	if err := json.Unmarshal([]byte(contribution), &c); err != nil {
		t.Fatal(err)
	}
	for i, v := range c.Versions {
		if i >= len(classes) || v.Type != classes[i] {
			t.Errorf("reference %d is of type %s", i, v.Type)
		}
		uids = append(uids, v.ID.Value)
	}
	return uids
}

// TestPartyQuery asks AQL about parties.
func TestPartyQuery(t *testing.T) {
	app := onDatabase(t)
	for i := range 3 {
		expect(t, app, 201, "POST", "/demographic/person", partyOf("PERSON", fmt.Sprintf("Person %d", i), ""), nil)
	}
	expect(t, app, 201, "POST", "/demographic/organisation", partyOf("ORGANISATION", "House", ""), nil)
	for q, want := range map[string]string{
		"SELECT count(*) FROM PERSON p":                                       `[[3]]`,
		"SELECT count(*) FROM PARTY p":                                        `[[4]]`,
		"SELECT count(*) FROM PERSON p CONTAINS ADDRESS a":                    `[[3]]`,
		"SELECT count(*) FROM CONTACT c":                                      `[[4]]`,
		"SELECT p/name/value FROM ORGANISATION p":                             `[["ORGANISATION"]]`,
		"SELECT count(*) FROM EHR e":                                          `[[0]]`,
		"SELECT count(*) FROM CLUSTER c":                                      `[[0]]`,
		"SELECT count(*) FROM LOCATABLE c":                                    `[[0]]`,
		"SELECT count(v/uid/value) FROM VERSION v CONTAINS PERSON p":          `[[3]]`,
		"SELECT count(*) FROM PERSON p[openEHR-DEMOGRAPHIC-PERSON.person.v1]": `[[3]]`,
		"SELECT p/identities[at0001]/details/items[at0003]/value/value AS n FROM PERSON p WHERE p/identities[at0001]/details/items[at0003]/value/value = 'Person 1'": `[["Person 1"]]`,
	} {
		body, err := json.Marshal(map[string]string{"q": q})
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := expect(t, app, 200, "POST", "/query/aql", string(body), nil); !strings.Contains(text, `"rows":`+want) {
			t.Errorf("%s: %s, want %s", q, text, want)
		}
	}
	for _, q := range []string{"SELECT p FROM EHR e CONTAINS PERSON p", "SELECT p FROM PERSON p OR AGENT a"} {
		body, err := json.Marshal(map[string]string{"q": q})
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := expect(t, app, 400, "POST", "/query/aql", string(body), nil); !strings.Contains(text, "not supported") {
			t.Error(text)
		}
	}
}

// TestPartyRoutes: the table holds every demographic operation of ITS-REST 1.1.
func TestPartyRoutes(t *testing.T) {
	var got []string
	for _, r := range openehr.Routes(&fake{}, openehr.About{}) {
		if strings.HasPrefix(r.Path, "/rest/openehr/v1/demographic/") {
			got = append(got, r.Method+" "+r.Path)
		}
	}
	slices.Sort(got)
	if len(slices.Compact(got)) != 42 {
		t.Errorf("%d operations, want 42: %v", len(got), got)
	}
}
