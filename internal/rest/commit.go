package rest

import (
	"strings"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// committal are the headers of commit metadata in all their spellings: 1.1, the
// prose's slip, and 1.0.x (ITS-REST overview, openehr-version and
// openehr-audit-details; Deprecated headers). Two differ by an underscore and
// are different names to HTTP.
var committal = []string{"openehr-version", "openehr-audit-details", "openehr-audit_details"}

// attributes says where a path of the headers goes.
var attributes = map[string]func(*cdr.CommitInfo) *string{
	"lifecycle_state.code_string":               func(i *cdr.CommitInfo) *string { return &i.Lifecycle },
	"lifecycle_state.defining_code.code_string": func(i *cdr.CommitInfo) *string { return &i.Lifecycle },
	"lifecycle_state":                           func(i *cdr.CommitInfo) *string { return &i.Lifecycle },
	"change_type.code_string":                   func(i *cdr.CommitInfo) *string { return &i.ChangeType },
	"change_type.defining_code.code_string":     func(i *cdr.CommitInfo) *string { return &i.ChangeType },
	"change_type":                               func(i *cdr.CommitInfo) *string { return &i.ChangeType },
	"description.value":                         func(i *cdr.CommitInfo) *string { return &i.Description },
	"description":                               func(i *cdr.CommitInfo) *string { return &i.Description },
	"committer.name":                            func(i *cdr.CommitInfo) *string { return &i.CommitterName },
	"committer.external_ref.id":                 func(i *cdr.CommitInfo) *string { return &i.CommitterID },
	"committer.external_ref.id.value":           func(i *cdr.CommitInfo) *string { return &i.CommitterID },
	"committer.external_ref.namespace":          func(i *cdr.CommitInfo) *string { return &i.CommitterNamespace },
	"committer.external_ref.type":               func(i *cdr.CommitInfo) *string { return &i.CommitterType },
}

// ignored are paths a client may send and the server decides.
var ignored = map[string]bool{
	"time_committed": true, "time_committed.value": true, "system_id": true,
	"lifecycle_state.value": true, "change_type.value": true,
	"lifecycle_state.terminology_id": true, "change_type.terminology_id": true,
	"committer._type": true, "committer.external_ref._type": true,
}

// sensitivityHeader lists sensitivity labels to set besides those of the template
// and of codes; ours, the specification has none.
const sensitivityHeader = "Quire-Sensitivity"

func labelsOf(header string) (labels []string) {
	for _, label := range strings.Split(header, ",") {
		if label = strings.TrimSpace(label); label != "" {
			labels = append(labels, label)
		}
	}
	return labels
}

// CommitInfo reads the commit metadata headers of a change-controlled write.
func (call *Call) CommitInfo() (cdr.CommitInfo, error) {
	info := cdr.CommitInfo{IdempotencyKey: call.Header("Idempotency-Key"), TemplateVersion: call.Header("openehr-template-version"), Labels: labelsOf(call.Header(sensitivityHeader))}
	var failed error
	call.ctx.Request().Header.VisitAll(func(key, value []byte) {
		if failed != nil {
			return
		}
		name := strings.ToLower(string(key))
		for _, known := range committal {
			// In 1.0.x an attribute could stand in the name of the header.
			prefix, matches := strings.CutPrefix(name, known)
			if !matches || prefix != "" && prefix[0] != '.' {
				continue
			}
			failed = merge(&info, strings.TrimPrefix(prefix, "."), string(value))
			return
		}
	})
	if failed != nil {
		return info, failed
	}
	return info, call.itemTags(&info)
}

// merge puts one header into info.
func merge(info *cdr.CommitInfo, prefix, value string) error {
	if prefix != "" && !strings.Contains(value, "=") {
		return place(info, prefix, strings.Trim(strings.TrimSpace(value), `"`))
	}
	pairs, err := attributePairs(value)
	if err != nil {
		return err
	}
	for _, pair := range pairs {
		path := pair[0]
		if prefix != "" {
			path = prefix + "." + path
		}
		if err := place(info, path, pair[1]); err != nil {
			return err
		}
	}
	return nil
}

func place(info *cdr.CommitInfo, path, value string) error {
	if ignored[path] {
		return nil
	}
	member, known := attributes[path]
	if !known {
		return fault.New(fault.Invalid, "commit-header", "the commit metadata headers have no such attribute")
	}
	*member(info) = value
	return nil
}

// attributePairs reads attribute.path="value" pairs, separated by commas; a
// quoted run is opaque and escapes by backslash.
func attributePairs(header string) ([][2]string, error) {
	malformed := fault.New(fault.Invalid, "commit-header", `a commit metadata header must read attribute.path="value", ...`)
	var out [][2]string
	rest := strings.TrimSpace(header)
	for rest != "" {
		path, tail, found := strings.Cut(rest, "=")
		path, tail = strings.TrimSpace(path), strings.TrimSpace(tail)
		if !found || path == "" || strings.ContainsAny(path, `",; `) {
			return nil, malformed
		}
		var value string
		if strings.HasPrefix(tail, `"`) {
			var b strings.Builder
			i, closed := 1, false
			for ; i < len(tail) && !closed; i++ {
				switch {
				case tail[i] == '"':
					closed = true
				case tail[i] == '\\' && i+1 < len(tail):
					i++
					b.WriteByte(tail[i])
				default:
					b.WriteByte(tail[i])
				}
			}
			if !closed {
				return nil, malformed
			}
			value, tail = b.String(), strings.TrimSpace(tail[i:])
		} else {
			end := strings.IndexByte(tail, ',')
			if end < 0 {
				end = len(tail)
			}
			value, tail = strings.TrimSpace(tail[:end]), tail[end:]
		}
		if tail != "" && tail[0] != ',' {
			return nil, malformed
		}
		out = append(out, [2]string{path, value})
		rest = strings.TrimSpace(strings.TrimPrefix(tail, ","))
	}
	return out, nil
}
