package cdr

import (
	"context"

	"github.com/quire-cdr/quire/internal/access"
)

// document shows a stored version.
func document(v Version) Document {
	d := Document{
		VersionUID: v.UID, ObjectID: v.Object, EHR: v.EHR, Kind: v.Kind, Committed: v.Committed, Lifecycle: v.Lifecycle, ChangeType: v.ChangeType,
		Deleted: v.Lifecycle == Deleted, Template: v.Template, TemplateRow: v.TemplateRow, Contribution: v.Contribution, Amended: len(v.Attestations) > 0,
	}
	if !d.Deleted {
		d.JSON = v.Doc
	}
	return d
}

// show reads one version and audits it.
func (s *Service) show(ctx context.Context, caller Caller, ehr string, kind Kind, ref VersionRef) (Version, error) {
	if kind == KindParty {
		return s.showParty(ctx, caller, ref)
	}
	p, err := s.profile(ctx, caller)
	if err != nil {
		return Version{}, err
	}
	if kind == KindComposition {
		if err := s.inScopeOfSome(ctx, caller, p, access.Compositions, 'r'); err != nil {
			return Version{}, err
		}
	}
	if ehr, err = s.ehrID(ehr); err != nil {
		return Version{}, err
	}
	object := ref.VersionUID
	if object == "" {
		object = ref.Object
	}
	v, err := s.store.Version(ctx, p, ehr, kind, ref)
	if err != nil {
		return Version{}, s.missed(ctx, caller, p, Event{Action: "R", EHR: ehr, Object: object}, err)
	}
	return v, s.read(ctx, caller, p, ehr, v.UID, v.Family)
}

// history reads all versions of an object and audits it.
func (s *Service) history(ctx context.Context, caller Caller, ehr string, kind Kind, object string) (*access.Profile, []Version, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return nil, nil, err
	}
	if kind == KindComposition {
		if err := s.inScopeOfSome(ctx, caller, p, access.Compositions, 'r'); err != nil {
			return nil, nil, err
		}
	}
	if ehr, err = s.ehrID(ehr); err != nil {
		return nil, nil, err
	}
	if kind != KindStatus {
		id, ok := objectUID(object)
		if !ok {
			return nil, nil, s.malformed("versioned_object_uid", "a UUID")
		}
		object = id
	}
	list, err := s.store.History(ctx, p, ehr, kind, object)
	if err != nil {
		return nil, nil, s.missed(ctx, caller, p, Event{Action: "R", EHR: ehr, Object: object}, err)
	}
	return p, list, s.read(ctx, caller, p, ehr, list[0].Object, list[0].Family)
}

// versioned is the VERSIONED_OBJECT of a history (RM 1.1.0, Common, 6.3.1).
func versioned(list []Version) Versioned {
	return versionedOf(list, `{"_type":"OBJECT_REF","id":{"_type":"HIER_OBJECT_ID","value":"`+list[0].EHR+`"},"namespace":"local","type":"EHR"}`)
}

// versionedOf is versioned for any owner.
func versionedOf(list []Version, owner string) Versioned {
	first, last := list[0], list[len(list)-1]
	b := append([]byte(`{"_type":"VERSIONED_`), first.Kind.Class()...)
	b = append(append(b, `","uid":{"_type":"HIER_OBJECT_ID","value":"`...), first.Object...)
	b = append(append(b, `"},"owner_id":`...), owner...)
	b = append(append(b, `,"time_created":`...), dateTime(first.Committed)...)
	return Versioned{ObjectID: first.Object, Created: first.Committed, JSON: append(b, '}'), Latest: document(last)}
}

// originalVersion is ORIGINAL_VERSION with the content inside; a deleted one has
// none (RM 1.1.0, Common, 6.3.3). What was made elsewhere is IMPORTED_VERSION.
func originalVersion(v Version) []byte {
	if len(v.Imported) > 0 {
		return importedVersion(v)
	}
	b := make([]byte, 0, len(v.Doc)+len(v.AuditDetails)+1024)
	b = append(append(b, `{"_type":"ORIGINAL_VERSION","contribution":`...), objectRef("HIER_OBJECT_ID", v.Contribution, "CONTRIBUTION")...)
	if v.Signature != "" {
		b = append(append(b, `,"signature":`...), quoted(v.Signature)...)
	}
	b = append(append(b, `,"commit_audit":`...), timed(v.AuditDetails, v.Committed)...)
	b = append(append(b, `,"uid":`...), versionID(v.UID)...)
	if v.Preceding != "" {
		b = append(append(b, `,"preceding_version_uid":`...), versionID(v.Preceding)...)
	}
	for i, other := range v.OtherInputs {
		if i == 0 {
			b = append(b, `,"other_input_version_uids":[`...)
		} else {
			b = append(b, ',')
		}
		b = append(b, versionID(other)...)
		if i == len(v.OtherInputs)-1 {
			b = append(b, ']')
		}
	}
	b = append(append(b, `,"lifecycle_state":`...), codedText(v.Lifecycle, lifecycleRubric[v.Lifecycle])...)
	if len(v.Attestations) > 0 {
		b = append(append(b, `,"attestations":`...), v.Attestations...)
	}
	if v.Lifecycle != Deleted && len(v.Doc) > 0 {
		b = append(append(b, `,"data":`...), v.Doc...)
	}
	return append(b, '}')
}

// revisionHistory lists the audits of each version, oldest first: its functions
// take the last item as the newest (RM 1.1.0, Common, REVISION_HISTORY).
func revisionHistory(list []Version) []byte {
	b := []byte(`{"_type":"REVISION_HISTORY","items":[`)
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, `{"_type":"REVISION_HISTORY_ITEM","version_id":`...), versionID(v.UID)...)
		b = append(append(b, `,"audits":[`...), timed(v.AuditDetails, v.Committed)...)
		if len(v.Imported) > 0 {
			b = appendAudits(b, v.Imported)
		}
		if n := len(v.Attestations); n > 2 {
			b = append(append(b, ','), v.Attestations[1:n-1]...)
		}
		b = append(b, "]}"...)
	}
	return append(b, "]}"...)
}

func versionID(uid string) []byte {
	return append(append([]byte(`{"_type":"OBJECT_VERSION_ID","value":`), quoted(uid)...), '}')
}

func objectRef(class, id, to string) []byte {
	b := append([]byte(`{"_type":"OBJECT_REF","id":{"_type":"`+class+`","value":`), quoted(id)...)
	return append(b, `},"namespace":"local","type":"`+to+`"}`...)
}
