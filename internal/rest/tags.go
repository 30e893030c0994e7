package rest

import (
	"strings"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// tagHeaders says what each header of item tags is about (ITS-REST overview,
// openehr-item-tag and openehr-version-item-tag).
var tagHeaders = []struct {
	name   string
	member func(*cdr.CommitInfo) **[]cdr.Tag
}{
	{"openehr-item-tag", func(i *cdr.CommitInfo) **[]cdr.Tag { return &i.ObjectTags }},
	{"openehr-version-item-tag", func(i *cdr.CommitInfo) **[]cdr.Tag { return &i.VersionTags }},
}

// itemTags reads the headers into info and judges them, so that a bad one is
// refused before anything is committed. An empty header clears.
func (call *Call) itemTags(info *cdr.CommitInfo) error {
	for _, header := range tagHeaders {
		lines := call.headers(header.name)
		if len(lines) == 0 {
			continue
		}
		tags, err := parseTags(strings.Join(lines, ";"))
		if err != nil {
			return err
		}
		if tags, err = cdr.CheckTags(tags); err != nil {
			return err
		}
		*header.member(info) = &tags
	}
	return nil
}

// parseTags reads tags separated by semicolons, each of key, value and
// target_path separated by commas; a quoted run is opaque.
func parseTags(header string) ([]cdr.Tag, error) {
	tags := []cdr.Tag{}
	for _, entry := range splitUnquoted(header, ';') {
		if strings.TrimSpace(entry) == "" {
			continue
		}
		pairs, err := attributePairs(entry)
		if err != nil {
			return nil, fault.New(fault.Invalid, "tag-header", `an item tag header must read key="...",value="...",target_path="..."; ...`)
		}
		var tag cdr.Tag
		named := false
		for _, pair := range pairs {
			switch pair[0] {
			case "key":
				tag.Key, named = pair[1], true
			case "value":
				tag.Value = &pair[1]
			case "target_path":
				tag.Path = pair[1]
			default:
				return nil, fault.New(fault.Invalid, "tag-header", "an item tag has key, value and target_path, and nothing else")
			}
		}
		if !named {
			return nil, fault.New(fault.Invalid, "tag-header", "an item tag has a key")
		}
		tags = append(tags, tag)
	}
	return tags, nil
}

// splitUnquoted splits at a separator outside double quotes.
func splitUnquoted(text string, separator byte) []string {
	var parts []string
	from, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch {
		case quoted && text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		case text[i] == separator && !quoted:
			parts = append(parts, text[from:i])
			from = i + 1
		}
	}
	return append(parts, text[from:])
}
