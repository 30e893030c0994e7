package populate

import (
	"strings"

	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/sdc"
)

// The extension that says of an answer where it was copied from, with its parts.
const (
	ExtSource = "https://quire-cdr.org/fhir/StructureDefinition/populate-source"
	// sourceVersion, sourcePath and sourceTime are its parts: the version uid, the
	// AQL path within it, and when it was true.
	sourceVersion = "version"
	sourcePath    = "path"
	sourceTime    = "time"
)

// Filled is a form filled from a record.
type Filled struct {
	// Items are those below the root of the response.
	Items []fhir.ResponseItem
	// Copies are the entries that fill it, each with the repeat of its group.
	Copies []Copy
	Notes  []Note
	// Answers counts the answers that were copied.
	Answers int
}

// Copy is one entry as it fills one repeat of a group.
type Copy struct {
	Chosen
	// Repeat counts from 1 among the repeats of the item.
	Repeat int
	// Group is the response item as it is issued.
	Group *fhir.ResponseItem
}

// Fill writes the chosen entries as answers, each with its source.
func Fill(f *sdc.Form, chosen []Chosen, mode sdc.Mode) (*Filled, error) {
	out := &Filled{}
	if len(chosen) == 0 {
		return out, nil
	}
	tree, kept, notes, err := graft(f, chosen)
	if err != nil {
		return nil, err
	}
	out.Notes = notes
	response := f.IssueAs(tree, sdc.Issuance{Mode: mode})
	out.Items = clinical(f, response.Item[0].Item)
	waiting := map[string][]Chosen{}
	for _, c := range kept {
		waiting[c.Item.LinkID] = append(waiting[c.Item.LinkID], c)
	}
	repeats := map[string]int{}
	var walk func(items []fhir.ResponseItem)
	walk = func(items []fhir.ResponseItem) {
		for n := range items {
			i := &items[n]
			if list := waiting[i.LinkID]; len(list) > 0 {
				waiting[i.LinkID] = list[1:]
				repeats[i.LinkID]++
				out.Answers += cite(f, list[0], i)
				out.Copies = append(out.Copies, Copy{list[0], repeats[i.LinkID], i})
				continue
			}
			walk(i.Item)
		}
	}
	walk(out.Items)
	return out, nil
}

// clinical leaves out what the composition around the entries would answer: it
// is not that of any source.
func clinical(f *sdc.Form, items []fhir.ResponseItem) []fhir.ResponseItem {
	var out []fhir.ResponseItem
	for _, i := range items {
		if item := f.Item(i.LinkID); item != nil && item.Kind == sdc.Group {
			out = append(out, i)
		}
	}
	return out
}

// cite puts its source beside every answer of a group, and counts them.
func cite(f *sdc.Form, c Chosen, group *fhir.ResponseItem) int {
	n := 0
	base, from := f.Path(c.Item), c.Path()
	for k := range group.Item {
		i := &group.Item[k]
		item := f.Item(i.LinkID)
		if item == nil || item.Kind == sdc.Carrier {
			continue
		}
		path := from + strings.TrimPrefix(f.Path(item), base)
		for a := range i.Answer {
			i.Answer[a].Extension = []fhir.Extension{{URL: ExtSource, Extension: []fhir.Extension{
				{URL: sourceVersion, ValueString: c.Source.Version}, {URL: sourcePath, ValueString: path}, {URL: sourceTime, ValueDateTime: c.Time()},
			}}}
			n++
		}
		n += cite(f, c, i)
	}
	return n
}
