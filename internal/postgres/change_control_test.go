package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// Every state a version may be in against every state that may follow it (RM
// Common, Version Lifecycle), directly and by a contribution.
func TestLifecycleTransitions(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	states := []string{cdr.Complete, cdr.Incomplete, cdr.Inactive, cdr.Abandoned, cdr.Deleted}
	may := map[string]string{
		cdr.Complete:   "532 553 800 523",
		cdr.Incomplete: "532 553 801 523",
		cdr.Inactive:   "532 553 800 523",
		cdr.Abandoned:  "553 801 523",
		cdr.Deleted:    "532 553",
	}
	// to brings a new object into a state by states that lead there.
	way := map[string][]string{
		cdr.Complete: {cdr.Complete}, cdr.Incomplete: {cdr.Incomplete}, cdr.Inactive: {cdr.Complete, cdr.Inactive},
		cdr.Abandoned: {cdr.Incomplete, cdr.Abandoned}, cdr.Deleted: {cdr.Complete, cdr.Deleted},
	}
	body := example(t, "vital_signs_minimal")
	follow := func(uid, state string, restored bool) (string, error) {
		object, _, _ := strings.Cut(uid, "::")
		change := ""
		if restored {
			change = cdr.Restoration
		}
		if state == cdr.Deleted {
			d, err := h.DeleteComposition(ctx, clinician, e.ID, uid, "", cdr.CommitInfo{})
			return d.VersionUID, err
		}
		d, err := h.UpdateComposition(ctx, clinician, e.ID, object, uid, body, cdr.CommitInfo{Lifecycle: state, ChangeType: change})
		return d.VersionUID, err
	}
	for _, from := range states {
		for _, to := range states {
			for _, native := range []bool{false, true} {
				t.Run(cdr.LifecycleRubric(from)+" to "+cdr.LifecycleRubric(to)+fmt.Sprintf("/contribution=%t", native), func(t *testing.T) {
					uid := h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{Lifecycle: way[from][0]}).VersionUID
					for _, state := range way[from][1:] {
						var err error
						if uid, err = follow(uid, state, false); err != nil {
							t.Fatal(err)
						}
					}
					var err error
					if native {
						change, data := cdr.Modification, body.JSON
						if from == cdr.Deleted {
							change = cdr.Restoration
						}
						if to == cdr.Deleted {
							change, data = cdr.ChangeDeleted, nil
						}
						_, err = h.CommitContribution(ctx, clinician, e.ID, contribution(member(change, to, uid, data)), "", false)
					} else {
						_, err = follow(uid, to, from == cdr.Deleted)
					}
					if allowed := strings.Contains(may[from], to); allowed != (err == nil) {
						t.Errorf("allowed %t, %v", allowed, err)
					}
					if err == nil {
						return
					}
					if f := fault.Of(err); f.Kind != fault.Unprocessable && f.Kind != fault.Invalid {
						t.Errorf("refused with kind %v", f.Kind)
					}
				})
			}
		}
	}
	for _, state := range []string{cdr.Inactive, cdr.Abandoned, cdr.Deleted} {
		_, err := h.CommitContribution(ctx, clinician, e.ID, contribution(member(cdr.Creation, state, "", body.JSON)), "", false)
		want(t, err, fault.Unprocessable, "lifecycle-transition")
	}
	h.sound(t)
}

// attesting is an ATTESTATION as a client sends it.
func attesting(class, change, more string) string {
	return `{"_type":"` + class + `","change_type":{"code_string":"` + change + `"},"reason":{"value":"signed","defining_code":{"terminology_id":{"value":"openehr"},"code_string":"240"},"_type":"DV_CODED_TEXT"},"is_pending":false` + more + `}`
}

func attested(uid, audit, list string) string {
	b := `{"preceding_version_uid":{"value":"` + uid + `"},"commit_audit":` + audit
	if list != "" {
		b += `,"attestations":` + list
	}
	return b + "}"
}

