package postgres

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// TestScopes: what a token's scopes leave of a role (SMART on openEHR; hints U-02 to
// U-07), by every kind of operation. The role is one that may do all of them.
func TestScopes(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	s := cdr.New(cdr.Deps{Store: h.db, Authorizer: &cdr.Scoped{Authorizer: h.people, Templates: h.db.Templates},
		Auditor: h.audit, SystemID: "test.quire", Destruction: true})
	both := []int32{h.families[vitalSigns], h.families[carePlan]}
	able := cdr.Caller{Subject: "user:able", Organisation: "north", Role: "able", Name: "Able"}
	h.people[able.Subject] = &access.Profile{Principal: able.Subject, Role: "able", Readable: []string{"north"}, Writable: []string{"north"},
		Queryable: []string{"north"}, Templates: both, WriteTemplates: both, CreateIn: []string{"north"}, Areas: []string{"templates", "queries", "ehr-purge"}}
	one, other := h.ehr(t), h.ehr(t)
	pinned := *h.people[able.Subject]
	pinned.Principal, pinned.EHR = "user:pinned", one.ID
	h.people[pinned.Principal] = &pinned
	mine, theirs := h.create(t, one.ID, "vital_signs_minimal", cdr.CommitInfo{}), h.create(t, other.ID, "vital_signs_minimal", cdr.CommitInfo{})
	plan := h.create(t, one.ID, "emergency_care_plan_full", cdr.CommitInfo{})
	const all = "select c/uid/value from EHR e contains COMPOSITION c"
	if _, err := h.StoreQuery(ctx, system, "org.test::all", "1.0.0", all); err != nil {
		t.Fatal(err)
	}

	read := func(d cdr.Document, ehr string) func(cdr.Caller) error {
		return func(c cdr.Caller) error {
			_, err := s.Composition(ctx, c, ehr, cdr.VersionRef{VersionUID: d.VersionUID})
			return err
		}
	}
	rows := func(rs *cdr.ResultSet, err error) (int, error) {
		if err != nil {
			return -1, err
		}
		_, err = rs.Run(ctx, io.Discard)
		return int(rs.Outcome().Rows), err
	}
	asked := 0
	do := map[string]func(cdr.Caller) error{
		"read":       read(mine, one.ID),
		"read plan":  read(plan, one.ID),
		"read other": read(theirs, other.ID),
		"history": func(c cdr.Caller) error {
			_, err := s.VersionedComposition(ctx, c, one.ID, mine.ObjectID)
			return err
		},
		"create": func(c cdr.Caller) error {
			_, err := s.CreateComposition(ctx, c, one.ID, example(t, "vital_signs_minimal"), cdr.CommitInfo{})
			return err
		},
		"update": func(c cdr.Caller) error {
			d := h.create(t, one.ID, "vital_signs_minimal", cdr.CommitInfo{})
			_, err := s.UpdateComposition(ctx, c, one.ID, d.ObjectID, d.VersionUID, example(t, "vital_signs_minimal"), cdr.CommitInfo{})
			return err
		},
		"delete": func(c cdr.Caller) error {
			d := h.create(t, one.ID, "vital_signs_minimal", cdr.CommitInfo{})
			_, err := s.DeleteComposition(ctx, c, one.ID, d.VersionUID, "", cdr.CommitInfo{})
			return err
		},
		"template":  func(c cdr.Caller) error { _, err := s.Template(ctx, c, vitalSigns); return err },
		"templates": func(c cdr.Caller) error { _, err := s.Templates(ctx, c); return err },
		"ask": func(c cdr.Caller) (err error) {
			asked, err = rows(s.Query(ctx, c, cdr.QueryRequest{Text: all}))
			return err
		},
		"ask one": func(c cdr.Caller) (err error) {
			asked, err = rows(s.Query(ctx, c, cdr.QueryRequest{Text: all, EHR: one.ID}))
			return err
		},
		"run stored": func(c cdr.Caller) (err error) {
			asked, err = rows(s.ExecuteStoredQuery(ctx, c, "org.test::all", "", cdr.QueryRequest{EHR: one.ID}))
			return err
		},
		"list stored":   func(c cdr.Caller) error { _, err := s.StoredQueries(ctx, c, ""); return err },
		"delete stored": func(c cdr.Caller) error { return s.DeleteStoredQuery(ctx, c, "org.test::all", "9.9.9") },
		"status":        func(c cdr.Caller) error { _, err := s.Status(ctx, c, one.ID, cdr.VersionRef{}); return err },
	}
	for _, c := range []struct {
		scopes string
		may    string // of what do names; "-x" is refused 403, "~x" is not found
	}{
		{"", "read, read plan, read other, history, create, update, delete, template, templates, ask, ask one, run stored, list stored, ~delete stored, status"},
		{"openid launch/patient", "read, create, ask, template"},
		{"user/composition-*.crud", "read, read plan, read other, history, create, update, delete, -template, -templates, -ask, -run stored, -list stored, -delete stored, status"},
		{"user/composition-*.cr", "read, create, -update, -delete"},
		{"user/composition-*.u", "-read, -history, -create, update, -delete"},
		{"user/composition-Vital%20signs%20observations.v1.crud", "read, ~read plan, create, update, delete"},
		{"user/composition-Emergency%20care%20plan.v1.crud", "~read, read plan, -create, -update, ~delete"},
		{"patient/composition-*.r", "read, ~read other, -create, status"},
		{"patient/composition-*.r user/composition-Emergency*.r", "read, read plan, read other"},
		{"patient/*.rs", "-read, -template, -ask one, status"},
		{"user/template-*.r", "template, templates, -read, -create"},
		{"user/template-Emergency*.r", "-template, templates"},
		{"user/aql-*.s", "ask, ask one, -list stored, -read"},
		{"patient/aql-*.rs", "-ask, ask one, run stored, list stored, -delete stored"},
		{"system/aql-org.test::*.rs", "-ask, -ask one, run stored, list stored"},
		{"system/aql-org.other::*.rsd", "-run stored, list stored, -delete stored"},
		{"system/aql-*.d", "~delete stored"},
		{"user/QuestionnaireResponse.rs user/Questionnaire.r", "read, template, -create"},
	} {
		caller := able
		scopes, narrowed := access.ReadScopes(strings.Fields(c.scopes))
		if narrowed {
			caller.Scopes = scopes
		}
		if scopes.Person {
			caller.Subject = pinned.Principal
		}
		for name := range strings.SplitSeq(c.may, ", ") {
			kind := fault.Kind(0)
			switch name[0] {
			case '-':
				kind, name = fault.Forbidden, name[1:]
			case '~':
				kind, name = fault.NotFound, name[1:]
			}
			asked = -1
			err := do[name](caller)
			if kind == 0 && err != nil || kind != 0 && !fault.Is(err, kind) {
				t.Errorf("%s: %s: %v", c.scopes, name, err)
			}
			if asked == 0 {
				t.Errorf("%s: %s finds nothing: a query's scope is about the query, and not about what it finds", c.scopes, name)
			}
		}
	}
}

