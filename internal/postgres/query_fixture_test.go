package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/aql/aqltest"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/testkit/fixtures"
)

// TestQueryFixtures replays the data and queries of the query fixtures on the
// database and on the evaluator, which must agree: in rows, or in refusing, and
// whether constants are written in the text or bound.
func TestQueryFixtures(t *testing.T) {
	folder := fixtures.Dir(t, "openehr", "aql")
	files, err := filepath.Glob(filepath.Join(folder, "cases", "*.json"))
	if err != nil || len(files) == 0 {
		t.Skip("the query fixtures are not beside the repository")
	}
	agreed, skipped, bound := 0, 0, 0
	e := newEngine(t)
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var doc struct{ Groups []queryGroup }
		if err := json.Unmarshal(data, &doc); err != nil {
			t.Fatal(err)
		}
		for _, g := range doc.Groups {
			if err := e.reset(t.Context()); err != nil {
				t.Fatal(err)
			}
			r := &replay{engine: e, folder: folder, values: map[string]string{"system_id": aqltest.SystemID}}
			if why := r.load(g.Load); why != nil {
				t.Logf("%s: %v", g.Group, why)
				skipped += len(g.Cases)
				continue
			}
			for _, c := range g.Cases {
				if wrong := r.compare(c); wrong != "" {
					t.Errorf("%s\n%s\n%s", c.ID, r.fill(c.AQL), wrong)
					continue
				}
				agreed++
				wrong, some := r.bound(c)
				if wrong != "" {
					t.Errorf("%s\n%s", c.ID, wrong)
				}
				if some {
					bound++
				}
			}
		}
	}
	t.Logf("%d agree, %d not loadable here; %d with parameters in the place of their constants answer alike", agreed, skipped, bound)
}

type queryGroup struct {
	Group string
	Load  []queryStep `json:"data_load"`
	Cases []queryCase
}

type queryStep struct {
	Op, As, EHR, File, Format, Preceding, Status, AQL string
	EHRID                                             string `json:"ehr_id"`
	Templated                                         bool
	Body                                              json.RawMessage
}

type queryCase struct {
	ID, AQL    string
	Parameters map[string]any
}

// replay does the steps of one group.
type replay struct {
	engine *engine
	folder string
	values map[string]string
	ehrs   int
}

var queryMark = regexp.MustCompile(`\{\{([^}]+)\}\}`)

func (r *replay) fill(s string) string {
	return queryMark.ReplaceAllStringFunc(s, func(m string) string {
		if v, ok := r.values[m[2:len(m)-2]]; ok {
			return v
		}
		return m
	})
}

func (r *replay) file(s queryStep) ([]byte, error) {
	if s.Body != nil {
		return []byte(r.fill(string(s.Body))), nil
	}
	data, err := os.ReadFile(filepath.Join(r.folder, "data", filepath.FromSlash(s.File)))
	if s.Templated {
		data = []byte(r.fill(string(data)))
	}
	return data, err
}

func (r *replay) load(steps []queryStep) error {
	for _, s := range steps {
		var err error
		switch ctx, ehr := context.Background(), r.fill(s.EHR); s.Op {
		case "upload_opt", "admin_delete_ehr":
		case "create_ehr":
			err = r.createEHR(ctx, s)
		case "create_composition", "update_composition", "create_directory", "update_ehr_status":
			if s.Format != "" && s.Format != "canonical-json" {
				return errors.New("format " + s.Format)
			}
			var doc []byte
			if doc, err = r.file(s); err != nil {
				return err
			}
			object, _, _ := strings.Cut(r.fill(s.Preceding), "::")
			var uid string
			uid, err = r.engine.commit(ctx, ehr, object, doc)
			r.values[s.As+".uid"] = uid
			r.values[s.As+".object_id"], _, _ = strings.Cut(uid, "::")
		case "delete_composition":
			err = r.engine.remove(ctx, ehr, r.fill(s.Preceding))
		default:
			return errors.New("step " + s.Op)
		}
		if err != nil {
			return fmt.Errorf("%s %s: %w", s.Op, s.File, err)
		}
	}
	return nil
}

func (r *replay) createEHR(ctx context.Context, s queryStep) error {
	id := r.fill(s.EHRID)
	if r.ehrs++; id == "" || strings.Contains(id, "{") {
		id = aqltest.EHRID(strconv.Itoa(r.ehrs))
	}
	status := []byte(`{"_type":"EHR_STATUS","name":{"value":"EHR Status"},"archetype_node_id":"openEHR-EHR-EHR_STATUS.generic.v1","subject":{"_type":"PARTY_SELF"},"is_queryable":true,"is_modifiable":true}`)
	if s.Status != "" {
		var err error
		if status, err = os.ReadFile(filepath.Join(r.folder, "data", filepath.FromSlash(s.Status))); err != nil {
			return err
		}
		var doc struct {
			Subject struct {
				Ref struct {
					Namespace string
					ID        struct{ Value string }
				} `json:"external_ref"`
			}
		}
		if err := json.Unmarshal(status, &doc); err != nil {
			return err
		}
		r.values[s.As+".subject_namespace"], r.values[s.As+".subject_id"] = doc.Subject.Ref.Namespace, doc.Subject.Ref.ID.Value
	}
	uid, err := r.engine.commit(ctx, id, "", status)
	r.values[s.As+".ehr_id"], r.values[s.As+".ehr_status_uid"] = id, uid
	return err
}

// compare asks both engines and says where they differ.
func (r *replay) compare(c queryCase) string {
	text, ctx := r.fill(c.AQL), context.Background()
	for k, v := range c.Parameters {
		if s, ok := v.(string); ok {
			c.Parameters[k] = r.fill(s)
		}
	}
	_, want, wantErr := r.engine.memory.Query(ctx, text, c.Parameters)
	_, got, err := r.engine.Query(ctx, text, c.Parameters)
	if wantErr != nil || err != nil {
		if fault.Of(wantErr).Code == fault.Of(err).Code {
			return ""
		}
		return fmt.Sprintf("evaluator: %v\ndatabase: %v", wantErr, err)
	}
	if strings.Contains(strings.ToUpper(text), "LIMIT") && !strings.Contains(strings.ToUpper(text), "ORDER BY") {
		// Which rows LIMIT leaves is free.
		if len(got) != len(want) {
			return fmt.Sprintf("%d rows, evaluator %d", len(got), len(want))
		}
		return ""
	}
	g, w := lines(got), lines(want)
	sort.Strings(g)
	sort.Strings(w)
	if slices.Equal(g, w) {
		return ""
	}
	return "got\n  " + strings.Join(g, "\n  ") + "\nwant\n  " + strings.Join(w, "\n  ")
}

// lines writes rows as texts. Inside objects the class is left out: cells that
// come from rows name it everywhere, those from documents as it was sent.
func lines(rows [][]any) []string {
	out := make([]string, len(rows))
	for i, row := range rows {
		for _, cell := range row {
			if object, ok := cell.(map[string]any); ok {
				for _, v := range object {
					dropTypes(v)
				}
			}
		}
		var b bytes.Buffer
		if err := json.NewEncoder(&b).Encode(row); err != nil {
			panic(err)
		}
		out[i] = strings.TrimSpace(b.String())
	}
	return out
}

func dropTypes(v any) {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "_type")
		for _, x := range v {
			dropTypes(x)
		}
	case []any:
		for _, x := range v {
			dropTypes(x)
		}
	}
}