func TestAttestations(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	v := h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	versions := h.count(t, "select count(*) from version")
	plain := `{"change_type":{"code_string":"666"}}`
	one := attesting("UPDATE_ATTESTATION", "249", `,"proof":"cHJvb2Yg<>","items":[{"value":"ehr://`+e.ID+`/`+v.VersionUID+`"}],"committer":{"_type":"PARTY_IDENTIFIED","name":"Dr Y"}`)
	first, err := h.CommitContribution(ctx, clinician, e.ID, contribution(attested(v.VersionUID, plain, "["+one+"]")), "key", false)
	if err != nil {
		t.Fatal(err)
	}
	again, err := h.CommitContribution(ctx, clinician, e.ID, contribution(attested(v.VersionUID, plain, "["+one+"]")), "key", false)
	if err != nil || !again.Repeated || again.ID != first.ID || string(again.JSON) != string(first.JSON) {
		t.Errorf("the repeated request: %s, first %s, %v", again.JSON, first.JSON, err)
	}
	second, err := h.CommitContribution(ctx, clinician, e.ID, contribution(attested(v.VersionUID, attesting("ATTESTATION", "666", `,"description":{"value":"seen"}`), "")), "", true)
	if err != nil {
		t.Fatal(err)
	}
	if n := h.count(t, "select count(*) from version"); n != versions {
		t.Errorf("%d versions were made by attestations", n-versions)
	}
	for _, c := range []cdr.ContributionView{first, second} {
		read, err := h.Contribution(ctx, reader, e.ID, c.ID, false)
		if err != nil || len(read.Versions) != 1 || read.Versions[0] != v.VersionUID {
			t.Errorf("the contribution lists %v, %v", read.Versions, err)
		}
	}
	got, err := h.CompositionVersion(ctx, reader, e.ID, cdr.VersionRef{VersionUID: v.VersionUID})
	if err != nil || !got.Amended {
		t.Fatal(got.Amended, err)
	}
	list := gjson.GetBytes(got.JSON, "attestations").Array()
	if len(list) != 2 {
		t.Fatalf("%s", got.JSON)
	}
	for path, expected := range map[string]string{
		"0._type": "ATTESTATION", "0.change_type.defining_code.code_string": "666", "0.reason.defining_code.code_string": "240",
		"0.is_pending": "false", "0.proof": "cHJvb2Yg<>", "0.committer.name": "Dr Y", "0.items.0.value": "ehr://" + e.ID + "/" + v.VersionUID,
		"0.system_id": "test.quire", "0.time_committed.value": first.Committed.Format("2006-01-02T15:04:05.000Z"),
		"1.description.value": "seen", "1.committer.name": "Dr X", "1.time_committed._type": "DV_DATE_TIME",
	} {
		if found := gjson.Get(gjson.GetBytes(got.JSON, "attestations").Raw, path).String(); found != expected {
			t.Errorf("%s is %q, want %q", path, found, expected)
		}
	}
	history, err := h.CompositionHistory(ctx, reader, e.ID, v.ObjectID)
	if n := len(gjson.GetBytes(history, "items.0.audits").Array()); err != nil || n != 3 {
		t.Errorf("%d audits, %v: %s", n, err, history)
	}
	// Attestations do not carry over, and the older version keeps its own.
	next, err := h.UpdateComposition(ctx, clinician, e.ID, v.ObjectID, v.VersionUID, example(t, "vital_signs_minimal"), cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := h.CompositionVersion(ctx, reader, e.ID, cdr.VersionRef{VersionUID: next.VersionUID}); err != nil || got.Amended {
		t.Errorf("the next version is attested: %s %v", got.JSON, err)
	}
	if _, err := h.CommitContribution(ctx, clinician, e.ID, contribution(attested(v.VersionUID, attesting("ATTESTATION", "666", ""), ""), attested(e.Status.VersionUID, attesting("ATTESTATION", "666", ""), "")), "", false); err != nil {
		t.Error("attesting an old version and a status:", err)
	}

	unknown := v.ObjectID + "::test.quire::9"
	cases := []struct {
		name, member string
		kind         fault.Kind
		code         string
	}{
		{"unknown version", attested(unknown, plain, "["+one+"]"), fault.Precondition, "version-unknown"},
		{"nothing attests", attested(v.VersionUID, plain, ""), fault.Invalid, "attestation-missing"},
		{"data", strings.TrimSuffix(attested(v.VersionUID, plain, "["+one+"]"), "}") + `,"data":{"_type":"COMPOSITION"}}`, fault.Unprocessable, "attestation-data"},
		{"no version named", `{"commit_audit":` + plain + `,"attestations":[` + one + `]}`, fault.Invalid, "attestation-version"},
		{"another lifecycle", strings.TrimSuffix(attested(v.VersionUID, plain, "["+one+"]"), "}") + `,"lifecycle_state":{"code_string":"553"}}`, fault.Unprocessable, "attestation-lifecycle"},
		{"no reason", attested(v.VersionUID, plain, `[{"is_pending":true}]`), fault.Invalid, "attestation-form"},
		{"no is_pending", attested(v.VersionUID, plain, `[{"reason":{"value":"x"}}]`), fault.Invalid, "attestation-form"},
		{"empty items", attested(v.VersionUID, plain, `[{"reason":"x","is_pending":true,"items":[]}]`), fault.Invalid, "attestation-form"},
		{"items of another scheme", attested(v.VersionUID, plain, `[{"reason":"x","is_pending":true,"items":[{"value":"https://a.example/"}]}]`), fault.Unprocessable, "validation"},
		{"reason outside its group", attested(v.VersionUID, plain, `[{"reason":{"_type":"DV_CODED_TEXT","value":"x","defining_code":{"terminology_id":{"value":"openehr"},"code_string":"249"}},"is_pending":true}]`), fault.Unprocessable, "validation"},
		{"a proof that cannot be kept", attested(v.VersionUID, plain, `[{"reason":"x","is_pending":true,"proof":"a\u0000"}]`), fault.Invalid, ""},
		{"an unknown member", attested(v.VersionUID, plain, `[{"reason":"x","is_pending":true,"proofs":"x"}]`), fault.Invalid, "contribution-form"},
		{"an audit of another class", attested(v.VersionUID, `{"_type":"PARTY_SELF","change_type":{"code_string":"666"}}`, "["+one+"]"), fault.Unprocessable, "audit-class"},
		{"an audit with a reason", attested(v.VersionUID, `{"change_type":{"code_string":"666"},"reason":"x"}`, "["+one+"]"), fault.Invalid, "audit-form"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := h.CommitContribution(ctx, clinician, e.ID, contribution(c.member), "", false)
			want(t, err, c.kind, c.code)
		})
	}
	_, err = h.CommitContribution(ctx, outsider, e.ID, contribution(attested(v.VersionUID, plain, "["+one+"]")), "", false)
	want(t, err, fault.NotFound, "")
	_, err = h.CommitContribution(ctx, reader, e.ID, contribution(attested(v.VersionUID, plain, "["+one+"]")), "", false)
	want(t, err, fault.Forbidden, "")
	plan := h.create(t, e.ID, "emergency_care_plan_minimal", cdr.CommitInfo{})
	_, err = h.CommitContribution(ctx, vitals, e.ID, contribution(attested(plan.VersionUID, plain, "["+one+"]")), "", false)
	want(t, err, fault.Precondition, "version-unknown")
	h.sound(t)
}

