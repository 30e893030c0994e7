package transfer

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Mode is what an import makes of a record.
type Mode string

// The modes. Restore gives a system its own record back as it was. Move changes
// the home of a record: its history stays as it is, with the system ids it has,
// and its trunk goes on with ours. Copy leaves the home where it is: versions
// become IMPORTED_VERSION, and a local change is refused, since it would be a
// branch (RM Common, Version identification, Copying).
const (
	Restore  Mode = "restore"
	Relocate Mode = "move"
	Copy     Mode = "copy"
)

// Request asks for an import.
type Request struct {
	Mode   Mode
	DryRun bool
	// Open gives the export from its beginning each time.
	Open func(ctx context.Context) io.Reader
}

// Report says what an import stored, or would store.
type Report struct {
	EHR    string `json:"ehr_id"`
	Mode   Mode   `json:"mode"`
	DryRun bool   `json:"dry_run"`
	From   string `json:"from_system_id"`
	Counts Counts `json:"counts"`
	// Left counts the rows of each table that stay with the house they came from.
	Left map[string]int `json:"left_behind,omitempty"`
}

// Import stores one exported EHR, all of it or nothing. Everything is read twice:
// first to judge it, then to store it.
func (t *Transfers) Import(ctx context.Context, caller cdr.Caller, r Request) (Report, error) {
	event := cdr.Event{Action: "C", Object: "import:" + string(r.Mode)}
	p, err := t.Act.Begin(ctx, caller, Area, event)
	if err != nil {
		return Report{}, err
	}
	if r.Mode != Restore && r.Mode != Relocate && r.Mode != Copy {
		return Report{}, fault.New(fault.Invalid, "mode", "the mode is restore, move or copy")
	}
	j := &judge{t: t, ctx: ctx, mode: r.Mode, templates: map[string]*cdr.Template{}, left: map[string]int{}, seen: map[string]bool{}}
	if j.labels, err = t.Store.Labels(ctx); err != nil {
		return Report{}, err
	}
	if err := read(NewReader(r.Open(ctx)), j.line); err != nil {
		return Report{}, err
	}
	if err := j.verdict(); err != nil {
		return Report{}, err
	}
	report := Report{EHR: j.header.EHR, Mode: r.Mode, DryRun: r.DryRun, From: j.header.SystemID, Counts: j.header.Counts, Left: j.left}
	event.EHR = j.header.EHR
	if r.DryRun {
		event.Action, event.Basis = "R", "dry-run"
		return report, t.Act.Record(ctx, t.Act.Event(caller, p, event))
	}
	in := Incoming{
		Mode: r.Mode, Header: j.header, SystemID: t.SystemID, Organisation: caller.Organisation, Event: t.Act.Event(caller, p, event),
		Templates: j.templates, Labels: j.labels, Status: t.Act.StatusFacts, Item: item,
		Lines: func(take func(Line) error) error { return read(NewReader(r.Open(ctx)), take) },
	}
	if in.Audit, err = t.Act.AuditDetails(caller, cdr.Creation, "imported from "+j.header.SystemID); err != nil {
		return Report{}, err
	}
	release, err := t.alone(ctx)
	if err != nil {
		return Report{}, err
	}
	defer release()
	return report, t.Store.Import(ctx, in)
}

// item is the ORIGINAL_VERSION of a version as it was where it was made, without
// its data; one that was imported there stays what it was.
func item(c *Contribution, v *Version) []byte {
	if len(v.Imported) > 0 {
		return v.Imported
	}
	return cdr.OriginalVersion(cdr.Version{
		UID: cdr.VersionUID{Object: v.Object, System: v.System, Number: v.Number}.String(), Lifecycle: strconv.Itoa(int(v.Lifecycle)),
		Contribution: c.ID, Committed: c.Committed, Preceding: v.Preceding, OtherInputs: v.OtherInputs, Signature: v.Signature,
		AuditDetails: v.Audit, Attestations: v.Attestations,
	})
}

// read gives every line of an export; its hash has been judged when it returns.
func read(r *Reader, take func(Line) error) error {
	for {
		l, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := take(l); err != nil {
			return err
		}
	}
}

// manyObjects is how many ids are looked up at once, manyFaults how many faults
// of one kind are told.
const (
	manyObjects = 1000
	manyFaults  = 100
)

