package pdf

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Source is what is printed, and what is said of it.
type Source struct {
	// Document is the canonical JSON of the composition, which is attached as it is.
	Document []byte
	// EHR is whose record it is of; Subject is what the record calls the person.
	EHR, Subject string
	// VersionUID names the version, System the server that prints it.
	VersionUID, System string
	// Lifecycle is the state in words, "complete" or another that is printed large.
	Lifecycle string
	// Committed is when the version was stored, Committer by whom.
	Committed time.Time
	Committer string
	// Printed is now.
	Printed time.Time
	// Zone is that of Committed and Printed; nil is UTC. Times within the
	// composition are printed as they were written.
	Zone *time.Location
}

// AttachmentName is the file within.
const AttachmentName = "composition.json"

// The page, in millimetres.
const (
	margin     = 15.0
	top        = 26.0
	bottom     = 22.0
	pageWidth  = 210.0
	labelWidth = 62.0
	line       = 4.8
	indent     = 4.0
	deepest    = 5
	textSize   = 9.5
)

type page struct {
	f *fpdf.Fpdf
}

// Print writes the PDF of a composition.
func Print(w io.Writer, s Source) error {
	t, err := canon.ReadStored(s.Document)
	if err != nil {
		return fmt.Errorf("the composition cannot be read: %w", err)
	}
	if s.Zone == nil {
		s.Zone = time.UTC
	}
	title := name(t, t.Root())
	template := t.TextAt(t.Root(), rminfo.A_archetype_details, rminfo.A_template_id, rminfo.A_value)
	f := fpdf.New("P", "mm", "A4", "")
	p := &page{f: f}
	f.AddUTF8FontFromBytes("dejavu", "", bookFont)
	f.AddUTF8FontFromBytes("dejavu", "B", boldFont)
	f.SetMargins(margin, top, margin)
	f.SetAutoPageBreak(false, bottom)
	f.SetCatalogSort(true)
	f.SetCreationDate(s.Printed.UTC())
	f.SetModificationDate(s.Printed.UTC())
	f.SetTitle(title, true)
	f.SetSubject(s.VersionUID, true)
	f.SetAuthor(t.TextAt(t.Root(), rminfo.A_composer, rminfo.A_name), true)
	f.SetCreator("Quire, "+s.System, true)
	f.SetProducer("Quire", true)
	if language := t.TextAt(t.Root(), rminfo.A_language, rminfo.A_code_string); plain(language) {
		f.SetLang(language)
	}
	f.SetXmpMetadata(metadata(title, s))
	f.SetAttachments([]fpdf.Attachment{{Content: s.Document, Filename: AttachmentName, Description: "The composition as canonical openEHR JSON"}})
	f.AliasNbPages("{pages}")
	person := joined("   ", s.Subject, "EHR "+s.EHR)
	f.SetHeaderFunc(func() { p.head(title, person, s.Lifecycle) })
	f.SetFooterFunc(func() { p.foot(template, s) })
	f.AddPage()
	p.facts(t, template, s)
	p.body(t, t.Root(), 0)
	return f.Output(w)
}