// A new version may come with attestations, a signature, and an audit that is an
// attestation itself.
func TestSignedVersion(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	m := strings.Replace(member("249", "532", "", example(t, "vital_signs_minimal").JSON), "{",
		`{"signature":"-----BEGIN\n\"x\" é-----","attestations":[`+attesting("ATTESTATION", "666", "")+`],`, 1)
	m = strings.Replace(m, `"commit_audit":{`, `"commit_audit":{"_type":"ATTESTATION","reason":"own","is_pending":true,"description":{"_type":"DV_CODED_TEXT","value":"why","defining_code":{"terminology_id":{"value":"local"},"code_string":"c1"}},`, 1)
	made, err := h.CommitContribution(ctx, clinician, e.ID, contribution(m), "", true)
	if err != nil {
		t.Fatal(err)
	}
	v := gjson.GetBytes(made.JSON, "versions.0")
	for path, expected := range map[string]string{
		"signature": "-----BEGIN\n\"x\" é-----", "commit_audit._type": "ATTESTATION", "commit_audit.reason.value": "own", "commit_audit.is_pending": "true",
		"commit_audit.change_type.defining_code.code_string": "249", "commit_audit.description.defining_code.code_string": "c1",
		"attestations.#": "1", "attestations.0.time_committed.value": v.Get("commit_audit.time_committed.value").String(),
	} {
		if found := v.Get(path).String(); found != expected {
			t.Errorf("%s is %q, want %q", path, found, expected)
		}
	}
	_, err = h.CommitContribution(ctx, clinician, e.ID, contribution(strings.Replace(m, "BEGIN", `\u0000`, 1)), "", false)
	want(t, err, fault.Invalid, "signature")
	for _, c := range []struct{ name, from, to, code string }{
		{"twice", `"signature":`, `"signature":"a","signature":`, "contribution-form"},
		{"unknown", `"signature":`, `"signatur":`, "contribution-form"},
		{"other inputs", `"signature":`, `"other_input_version_uids":[],"signature":`, "version-form"},
		{"unknown within a code", `"lifecycle_state":{`, `"lifecycle_state":{"codes":"x",`, "contribution-form"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := h.CommitContribution(ctx, clinician, e.ID, contribution(strings.Replace(m, c.from, c.to, 1)), "", false)
			if f := want(t, err, fault.Invalid, c.code); c.code == "contribution-form" && len(f.Issues) == 0 {
				t.Error("the place is not told")
			}
		})
	}
}

