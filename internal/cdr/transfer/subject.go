package transfer

import (
	"archive/zip"
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// SubjectAccess is everything held about a person, for that person: a zip with
// record.html, which anybody can read without us, and each version as canonical
// JSON beside it. What was filed here by mistake is about somebody else and is
// left out; the page says how much.
func (t *Transfers) SubjectAccess(ctx context.Context, caller cdr.Caller, ehr string) (func(ctx context.Context, to io.Writer) error, error) {
	id, err := t.leaves(ctx, caller, ehr, "subject-access")
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, to io.Writer) error {
		b := &bundle{t: t, ctx: ctx, ehr: id, zip: zip.NewWriter(to), templates: map[string]*cdr.Template{}, ids: map[string]string{}}
		return errors.Join(b.write(), b.zip.Close())
	}, nil
}

// bundle is one subject access under way.
type bundle struct {
	t   *Transfers
	ctx context.Context
	ehr string
	zip *zip.Writer
	// templates are compiled at first use, ids are the template ids, by hash.
	templates map[string]*cdr.Template
	ids       map[string]string
	committed time.Time
}

func (b *bundle) write() error {
	f, err := b.zip.Create("record.html")
	if err != nil {
		return err
	}
	page := &readable{Writer: bufio.NewWriter(f)}
	if err := errors.Join(b.page(page), page.Flush()); err != nil {
		return err
	}
	return b.versions(func(v *Version) error {
		if slices.Contains(v.Labels, misfiled) {
			return nil
		}
		f, err := b.zip.CreateHeader(&zip.FileHeader{Name: jsonName(v), Method: zip.Deflate, Modified: b.committed})
		if err != nil {
			return err
		}
		_, err = f.Write(b.original(v))
		return err
	})
}

// versions gives every version in the order of commits.
func (b *bundle) versions(take func(v *Version) error) error {
	return b.t.export(b.ctx, b.ehr, func(l Line) error {
		switch {
		case l.Template != nil:
			b.ids[l.Template.SHA256] = l.Template.ID
		case l.Contribution != nil:
			b.committed = l.Contribution.Committed
		case l.Version != nil:
			return take(l.Version)
		}
		return nil
	})
}

func jsonName(v *Version) string {
	return "json/" + v.Object + ".v" + strconv.Itoa(v.Number) + ".json"
}

func (b *bundle) original(v *Version) []byte {
	return cdr.OriginalVersion(cdr.Version{
		UID: cdr.VersionUID{Object: v.Object, System: v.System, Number: v.Number}.String(), Lifecycle: strconv.Itoa(int(v.Lifecycle)),
		Contribution: v.Contribution, Committed: b.committed, Preceding: v.Preceding, OtherInputs: v.OtherInputs, Signature: v.Signature,
		AuditDetails: v.Audit, Attestations: v.Attestations, Imported: v.Imported, Doc: v.Doc,
	})
}

const (
	pageHead = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Your record</title>
<style>body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}article{border-top:1px solid #888;margin-top:2em}span{font-weight:600}
table{border-collapse:collapse}td,th{border:1px solid #bbb;padding:.2em .5em;text-align:left;vertical-align:top}.meta{color:#444}</style></head><body>
`
	kindOther = "Administrative entry"
)

func (b *bundle) page(r *readable) error {
	r.raw(pageHead)
	r.heading(1, "Everything held in record %s", b.ehr)
	r.raw(`<p>This page shows what was written in the record, who wrote it and when, and who has looked at it. The files in the folder json hold the same in the form computers exchange.</p>`)
	r.heading(2, "What is written")
	elsewhere := 0
	err := b.versions(func(v *Version) error {
		if slices.Contains(v.Labels, misfiled) {
			elsewhere++
			return nil
		}
		return b.entry(r, v)
	})
	if err != nil {
		return err
	}
	if elsewhere > 0 {
		r.raw("<p>")
		r.text(fmt.Sprintf("%d versions of entries that were filed here by mistake, or were moved away, are about another person and are not shown.", elsewhere))
		r.raw("</p>")
	}
	r.heading(2, "Who looked at it")
	r.raw("<table><tr><th>When</th><th>Who</th><th>Role</th><th>Organisation</th><th>What</th><th>Which entry</th><th>Purpose</th></tr>\n")
	err = b.t.seen(b.ctx, b.ehr, func(s cdr.Sighting) error {
		if s.Outcome != "success" {
			return nil
		}
		what := actions[s.Action]
		if s.Population {
			what = "found in a search over many records"
		}
		r.row(moment(s.At), s.Principal, s.Role, s.Org, what, s.Object, s.Purpose)
		return nil
	})
	r.raw("</table></body></html>\n")
	return err
}

// actions are the words for what the audit says was done.
var actions = map[string]string{"C": "wrote", "R": "read", "U": "changed", "D": "deleted", "E": "searched"}

func moment(at time.Time) string { return at.UTC().Format("2 January 2006, 15:04:05 UTC") }

// entry writes one version; those that are no longer current are folded.
func (b *bundle) entry(r *readable, v *Version) error {
	title := kindOther
	if len(v.Doc) > 0 {
		tree, err := canon.ReadStored(v.Doc)
		if err != nil {
			return err
		}
		if r.template, err = b.template(v); err != nil {
			return err
		}
		r.tree, r.language = tree, tree.TextAt(tree.Root(), rminfo.A_language, rminfo.A_code_string)
		title = r.label(tree.Root())
	} else {
		title = "A deletion"
	}
	r.raw("<article>")
	r.heading(3, "%s", title)
	r.raw(`<p class="meta">`)
	r.text(fmt.Sprintf("%s, version %d, written by %s on %s. %s", cdr.LifecycleRubric(strconv.Itoa(int(v.Lifecycle))), v.Number, author(v.Audit), moment(b.committed), why(v.Audit)))
	for _, label := range v.Labels {
		r.text(" Marked " + label + ".")
	}
	r.raw(` <a href="` + jsonName(v) + `">JSON</a></p>`)
	if len(v.Doc) > 0 {
		if !v.Effective {
			r.raw("<details><summary>This version is not the current one</summary>")
		}
		r.object(r.tree.Root())
		if !v.Effective {
			r.raw("</details>")
		}
	}
	r.raw("</article>\n")
	return nil
}

func author(audit []byte) string {
	got := gjson.GetManyBytes(audit, "committer.name", "committer.external_ref.id.value")
	return or(or(got[0].String(), got[1].String()), "the person themself")
}

func why(audit []byte) string { return gjson.GetBytes(audit, "description.value").String() }

// template is the one a version is of, in the content it had then.
func (b *bundle) template(v *Version) (*cdr.Template, error) {
	if v.Template == "" {
		return nil, nil
	}
	if t := b.templates[v.Template]; t != nil {
		return t, nil
	}
	sum, err := hex.DecodeString(v.Template)
	if err != nil {
		return nil, err
	}
	stored, err := b.t.Store.TemplateContent(b.ctx, b.ids[v.Template], sum)
	if err != nil {
		return nil, err
	}
	b.templates[v.Template], err = cdr.CompileTemplate(stored)
	return b.templates[v.Template], err
}