// judge reads an export before anything of it is stored.
type judge struct {
	t         *Transfers
	ctx       context.Context
	mode      Mode
	header    Header
	counts    Counts
	templates map[string]*cdr.Template
	labels    map[string]uint64
	seen      map[string]bool
	objects   []string
	subjects  [][2]string
	left      map[string]int
	// missing, taken and wrong are what is in the way.
	missing, wrong []fault.Issue
	taken          []string
	// asked says that the EHR itself was looked up.
	asked bool
}

func (j *judge) line(l Line) error {
	if (l.Header != nil) != (j.header.Format == 0) {
		return fault.New(fault.Invalid, "export-form", "an export has one header, and it is its first line")
	}
	switch {
	case l.Header != nil:
		return j.head(*l.Header)
	case l.Template != nil:
		j.counts.Templates++
		return j.template(*l.Template)
	case l.Contribution != nil:
		j.counts.Contributions++
	case l.Version != nil:
		j.counts.Versions++
		return j.version(l.Version)
	case l.Row != nil:
		j.counts.Rows++
		return j.row(l.Row)
	}
	return nil
}

func (j *judge) head(h Header) error {
	j.header = h
	if h.Format != Format {
		return fault.New(fault.Invalid, "export-format", "the export has format %d; this version reads %d", h.Format, Format)
	}
	if id, ok := cdr.ObjectUID(h.EHR); !ok || id != h.EHR || id == cdr.Demographics {
		return fault.New(fault.Invalid, "export-form", "the export names no EHR")
	}
	ours := strings.EqualFold(h.SystemID, j.t.SystemID)
	switch {
	case j.mode == Restore && !ours:
		return fault.New(fault.Conflict, "not-ours", "the export is of the system %q and this is %q: it can be moved or copied and not restored", h.SystemID, j.t.SystemID)
	case j.mode != Restore && ours:
		return fault.New(fault.Conflict, "ours", "the export is of this system: it can be restored and not moved or copied")
	}
	return nil
}

func (j *judge) template(r TemplateRef) error {
	sum, err := hex.DecodeString(r.SHA256)
	if err != nil || len(sum) != 32 {
		return fault.New(fault.Invalid, "export-form", "a template of the export has no SHA-256")
	}
	stored, err := j.t.Store.TemplateContent(j.ctx, r.ID, sum)
	if fault.Is(err, fault.NotFound) {
		j.missing = append(j.missing, fault.Issue{Path: r.ID, Rule: "template", Expected: r.SHA256, Message: "the template is not here with this content"})
		return nil
	}
	if err != nil {
		return err
	}
	j.templates[r.SHA256], err = cdr.CompileTemplate(stored)
	return err
}

func (j *judge) version(v *Version) error {
	uid := cdr.VersionUID{Object: v.Object, System: v.System, Number: v.Number}.String()
	if parsed, ok := cdr.ParseVersionUID(uid); !ok || parsed.String() != uid || v.Kind < int16(cdr.KindComposition) || v.Kind > int16(cdr.KindFolder) {
		return fault.New(fault.Invalid, "export-form", "a version of the export has no valid uid and kind")
	}
	if !j.seen[v.Object] {
		j.seen[v.Object] = true
		if j.objects = append(j.objects, v.Object); len(j.objects) == manyObjects {
			if err := j.look(); err != nil {
				return err
			}
		}
	}
	for _, label := range v.Labels {
		if _, known := j.labels[label]; !known {
			j.wrong = append(j.wrong, fault.Issue{Path: uid, Rule: "label", Found: label, Message: "the sensitivity label is not known here"})
		}
	}
	tpl := j.templates[v.Template]
	if v.Template != "" && tpl == nil {
		// It is missing, and told already, or was never named.
		if len(j.missing) == 0 {
			return fault.New(fault.Invalid, "export-form", "a version of the export is of a template it does not name")
		}
		return nil
	}
	if len(v.Doc) == 0 || len(j.wrong) >= manyFaults {
		return nil
	}
	tree, err := canon.ReadStored(v.Doc)
	if err == nil {
		if named := tree.TextAt(tree.Root(), rminfo.A_uid, rminfo.A_value); !strings.EqualFold(named, uid) && !strings.EqualFold(named, v.Object) {
			j.wrong = append(j.wrong, fault.Issue{Path: uid, Rule: "uid", Expected: uid, Found: named, Message: "the document names another version"})
		}
		err = j.t.Act.Validate(tree, tpl, strconv.Itoa(int(v.Lifecycle)))
	}
	if err != nil {
		f := fault.Of(err)
		if f.Kind == fault.Internal {
			return err
		}
		for _, issue := range f.Issues {
			if !issue.Warning && len(j.wrong) < manyFaults {
				issue.Path = uid + ": " + issue.Path
				j.wrong = append(j.wrong, issue)
			}
		}
		if len(f.Issues) == 0 {
			j.wrong = append(j.wrong, fault.Issue{Path: uid, Rule: f.Code, Message: f.Message})
		}
	}
	return nil
}

