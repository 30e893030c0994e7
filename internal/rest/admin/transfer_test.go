package admin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/transfer"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rest/admin"
)

var (
	_ admin.Transfers = (*transfer.Transfers)(nil)
	_ admin.Holder    = (*cdr.Service)(nil)
)

// whole keeps what it was asked about whole records.
type whole struct {
	fake
	breaks bool
}

func (w *whole) Export(_ context.Context, _ cdr.Caller, ehr string) (func(context.Context, io.Writer) error, error) {
	w.asked = "export " + ehr
	if ehr[0] == '8' {
		return nil, fault.New(fault.NotFound, "ehr-unknown", "no such EHR")
	}
	return func(ctx context.Context, to io.Writer) error {
		if _, ok := ctx.Deadline(); !ok || ctx.Err() != nil {
			return errors.New("the stream has no life of its own")
		}
		for range 3000 {
			if _, err := io.WriteString(to, "{\"line\":true}\n"); err != nil {
				return err
			}
		}
		if w.breaks {
			return errors.New("broken")
		}
		_, err := io.WriteString(to, "end\n")
		return err
	}, nil
}
func (w *whole) SubjectAccess(ctx context.Context, c cdr.Caller, ehr string) (func(context.Context, io.Writer) error, error) {
	return w.Export(ctx, c, ehr)
}
func (w *whole) EHRs(_ context.Context, _ cdr.Caller, after string) ([]string, error) {
	w.asked = "ehrs " + after
	return nil, nil
}
func (w *whole) Import(ctx context.Context, _ cdr.Caller, r transfer.Request) (transfer.Report, error) {
	text, err := io.ReadAll(r.Open(ctx))
	w.asked += fmt.Sprintf("import %s %v %s", r.Mode, r.DryRun, text)
	return transfer.Report{DryRun: r.DryRun}, err
}
func (w *whole) PutPart(_ context.Context, _ cdr.Caller, ehr, upload string, n int, data []byte) error {
	w.asked = fmt.Sprintf("part %s %s %d %s", ehr[:4], upload[:4], n, data)
	return nil
}
func (w *whole) Uploaded(_ context.Context, _ cdr.Caller, ehr, upload string) (func(context.Context) io.Reader, error) {
	return func(context.Context) io.Reader { return strings.NewReader("pieces of " + ehr[:4] + " " + upload[:4]) }, nil
}
func (w *whole) Forget(_ context.Context, _, upload string) error {
	w.asked += " forget " + upload[:4]
	return nil
}
func (w *whole) Merge(_ context.Context, _ cdr.Caller, target, source, reason string) (transfer.Merged, error) {
	w.asked = "merge " + target[:4] + " " + source + " " + reason
	return transfer.Merged{}, nil
}
func (w *whole) Unmerge(_ context.Context, _ cdr.Caller, target, source string) (transfer.Merged, error) {
	w.asked = "unmerge " + target[:4] + " " + source[:4]
	return transfer.Merged{}, nil
}
func (w *whole) Links(_ context.Context, _ cdr.Caller, ehr string) ([]transfer.Linked, error) {
	w.asked = "links " + ehr[:4]
	return []transfer.Linked{}, nil
}
func (w *whole) Move(_ context.Context, _ cdr.Caller, ehr, object, target, reason string) (transfer.Moved, error) {
	w.asked = "move " + ehr[:4] + " " + object[:4] + " " + target + " " + reason
	return transfer.Moved{}, nil
}
func (w *whole) Unmove(_ context.Context, _ cdr.Caller, ehr, object, reason string) (transfer.Moved, error) {
	w.asked = "unmove " + ehr[:4] + " " + object[:4] + " " + reason
	return transfer.Moved{}, nil
}
func (w *whole) DeleteEHR(_ context.Context, _ cdr.Caller, id, reason string) error {
	w.asked = "delete " + id[:4] + " " + reason
	return &cdr.AwaitsSecond{EHR: id, Reason: reason, RequestedBy: "user:one"}
}
func (w *whole) PutHold(_ context.Context, _ cdr.Caller, h cdr.Hold) (cdr.Hold, error) {
	w.asked = fmt.Sprintf("hold %s %s %v", h.EHR[:4], h.Reason, !h.Until.IsZero())
	return h, nil
}
func (w *whole) LiftHold(_ context.Context, _ cdr.Caller, ehr string) error {
	w.asked = "lift " + ehr[:4]
	return nil
}
func (w *whole) Holds(_ context.Context, _ cdr.Caller, ehr string) ([]cdr.Hold, error) {
	w.asked = "holds " + ehr[:4]
	return []cdr.Hold{{EHR: ehr, Reason: "inquest"}}, nil
}