// plain says whether a text may stand in the catalog unescaped.
func plain(language string) bool {
	return language != "" && strings.Trim(language, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == ""
}

// head says on every page what it is and whom it is about.
func (p *page) head(title, person, lifecycle string) {
	f := p.f
	f.SetXY(margin, 10)
	f.SetFont("dejavu", "B", 13)
	if lifecycle != "complete" && lifecycle != "" {
		title += " (" + strings.ToUpper(lifecycle) + ")"
	}
	f.CellFormat(0, 6, p.fit(title, pageWidth-2*margin), "", 1, "L", false, 0, "")
	f.SetFont("dejavu", "", textSize)
	f.CellFormat(0, 5, p.fit(person, pageWidth-2*margin), "", 1, "L", false, 0, "")
	f.SetDrawColor(0, 94, 184)
	f.SetLineWidth(0.5)
	f.Line(margin, 22.5, pageWidth-margin, 22.5)
	f.SetLineWidth(0.2)
	f.SetXY(margin, top)
}

func (p *page) foot(template string, s Source) {
	f := p.f
	f.SetY(-16)
	f.SetFont("dejavu", "", 7)
	f.CellFormat(0, 3.5, p.fit("Source: "+template+", version "+s.VersionUID+", system "+s.System, pageWidth-2*margin), "", 1, "L", false, 0, "")
	f.CellFormat(120, 3.5, p.fit("Printed at "+stamp(s.Printed, s.Zone)+". The composition is attached as "+AttachmentName+".", 120), "", 0, "L", false, 0, "")
	f.CellFormat(0, 3.5, fmt.Sprintf("Page %d of {pages}", f.PageNo()), "", 0, "R", false, 0, "")
}

// facts are who and when. The times are apart: when things happened stands at
// each event, when the encounter was, when it was stored and when it was printed
// here.
func (p *page) facts(t *rm.Tree, template string, s Source) {
	root := t.Root()
	p.row("Person", joined(", ", s.Subject, "EHR "+s.EHR), 0)
	p.row("Written by", party(t, t.Child(root, rminfo.A_composer)), 0)
	p.row("Stored by", s.Committer, 0)
	p.row("Stored at", stamp(s.Committed, s.Zone), 0)
	p.row("State", s.Lifecycle, 0)
	p.row("Template", template, 0)
	p.row("Version", s.VersionUID, 0)
}

func stamp(at time.Time, zone *time.Location) string {
	if at.IsZero() {
		return ""
	}
	return at.In(zone).Format("2 January 2006 15:04:05 -07:00")
}

// room begins a page where less than some height is left.
func (p *page) room(height float64) {
	if _, h := p.f.GetPageSize(); p.f.GetY()+height > h-bottom {
		p.f.AddPage()
	}
}

func (p *page) heading(text string, depth int) {
	f := p.f
	p.room(4 * line)
	f.Ln(max(0.8, 2.5-float64(depth)/2))
	f.SetFont("dejavu", "B", max(textSize, 12.5-float64(depth)))
	left := margin + indent*float64(min(depth, deepest))
	f.Bookmark(printable(text), min(depth, deepest), -1)
	for _, words := range p.split(text, pageWidth-margin-left) {
		p.room(line)
		f.SetX(left)
		f.CellFormat(0, line+0.8, words, "", 1, "L", false, 0, "")
	}
}

// row writes a label and its value side by side, over as many lines and pages as
// they take. A value that is empty is no row.
func (p *page) row(label, text string, depth int) {
	if text == "" {
		return
	}
	f := p.f
	left := margin + indent*float64(min(depth, deepest))
	f.SetFont("dejavu", "", textSize)
	labels := p.split(label, labelWidth-2)
	texts := p.split(text, pageWidth-margin-left-labelWidth)
	for n := range max(len(labels), len(texts)) {
		p.room(line)
		f.SetFont("dejavu", "", textSize)
		if n < len(labels) {
			f.SetTextColor(66, 85, 99)
			f.SetX(left)
			f.CellFormat(labelWidth, line, labels[n], "", 0, "L", false, 0, "")
			f.SetTextColor(0, 0, 0)
		}
		f.SetX(left + labelWidth)
		if n < len(texts) {
			f.CellFormat(0, line, texts[n], "", 0, "L", false, 0, "")
		}
		f.Ln(line)
	}
	f.SetDrawColor(216, 221, 224)
	f.Line(left, f.GetY(), pageWidth-margin, f.GetY())
}

// split breaks a text into lines of a width: at blanks, and within what has none.
func (p *page) split(text string, width float64) []string {
	var out []string
	for paragraph := range strings.SplitSeq(printable(text), "\n") {
		begin, blank, wide := 0, -1, 0.0
		for at, r := range paragraph {
			w := p.f.GetStringWidth(string(r))
			if wide+w > width && at > begin {
				end := at
				if blank > begin {
					end = blank
				}
				out = append(out, strings.TrimRight(paragraph[begin:end], " "))
				if begin = end; blank >= 0 && end == blank {
					begin++
				}
				wide, blank = 0, -1
				if begin < at {
					wide = p.f.GetStringWidth(paragraph[begin:at])
				}
			}
			if r == ' ' {
				blank = at
			}
			wide += w
		}
		out = append(out, paragraph[min(begin, len(paragraph)):])
	}
	return out
}

// fit shortens a text to one line of a width.
func (p *page) fit(text string, width float64) string {
	lines := p.split(strings.ReplaceAll(text, "\n", " "), width)
	if len(lines) == 1 {
		return lines[0]
	}
	return p.split(text, width-4)[0] + "…"
}

func metadata(title string, s Source) []byte {
	escape := func(text string) string {
		var b strings.Builder
		_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
		return b.String()
	}
	return fmt.Appendf(nil, `<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">`+
		`<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/">`+
		`<dc:title><rdf:Alt><rdf:li xml:lang="x-default">%s</rdf:li></rdf:Alt></dc:title><dc:identifier>%s</dc:identifier><dc:format>application/pdf</dc:format>`+
		`<xmp:CreateDate>%s</xmp:CreateDate><xmp:CreatorTool>Quire</xmp:CreatorTool></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>`,
		escape(title), escape(s.VersionUID), s.Printed.UTC().Format(time.RFC3339))
}
