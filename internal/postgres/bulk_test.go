package postgres

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	process "os/exec"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/bulk"
	"github.com/quire-cdr/quire/internal/cdr/promotion"
	"github.com/quire-cdr/quire/internal/demo"
	"github.com/quire-cdr/quire/internal/fault"
)

// source is a source in memory.
func source(create bool, list ...string) bulk.Lines {
	text := strings.Join(list, "\n") + "\n"
	return bulk.Lines{Size: int64(len(text)), Create: create, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

// loader loads in small batches and keeps what is refused.
func loader(db *DB, service *cdr.Service, refused *[]bulk.Refusal) *bulk.Loader {
	return &bulk.Loader{
		Act: service.Act(), Store: db, Caller: system, Batch: 8, Progress: func(bulk.State) {},
		Refused: func(r bulk.Refusal) { *refused = append(*refused, r) },
	}
}

func compact(t testing.TB, name string) string {
	t.Helper()
	return strings.ReplaceAll(string(example(t, name).JSON), "\n", " ")
}

// Of a document that was loaded in bulk every row is what a commit would have
// written, but for ids and times.
func TestBulkLoadWritesWhatACommitWrites(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	promoteAll(t, h.db, promotion.Place{Archetype: "openEHR-EHR-OBSERVATION.blood_pressure.v2", Path: "data[at0001]/events[at0006]/data[at0003]/items[at0004]/value"})
	status := string(demo.Status(demo.People(1)[0]))
	const loaded = "11111111-aaaa-4aaa-8aaa-000000000001"
	whole := source(false, `{"ehr_id":"`+loaded+`","ehr_status":`+status+`}`,
		`{"ehr_id":"`+loaded+`","composition":`+compact(t, "vital_signs_full")+`}`,
		`{"ehr_id":"`+loaded+`","composition":`+compact(t, "emergency_care_plan_full")+`}`)
	var refused []bulk.Refusal
	state, err := loader(h.db, h.Service, &refused).Run(ctx, whole)
	if err != nil || len(refused) > 0 || state.Loaded != 3 || state.Finished == nil {
		t.Fatalf("%+v, %v, %v", state, refused, err)
	}
	e, err := h.CreateEHR(ctx, system, "", &cdr.Content{JSON: demo.Status(demo.People(2)[1])}, cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"vital_signs_full", "emergency_care_plan_full"} {
		if _, err := h.CreateComposition(ctx, system, e.ID, example(t, name), cdr.CommitInfo{}); err != nil {
			t.Fatal(err)
		}
	}
	for table, hidden := range map[string][2]string{
		"ehr":              {"ehr_id,created,status_id", ""},
		"ehr_organisation": {"ehr_id,valid_from", ""},
		"ehr_subject":      {"ehr_id,subject_id", ""},
		"object_home":      {"vo_id,ehr_id", ""},
		"contribution":     {"ehr_id,contribution_id,committed", ""},
		"version":          {"ehr_id,vo_id,contribution_id,committed,xact,position,doc", " and kind = 1"},
		"node":             {"ehr_id,vo_id", " and kind = 1"},
		"leaf":             {"ehr_id,vo_id", ""},
		"audit_event":      {"id,at,xact,ehr_id,object", ""},
	} {
		of := fmt.Sprintf("select (to_jsonb(t) - '{%s}'::text[]) #- '{data,uid}' from %s t where ehr_id = $1%s", hidden[0], table, hidden[1])
		if n := h.count(t, "select count(*) from (("+of+" except all "+strings.Replace(of, "$1", "$2", 1)+") union all ("+strings.Replace(of, "$1", "$2", 1)+" except all "+of+")) d", loaded, e.ID); n != 0 {
			t.Errorf("%s: %d rows differ", table, n)
		}
		if n := h.count(t, "select count(*) from "+table+" where ehr_id = $1", loaded); n == 0 {
			t.Errorf("%s: no row", table)
		}
	}
	if n := h.count(t, "select count(*) from audit_event where object = 'bulk-load' and action = 'E'"); n != 2 {
		t.Errorf("%d rows of audit for opening and end", n)
	}
	h.sound(t)
}

// What is wrong with a document is said of that one, and the others are in.
func TestBulkLoadRefusesDocumentByDocument(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	there := h.ehr(t).ID
	ours := h.create(t, there, "vital_signs_minimal", cdr.CommitInfo{})
	const absent, made = "11111111-aaaa-4aaa-8aaa-000000000002", "11111111-aaaa-4aaa-8aaa-000000000003"
	good, plan := compact(t, "vital_signs_minimal"), compact(t, "emergency_care_plan_full")
	line := func(ehr, composition string) string {
		return `{"ehr_id":"` + ehr + `","composition":` + composition + `}`
	}
	taken := strings.Replace(good, `{`, `{"uid":{"_type":"OBJECT_VERSION_ID","value":"`+ours.VersionUID+`"},`, 1)
	person := string(demo.Status(demo.People(1)[0]))
	closed := strings.Replace(string(demo.Status(demo.People(2)[1])), `"is_modifiable":true`, `"is_modifiable":false`, 1)
	const shut = "11111111-aaaa-4aaa-8aaa-000000000004"
	cases := []struct{ line, code string }{
		{line(there, good), ""},
		{"", ""},
		{"no json", "line"},
		{`{"composition":{}}`, "line"},
		{`{"ehr_id":"` + there + `"}`, "line"},
		{line(there, `{"_type":"COMPOSITION"}`), ""},
		{line(there, strings.Replace(good, "Vital signs observations.v1", "unheard of", 1)), "template-unknown"},
		{line(absent, good), "ehr-unknown"},
		{line(there, taken), "object-home-exists"},
		{`{"ehr_id":"` + made + `","ehr_status":` + person + `}`, ""},
		{`{"ehr_id":"` + made + `","ehr_status":null}`, "ehr-exists"},
		{`{"ehr_id":"` + absent + `","ehr_status":` + person + `}`, "ehr-subject-exists"},
		{`{"ehr_id":"` + shut + `","ehr_status":` + closed + `}`, ""},
		{line(shut, good), "not-modifiable"},
		{line(made, plan), ""},
		{line(made, plan), "persistent-exists"},
		{line(made, good), ""},
	}
	var list []string
	wanted := map[string]string{}
	for i, c := range cases {
		list = append(list, c.line)
		if c.code != "" {
			wanted[fmt.Sprintf("line %d", i+1)] = c.code
		}
	}
	var refused []bulk.Refusal
	state, err := loader(h.db, h.Service, &refused).Run(ctx, source(false, list...))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range refused {
		if r.Where == "line 6" {
			if f := fault.Of(r.Err); f.Kind != fault.Invalid && f.Kind != fault.Unprocessable {
				t.Errorf("an empty composition: %v", r.Err)
			}
			continue
		}
		if code := fault.Of(r.Err).Code; code != wanted[r.Where] {
			t.Errorf("%s: %v (%s), want %q", r.Where, r.Err, code, wanted[r.Where])
		}
		delete(wanted, r.Where)
	}
	if len(wanted) > 0 {
		t.Errorf("not refused: %v", wanted)
	}
	if state.Loaded != 5 || state.Loaded+state.Refused != state.Position || state.Position != 16 {
		t.Errorf("%+v", state)
	}
	// The same source again is done already.
	again, err := loader(h.db, h.Service, &refused).Run(ctx, source(false, list...))
	if err != nil || again.Loaded != 5 || h.count(t, "select count(*) from version where kind = 1 and ehr_id = $1", there) != 2 {
		t.Errorf("again: %+v, %v", again, err)
	}
	h.sound(t)
}

func TestBulkLoadOfAFolder(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	const a, b = "11111111-aaaa-4aaa-8aaa-00000000000a", "11111111-aaaa-4aaa-8aaa-00000000000b"
	good := example(t, "vital_signs_minimal").JSON
	folder := fstest.MapFS{
		a + "/1.json": {Data: good}, a + "/2.json": {Data: good}, a + "/readme.txt": {Data: []byte("no document")},
		b + "/0.json": {Data: good}, b + "/ehr_status.json": {Data: demo.Status(demo.People(1)[0])},
	}
	var refused []bulk.Refusal
	if _, err := loader(h.db, h.Service, &refused).Run(ctx, bulk.Folder{FS: folder}); err != nil || len(refused) != 2 {
		t.Fatalf("an EHR that is not there: %v, %v", refused, err)
	}
	refused = nil
	delete(folder, b+"/ehr_status.json")
	state, err := loader(h.db, h.Service, &refused).Run(ctx, bulk.Folder{FS: folder, Create: true})
	if err != nil || len(refused) != 0 || state.Position != 5 || state.Loaded != 4 {
		t.Fatalf("%+v, %v, %v", state, refused, err)
	}
	if _, err := loader(h.db, h.Service, &refused).Run(ctx, bulk.Folder{FS: fstest.MapFS{}}); err == nil {
		t.Error("an empty folder is no source")
	}
	h.sound(t)
}

// child is the environment variable that makes the test binary the process that
// is killed: the address of the database.
const child = "QUIRE_TEST_BULK_CHILD"

// killedLoad is a source that is slow enough to be killed in the middle.
func killedLoad(t testing.TB) bulk.Lines {
	good := compact(t, "vital_signs_minimal")
	var list []string
	for n := range 120 {
		list = append(list, fmt.Sprintf(`{"ehr_id":"11111111-bbbb-4aaa-8aaa-%012d","composition":%s}`, n/10, good))
	}
	return source(true, list...)
}

// TestBulkLoadChild is no test of its own.
func TestBulkLoadChild(t *testing.T) {
	dsn := os.Getenv(child)
	if dsn == "" {
		t.Skip("the process that TestBulkLoadSurvivesKill kills")
	}
	db, err := Open(context.Background(), Config{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var refused []bulk.Refusal
	l := loader(db, cdr.New(cdr.Deps{Store: db, SystemID: "test.quire"}), &refused)
	l.Progress = func(s bulk.State) { fmt.Println("at", s.Position); time.Sleep(5 * time.Millisecond) }
	state, err := l.Run(context.Background(), killedLoad(t))
	fmt.Println("ended", state.Loaded, len(refused), err)
}

// A process is killed again and again; in the end every document is there once.
func TestBulkLoadSurvivesKill(t *testing.T) {
	h := newHouse(t)
	kills := 0
	for attempt := 1; ; attempt++ {
		if attempt > 40 {
			t.Fatal("the load does not end")
		}
		command := process.Command(os.Args[0], "-test.run=^TestBulkLoadChild$", "-test.v")
		command.Env = append(os.Environ(), child+"="+h.app)
		out, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		part := make([]byte, 256)
		for err == nil && strings.Count(said.String(), "at ") < 2+attempt%2 {
			var n int
			n, err = out.Read(part)
			said.Write(part[:n])
		}
		_ = command.Process.Kill()
		_, _ = io.Copy(&said, out)
		if command.Wait() != nil {
			kills++
		}
		if strings.Contains(said.String(), "ended 132 0 <nil>") {
			break
		}
	}
	if kills < 3 {
		t.Errorf("killed only %d times", kills)
	}
	if n := h.count(t, "select count(*) from version where kind = 1"); n != 120 {
		t.Errorf("%d compositions, want 120", n)
	}
	if n := h.count(t, "select count(*) from (select ehr_id from version where kind = 1 group by ehr_id having count(*) = 10) e"); n != 12 {
		t.Errorf("%d EHRs with 10 compositions, want 12", n)
	}
	if n := h.count(t, "select count(*) from audit_event where action = 'C' and ehr_id is not null"); n != 132 {
		t.Errorf("%d rows of audit, want 132", n)
	}
	h.sound(t)
}