// TestScopesOfContributions: each composition of a contribution needs its letter,
// and without one of them nothing is written.
func TestScopesOfContributions(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	s := cdr.New(cdr.Deps{Store: h.db, Authorizer: &cdr.Scoped{Authorizer: h.people, Templates: h.db.Templates}, Auditor: h.audit, SystemID: "test.quire"})
	e := h.ehr(t)
	d := h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	document := string(example(t, "vital_signs_minimal").JSON)
	const audit = `"commit_audit":{"_type":"AUDIT_DETAILS","system_id":"x","change_type":{"_type":"DV_CODED_TEXT","value":"%v","defining_code":{"_type":"CODE_PHRASE","terminology_id":{"_type":"TERMINOLOGY_ID","value":"openehr"},"code_string":"%c"}},"committer":{"_type":"PARTY_IDENTIFIED","name":"A"}}`
	member := func(value, code, more string) string {
		return `{"_type":"ORIGINAL_VERSION",` + strings.NewReplacer("%v", value, "%c", code).Replace(audit) + more +
			`,"lifecycle_state":{"_type":"DV_CODED_TEXT","value":"complete","defining_code":{"_type":"CODE_PHRASE","terminology_id":{"_type":"TERMINOLOGY_ID","value":"openehr"},"code_string":"532"}},"data":` + document + `}`
	}
	body := `{"_type":"CONTRIBUTION","versions":[` + member("creation", "249", "") + "," +
		member("modification", "251", `,"preceding_version_uid":{"_type":"OBJECT_VERSION_ID","value":"`+d.VersionUID+`"}`) + `],` +
		strings.Replace(strings.NewReplacer("%v", "creation", "%c", "249").Replace(audit), "commit_audit", "audit", 1) + `}`
	for words, may := range map[string]bool{"user/composition-*.c": false, "user/composition-*.u": false, "user/composition-*.cu": true} {
		caller := clinician
		caller.Scopes, _ = access.ReadScopes(strings.Fields(words))
		before := h.count(t, "select count(*) from version")
		_, err := s.CommitContribution(ctx, caller, e.ID, []byte(body), "", false)
		written := h.count(t, "select count(*) from version") - before
		if may && (err != nil || written != 2) || !may && (!fault.Is(err, fault.Forbidden) || written != 0) {
			t.Errorf("%s: %d written, %v", words, written, err)
		}
	}
}