func TestWholeRecords(t *testing.T) {
	const one, two = "7d44b88c-4199-4bad-97dc-d78268e01398", "8849182c-82ad-4088-a07f-48ead4180515"
	ehr := "/rest/admin/ehr/" + one
	for _, c := range []struct {
		method, path, body string
		status             int
		asked, answer      string
	}{
		{"GET", "/rest/admin/ehr?after=" + one, "", 200, "ehrs " + one, `{"ehr_ids":[]}`},
		{"GET", ehr + "/export", "", 200, "export " + one, "end\n"},
		{"GET", "/rest/admin/ehr/" + two + "/export", "", 404, "export " + two, "ehr-unknown"},
		{"GET", "/rest/admin/ehr/x/export", "", 400, "", ""},
		{"GET", ehr + "/subject-access", "", 200, "export " + one, "end\n"},
		{"POST", "/rest/admin/ehr/import?mode=move", "lines", 201, "import move false lines", `"dry_run":false`},
		{"POST", "/rest/admin/ehr/import?mode=copy&dry_run=true", "lines", 200, "import copy true lines", `"dry_run":true`},
		{"POST", "/rest/admin/ehr/import?mode=copy", "", 400, "", "body-missing"},
		{"POST", "/rest/admin/ehr/import?mode=restore&upload=" + two + "&ehr_id=" + one, "", 201, "import restore false pieces of 7d44 8849 forget 8849", ""},
		{"POST", "/rest/admin/ehr/import?mode=restore&upload=x&ehr_id=" + one, "", 400, "", "upload"},
		{"PUT", ehr + "/import/" + two + "/3", "lines", 204, "part 7d44 8849 3 lines", ""},
		{"PUT", ehr + "/import/" + two + "/-1", "lines", 400, "", ""},
		{"POST", ehr + "/merge", `{"source_ehr_id":"s","reason":"r"}`, 200, "merge 7d44 s r", "to_reconcile"},
		{"POST", ehr + "/merge", `{"into":"s"}`, 400, "", ""},
		{"GET", ehr + "/merge", "", 200, "links 7d44", `"linked":[]`},
		{"DELETE", ehr + "/merge/" + two, "", 200, "unmerge 7d44 8849", ""},
		{"POST", ehr + "/composition/" + two + "/move-to", `{"ehr_id":"T","reason":"r"}`, 200, "move 7d44 8849 t r", "readers"},
		{"DELETE", ehr + "/composition/" + two + "/move-to", `{"reason":"r"}`, 200, "unmove 7d44 8849 r", ""},
		{"DELETE", ehr + "?reason=court-order", "", 202, "delete 7d44 court-order", `"requested_by":"user:one"`},
		{"PUT", ehr + "/hold", `{"reason":"inquest"}`, 200, "hold 7d44 inquest false", `"reason":"inquest"`},
		{"PUT", ehr + "/hold", `{"reason":"retention","until":"2100-01-01T00:00:00Z"}`, 200, "hold 7d44 retention true", `"until":"2100-01-01T00:00:00Z"`},
		{"PUT", ehr + "/hold", `{"reason":"retention","until":"2100"}`, 400, "", "RFC 3339"},
		{"GET", ehr + "/hold", "", 200, "holds 7d44", "inquest"},
		{"DELETE", ehr + "/hold", "", 204, "lift 7d44", ""},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			w := &whole{}
			app, err := rest.New(rest.Options{Verifier: w, Logger: slog.New(slog.DiscardHandler), Manners: rest.MannersFor(false),
				Routes: append(append(admin.Routes(w), admin.HoldRoutes(w)...), admin.TransferRoutes(w)...)})
			if err != nil {
				t.Fatal(err)
			}
			request := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
			switch {
			case strings.HasPrefix(c.body, "{"):
				request.Header.Set("Content-Type", "application/json")
			case c.body != "":
				request.Header.Set("Content-Type", "application/x-ndjson")
			}
			request.Header.Set("Accept-Encoding", "gzip")
			response, err := app.Test(request, 5000)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != c.status || w.asked != c.asked || !strings.Contains(string(text), c.answer) {
				t.Errorf("%d, asked %q, answered %.300s; want %d, %q, %q; %v", response.StatusCode, w.asked, text, c.status, c.asked, c.answer, err)
			}
			_ = response.Body.Close()
		})
	}
}

// A stream that breaks has no end, and its status has left.
func TestBrokenStream(t *testing.T) {
	w := &whole{breaks: true}
	app, err := rest.New(rest.Options{Verifier: w, Logger: slog.New(slog.DiscardHandler), Manners: rest.MannersFor(false), Routes: admin.TransferRoutes(w)})
	if err != nil {
		t.Fatal(err)
	}
	response, err := app.Test(httptest.NewRequest("GET", "/rest/admin/ehr/7d44b88c-4199-4bad-97dc-d78268e01398/export", nil), 5000)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if text, err := io.ReadAll(response.Body); err != nil || strings.HasSuffix(string(text), "end\n") || len(text) < 3000 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}
