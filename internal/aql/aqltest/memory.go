package aqltest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/eval"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// SystemID is the system of the version uids that Memory gives out.
const SystemID = "test.example"

// Memory is the evaluator as an Engine, and a Source over what was loaded. It
// is not safe for use during a Load.
type Memory struct {
	Options eval.Options
	ehrs    []*eval.EHR
	loads   int
}

var kinds = map[rminfo.Class]eval.DocumentKind{
	rminfo.COMPOSITION: eval.Composition, rminfo.EHR_STATUS: eval.EHRStatus, rminfo.FOLDER: eval.Folder,
}

// Load adds a document as a complete version.
func (m *Memory) Load(_ context.Context, ehr string, doc []byte) error {
	_, err := m.Commit(ehr, "", doc, true)
	return err
}

// Commit adds a document as a version that is complete or a draft and gives its
// uid. object is the id of the versioned object; empty means that of the
// document's uid, else a new one.
func (m *Memory) Commit(ehr, object string, doc []byte, complete bool) (versionUID string, err error) {
	var head struct {
		Type string `json:"_type"`
	}
	if err := json.Unmarshal(doc, &head); err != nil {
		return "", err
	}
	class, ok := rminfo.ClassByName(head.Type)
	if !ok || kinds[class] == 0 {
		return "", fmt.Errorf("a %s is no versioned object", head.Type)
	}
	tree, err := canon.ReadJSON(doc, class, canon.ReadOptions{Lenient: true, IgnoreUnknown: true})
	if err != nil {
		return "", err
	}
	m.loads++
	if object == "" {
		object, _, _ = strings.Cut(tree.TextAt(tree.Root(), rminfo.A_uid, rminfo.A_value), "::")
	}
	if object == "" {
		object = EHRID(fmt.Sprint("object ", m.loads))
	}
	d := m.version(kinds[class], complete)
	d.TemplateID = tree.TextAt(tree.Root(), rminfo.A_archetype_details, rminfo.A_template_id, rminfo.A_value)
	e := m.EHR(ehr)
	d.supersede(e, object)
	if d.Tree, err = canon.SetUID(tree, d.VersionUID); err != nil {
		return "", err
	}
	e.Documents = append(e.Documents, d.Document)
	return d.VersionUID, nil
}

// Delete adds a deletion to the object a version uid belongs to.
func (m *Memory) Delete(ehr, versionUID string) {
	object, _, _ := strings.Cut(versionUID, "::")
	m.loads++
	d := m.version(eval.Composition, true)
	d.Lifecycle = eval.Coded{Code: "523", Text: "deleted"}
	e := m.EHR(ehr)
	d.supersede(e, object)
	d.Effective = false
	d.Audit.ChangeType = eval.Coded{Code: "523", Text: "deleted"}
	e.Documents = append(e.Documents, d.Document)
}

// Remove takes an EHR out.
func (m *Memory) Remove(ehr string) {
	m.ehrs = slices.DeleteFunc(m.ehrs, func(e *eval.EHR) bool { return e.ID == ehr })
}

// version is a version under construction.
type version struct{ eval.Document }

func (m *Memory) version(kind eval.DocumentKind, complete bool) *version {
	d := &version{eval.Document{
		Kind: kind, Latest: true, Effective: complete,
		Contribution: EHRID(fmt.Sprint("contribution ", m.loads)),
		Lifecycle:    eval.Coded{Code: "532", Text: "complete"},
		Audit: eval.Audit{
			SystemID:      SystemID,
			TimeCommitted: time.Date(2024, 1, 1, 0, 0, m.loads, 0, time.UTC).Format("2006-01-02T15:04:05.000Z07:00"),
			ChangeType:    eval.Coded{Code: "249", Text: "creation"},
		},
	}}
	if !complete {
		d.Lifecycle = eval.Coded{Code: "553", Text: "incomplete"}
	}
	return d
}

// supersede numbers the version and takes the marks from those before it.
func (d *version) supersede(e *eval.EHR, object string) {
	n := 1
	for i := range e.Documents {
		old := &e.Documents[i]
		if !strings.HasPrefix(old.VersionUID, object+"::") {
			continue
		}
		n++
		old.Latest = false
		old.Effective = old.Effective && !d.Effective
		d.Preceding = old.VersionUID
		d.Audit.ChangeType = eval.Coded{Code: "251", Text: "modification"}
	}
	d.VersionUID = fmt.Sprintf("%s::%s::%d", object, SystemID, n)
}

// EHR gives the EHR of an id, made when it is new.
func (m *Memory) EHR(id string) *eval.EHR {
	for _, e := range m.ehrs {
		if e.ID == id {
			return e
		}
	}
	e := &eval.EHR{ID: id, SystemID: SystemID, TimeCreated: "2024-01-01T00:00:00.000Z"}
	m.ehrs = append(m.ehrs, e)
	return e
}

// EHRs yields everything, whatever is needed.
func (m *Memory) EHRs(_ context.Context, _ eval.Need) iter.Seq2[*eval.EHR, error] {
	return func(yield func(*eval.EHR, error) bool) {
		for _, e := range m.ehrs {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// Query parses and evaluates.
func (m *Memory) Query(ctx context.Context, text string, params map[string]any) ([]string, [][]any, error) {
	columns, rows, _, err := m.Ranked(ctx, text, params)
	return columns, rows, err
}

// Ranked is Query with the ranks of the rows (eval.Result).
func (m *Memory) Ranked(ctx context.Context, text string, params map[string]any) ([]string, [][]any, []int, error) {
	q, err := aql.Parse(text)
	if err != nil {
		return nil, nil, nil, err
	}
	if q, err = aql.Resolve(ctx, q, params, Terms{}); err != nil {
		return nil, nil, nil, err
	}
	result, err := eval.Run(ctx, q, params, m, m.Options)
	if err != nil {
		return nil, nil, nil, err
	}
	columns := make([]string, len(result.Columns))
	for i, c := range result.Columns {
		columns[i] = c.Name
	}
	rows := make([][]any, len(result.Rows))
	for i, row := range result.Rows {
		rows[i] = make([]any, len(row))
		for j, v := range row {
			d := json.NewDecoder(bytes.NewReader(v.AppendJSON(nil)))
			d.UseNumber()
			if err := d.Decode(&rows[i][j]); err != nil {
				return nil, nil, nil, err
			}
		}
	}
	return columns, rows, result.Ranks, nil
}
