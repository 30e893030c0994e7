package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// TestQueryPartiesOnDocuments: what rows of parties cannot answer, their documents
// do, for who may read parties.
func TestQueryPartiesOnDocuments(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	h.register()
	made, err := h.CreateParty(ctx, registrar, "PERSON", content(aPerson), cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	changed, err := h.UpdateParty(ctx, registrar, "PERSON", made.ObjectID, made.VersionUID, content(aPerson), cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	other, err := h.CreateParty(ctx, registrar, "PERSON", content(strings.Replace(aPerson, `"value":"Person"`, `"value":"Somebody"`, 1)), cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.DeleteParty(ctx, registrar, "PERSON", other.VersionUID, "", cdr.CommitInfo{}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ text, rows string }{
		{"SELECT COUNT(DISTINCT p), COUNT(p) FROM PERSON p", `[[1,1]]`},
		{"SELECT p/name/value FROM VERSION v[ALL_VERSIONS] CONTAINS PERSON p ORDER BY p/name/value", `[["Person"],["Person"],["Somebody"]]`},
		{"SELECT p/uid/value FROM VERSION v[ALL_VERSIONS] CONTAINS PARTY p WHERE p/name/value = 'Person' ORDER BY v/commit_audit/time_committed, p/uid/value DESC LIMIT 1 OFFSET 1", `[["` + changed.VersionUID + `"]]`},
		{"SELECT p/uid/value FROM VERSION v[commit_audit/change_type/value = 'creation'] CONTAINS PERSON p WHERE p/name/value = 'Person'", `[["` + made.VersionUID + `"]]`},
		{"SELECT v/uid/value, v FROM VERSION v CONTAINS PERSON p", ""},
	} {
		rs, err := h.Query(ctx, registrar, cdr.QueryRequest{Text: tt.text})
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		var out bytes.Buffer
		var got struct{ Rows json.RawMessage }
		if _, err := rs.WriteTo(&out); err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if tt.rows != "" && string(got.Rows) != tt.rows || tt.rows == "" && !bytes.Contains(got.Rows, []byte(`[["`+changed.VersionUID+`",{"_type":"ORIGINAL_VERSION"`)) {
			t.Errorf("%s\ngot  %s\nwant %s", tt.text, got.Rows, tt.rows)
		}
	}
	for text, who := range map[string]cdr.Caller{"SELECT p FROM VERSION v[ALL_VERSIONS] CONTAINS PERSON p": reader, "SELECT COUNT(DISTINCT p) FROM PERSON p": outsider} {
		_, err := h.Query(ctx, who, cdr.QueryRequest{Text: text})
		want(t, err, fault.Forbidden, "")
	}
	rs, err := h.Query(ctx, registrar, cdr.QueryRequest{Text: "SELECT p FROM VERSION v[ALL_VERSIONS] CONTAINS (PERSON p AND ORGANISATION o)"})
	if err == nil {
		_, err = rs.WriteTo(&bytes.Buffer{})
	}
	want(t, err, fault.Invalid, "aql-unsupported")
}