// houseTables hold what one house has decided and another has not.
var houseTables = map[string]bool{"ehr_organisation": true, "ehr_grant": true, "ehr_link": true, "composition_move": true}

// StaysBehind says whether rows of a table are left when a record is moved or
// copied to another house: its organisations and people are not those of here.
func (m Mode) StaysBehind(table string) bool { return m != Restore && houseTables[table] }

func (j *judge) row(r *Row) error {
	if j.mode.StaysBehind(r.Table) {
		j.left[r.Table]++
	}
	var of struct {
		EHR       string `json:"ehr_id"`
		Namespace string `json:"namespace"`
		Subject   string `json:"subject_id"`
	}
	if err := json.Unmarshal(r.Data, &of); err != nil || of.EHR != j.header.EHR {
		return fault.New(fault.Invalid, "export-form", "a row of the export is of no or of another EHR")
	}
	if r.Table == "ehr_subject" {
		j.subjects = append(j.subjects, [2]string{of.Namespace, of.Subject})
	}
	return nil
}

// look asks which ids exist here already.
func (j *judge) look() error {
	taken, err := j.t.Store.Taken(j.ctx, j.header, j.objects, j.subjects)
	j.objects, j.subjects = nil, nil
	for _, what := range taken {
		if !j.asked || what != "the EHR "+j.header.EHR {
			j.taken = append(j.taken, what)
		}
	}
	j.asked = true
	return err
}

func (j *judge) verdict() error {
	if j.header.Format == 0 {
		return fault.New(fault.Invalid, "export-form", "the export is empty")
	}
	if j.counts != j.header.Counts {
		return fault.New(fault.Invalid, "export-counts", "the export has other numbers of lines than its header says")
	}
	if len(j.missing) > 0 {
		return fault.New(fault.Conflict, "templates-missing", "%d templates of the record are not here with the same content; upload them first", len(j.missing)).With(j.missing...)
	}
	if err := j.look(); err != nil {
		return err
	}
	if len(j.taken) > 0 {
		issues := []fault.Issue{}
		for _, what := range j.taken {
			issues = append(issues, fault.Issue{Rule: "taken", Message: what + " exists here already"})
		}
		return fault.New(fault.Conflict, "taken", "the record cannot come in: %s exists here already", j.taken[0]).With(issues...)
	}
	if len(j.wrong) > 0 {
		return fault.New(fault.Unprocessable, "validation", "documents of the export are not valid here").With(j.wrong...)
	}
	return nil
}

// PutPart keeps one piece of an export that is too large for one request.
func (t *Transfers) PutPart(ctx context.Context, caller cdr.Caller, ehr, upload string, n int, data []byte) error {
	p, err := t.Act.Begin(ctx, caller, Area, cdr.Event{Action: "C", EHR: ehr, Object: "import"})
	if err != nil {
		return err
	}
	return t.Store.PutPart(ctx, Part{EHR: ehr, Upload: upload, Sender: p.Principal, N: n, Data: data})
}

// Uploaded opens an export that came in pieces; only who sent them reads them.
func (t *Transfers) Uploaded(ctx context.Context, caller cdr.Caller, ehr, upload string) (func(ctx context.Context) io.Reader, error) {
	p, err := t.Act.Begin(ctx, caller, Area, cdr.Event{Action: "C", EHR: ehr, Object: "import"})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) io.Reader { return t.Store.Parts(ctx, ehr, upload, p.Principal) }, nil
}

// Forget drops the pieces of an import.
func (t *Transfers) Forget(ctx context.Context, ehr, upload string) error {
	return t.Store.DropParts(ctx, ehr, upload)
}

// system is the profile of the server itself: the act was judged by its area.
func system() *access.Profile { return access.System() }