// foreign is an IMPORTED_VERSION of a composition of another system.
func foreign(t *testing.T, object string, number int, preceding, more string, data []byte) string {
	t.Helper()
	uid := fmt.Sprintf("%s::Far.System::%d", object, number)
	item := `{"_type":"ORIGINAL_VERSION","uid":{"value":"` + uid + `"},"contribution":{"id":{"_type":"HIER_OBJECT_ID","value":"2d1f7d3c-7b0b-4c37-9b55-2f5e5a6a4c10"},"namespace":"far","type":"CONTRIBUTION"},` +
		`"commit_audit":{"system_id":"Far.System","time_committed":{"value":"2019-05-05T05:05:05,5+02:00"},"change_type":{"value":"creation","defining_code":{"terminology_id":{"value":"openehr"},"code_string":"249"}},"committer":{"_type":"PARTY_IDENTIFIED","name":"Dr Far"}}` + more
	if preceding != "" {
		item += `,"preceding_version_uid":{"value":"` + preceding + `"}`
	}
	if data != nil {
		item += `,"lifecycle_state":{"value":"complete","defining_code":{"terminology_id":{"value":"openehr"},"code_string":"532"}},"data":` + string(data)
	} else {
		item += `,"lifecycle_state":{"value":"deleted","defining_code":{"terminology_id":{"value":"openehr"},"code_string":"523"}}`
	}
	return `{"_type":"IMPORTED_VERSION","signature":"outer","commit_audit":{"change_type":{"code_string":"249"},"description":"brought in"},"item":` + item + `}}`
}

func TestImportedVersions(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	body := example(t, "vital_signs_minimal").JSON
	object := "0b9c7a52-93a1-4d3c-8a43-111111111111"
	uid := func(n int) string { return fmt.Sprintf("%s::Far.System::%d", object, n) }
	three := foreign(t, object, 3, uid(2), `,"signature":"inner","other_input_version_uids":[{"value":"0b9c7a52-93a1-4d3c-8a43-222222222222::far::1"}],"attestations":[{"system_id":"Far.System","time_committed":{"value":"2019-06-05T05:05:05Z"},"change_type":{"value":"attestation","defining_code":{"terminology_id":{"value":"openehr"},"code_string":"666"}},"committer":{"_type":"PARTY_IDENTIFIED","name":"Dr Seen"},"reason":{"value":"seen"},"is_pending":false}]`, body)
	_, err := h.CommitContribution(ctx, clinician, e.ID, contribution(three), "", false)
	want(t, err, fault.Invalid, "version-form")
	made, err := h.ImportContribution(ctx, clinician, e.ID, contribution(three, member("249", "532", "", body)), "", true)
	if err != nil {
		t.Fatal(err, fault.Of(err).Issues)
	}
	if made.Versions[0] != uid(3) {
		t.Fatalf("the version is %s", made.Versions[0])
	}
	got, err := h.CompositionVersion(ctx, reader, e.ID, cdr.VersionRef{VersionUID: uid(3)})
	if err != nil {
		t.Fatal(err)
	}
	if inline := gjson.GetBytes(made.JSON, "versions.0").Raw; inline != string(got.JSON) {
		t.Errorf("inline %s, alone %s", inline, got.JSON)
	}
	for path, expected := range map[string]string{
		"_type": "IMPORTED_VERSION", "signature": "outer", "contribution.id.value": made.ID, "commit_audit.committer.name": "Dr X",
		"commit_audit.description.value": "brought in", "commit_audit.system_id": "test.quire", "data": "",
		"item._type": "ORIGINAL_VERSION", "item.uid.value": uid(3), "item.preceding_version_uid.value": uid(2), "item.signature": "inner",
		"item.commit_audit.committer.name": "Dr Far", "item.commit_audit.time_committed.value": "2019-05-05T05:05:05,5+02:00",
		"item.contribution.namespace": "far", "item.attestations.0.committer.name": "Dr Seen", "item.lifecycle_state.defining_code.code_string": "532",
		"item.other_input_version_uids.0.value": "0b9c7a52-93a1-4d3c-8a43-222222222222::far::1",
		"item.data._type":                       "COMPOSITION", "item.data.uid.value": uid(3),
	} {
		if found := gjson.GetBytes(got.JSON, path).String(); found != expected {
			t.Errorf("%s is %q, want %q", path, found, expected)
		}
	}
	shown, err := h.Composition(ctx, reader, e.ID, cdr.VersionRef{Object: object})
	if err != nil || shown.VersionUID != uid(3) || string(shown.JSON) != gjson.GetBytes(got.JSON, "item.data").Raw {
		t.Errorf("the composition: %s, %v", shown.VersionUID, err)
	}
	history, err := h.CompositionHistory(ctx, reader, e.ID, object)
	if n := gjson.GetBytes(history, "items.0.audits.#.committer.name").String(); err != nil || n != `["Dr X","Dr Far","Dr Seen"]` || !json.Valid(history) {
		t.Errorf("the history: %s, %v", history, err)
	}
	// What was made elsewhere is changed and attested there.
	_, err = h.UpdateComposition(ctx, clinician, e.ID, object, uid(3), cdr.Content{JSON: body}, cdr.CommitInfo{})
	want(t, err, fault.Conflict, "imported")
	_, err = h.DeleteComposition(ctx, clinician, e.ID, uid(3), "", cdr.CommitInfo{})
	want(t, err, fault.Conflict, "imported")
	_, err = h.CommitContribution(ctx, clinician, e.ID, contribution(member("251", "532", uid(3), body)), "", false)
	want(t, err, fault.Conflict, "imported")
	_, err = h.CommitContribution(ctx, clinician, e.ID, contribution(attested(uid(3), attesting("ATTESTATION", "666", ""), "")), "", false)
	want(t, err, fault.Conflict, "imported-attestation")
	local, _ := cdr.ParseVersionUID(made.Versions[1])
	named := func(uid string) []byte {
		return example(t, "vital_signs_minimal", func(doc map[string]any) {
			doc["uid"] = map[string]any{"_type": "OBJECT_VERSION_ID", "value": uid}
		}).JSON
	}
	other := "0b9c7a52-93a1-4d3c-8a43-333333333333"
	four := foreign(t, object, 4, uid(3), "", nil)
	cases := []struct {
		name, member string
		kind         fault.Kind
		code         string
	}{
		{"again", three, fault.Conflict, "import-order"},
		{"a gap", foreign(t, object, 5, uid(4), "", body), fault.Conflict, "import-order"},
		{"over ours", foreign(t, local.Object, 2, local.Object+"::far::1", "", body), fault.Conflict, "import-own"},
		{"a branch", strings.ReplaceAll(three, "Far.System::3", "Far.System::2.1.1"), fault.Unprocessable, "branch"},
		{"after a branch", strings.ReplaceAll(three, "Far.System::2", "Far.System::2.1.1"), fault.Unprocessable, "branch"},
		{"of our own system", strings.ReplaceAll(foreign(t, other, 1, "", "", body), "Far.System::", "TEST.quire::"), fault.Unprocessable, "import-own"},
		{"the third follows none", foreign(t, other, 3, "", "", body), fault.Unprocessable, "import-preceding"},
		{"the first follows one", foreign(t, other, 1, uid(2), "", body), fault.Unprocessable, "import-preceding"},
		{"follows another object", foreign(t, other, 3, uid(2), "", body), fault.Unprocessable, "import-preceding"},
		{"a deletion of nothing", foreign(t, other, 2, other+"::far::1", "", nil), fault.Unprocessable, "import-content"},
		{"content of another object", foreign(t, other, 1, "", "", named(uid(3))), fault.Unprocessable, "import-uid"},
		{"content that is not valid", foreign(t, other, 1, "", "", example(t, "vital_signs_minimal", func(doc map[string]any) { delete(doc, "language") }).JSON), fault.Unprocessable, "validation"},
		{"a status", foreign(t, other, 1, "", "", statusJSON("", true, true).JSON), fault.Unprocessable, "import-class"},
		{"no audit within", strings.Replace(foreign(t, other, 1, "", "", body), `"commit_audit":{"system_id"`, `"commit_audits":{"system_id"`, 1), fault.Invalid, ""},
		{"a bad state", strings.Replace(foreign(t, other, 1, "", "", body), `"532"`, `"999"`, 1), fault.Unprocessable, ""},
		{"no item", `{"_type":"IMPORTED_VERSION"}`, fault.Invalid, "import-item"},
		{"data outside", strings.Replace(foreign(t, other, 1, "", "", body), `"signature":"outer"`, `"data":{"_type":"COMPOSITION"}`, 1), fault.Invalid, "import-form"},
		{"a change that is none", strings.Replace(four, `"code_string":"249"`, `"code_string":"251"`, 1), fault.Invalid, "change-type"},
	}
	before := h.count(t, "select count(*) from version")
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := h.ImportContribution(ctx, clinician, e.ID, contribution(c.member), "", false)
			want(t, err, c.kind, c.code)
		})
	}
	if n := h.count(t, "select count(*) from version"); n != before {
		t.Errorf("%d versions were stored by what was refused", n-before)
	}
	// The object goes on where it is at home: deleted, and restored.
	if _, err := h.ImportContribution(ctx, clinician, e.ID, contribution(four), "", false); err != nil {
		t.Fatal(err)
	}
	if gone, err := h.Composition(ctx, reader, e.ID, cdr.VersionRef{Object: object}); err != nil || !gone.Deleted || gone.VersionUID != uid(4) {
		t.Errorf("after the deletion: %+v %v", gone, err)
	}
	if _, err := h.ImportContribution(ctx, clinician, e.ID, contribution(foreign(t, object, 5, uid(4), "", named(uid(5)))), "", false); err != nil {
		t.Fatal(err)
	}
	if back, err := h.Composition(ctx, reader, e.ID, cdr.VersionRef{Object: object}); err != nil || back.VersionUID != uid(5) {
		t.Errorf("after the restoration: %+v %v", back, err)
	}
	h.sound(t)
}

// A branch is no version of ours, however it is named.
func TestBranchesAreRefused(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	v := h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	branch := v.ObjectID + "::test.quire::1.1.1"
	body := example(t, "vital_signs_minimal")
	_, err := h.CommitContribution(ctx, clinician, e.ID, contribution(member("251", "532", branch, body.JSON)), "", false)
	want(t, err, fault.Unprocessable, "branch")
	_, err = h.UpdateComposition(ctx, clinician, e.ID, v.ObjectID, branch, body, cdr.CommitInfo{})
	want(t, err, fault.Precondition, "version-not-latest")
	_, err = h.Composition(ctx, reader, e.ID, cdr.VersionRef{VersionUID: branch})
	want(t, err, fault.NotFound, "version-unknown")
}

func TestContributionSize(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	_, err := h.CommitContribution(ctx, clinician, e.ID, contribution(strings.Split(strings.Repeat(`{}|`, 1000)+`{}`, "|")...), "", false)
	if f := want(t, err, fault.Invalid, "versions-many"); !strings.Contains(f.Message, "1000") {
		t.Errorf("the limit is not told: %s", f.Message)
	}
}
