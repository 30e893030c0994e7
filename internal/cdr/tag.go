package cdr

import (
	"context"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
)

// Tag is an ITEM_TAG (RM 1.1.0, EHR, Tags): its identity on its target is key and
// path. Tagging makes no version and no contribution.
type Tag struct {
	Key string
	// Path is the target_path, "" without one.
	Path string
	// Value is nil without one, and never empty.
	Value *string
	// Target is the tagged object, of number 0, or version, and Kind what it is;
	// the store fills them.
	Target VersionUID
	Kind   Kind
}

// TagQuery asks for tags of one EHR; nil members ask for all.
type TagQuery struct {
	EHR string
	// Target is the object or version; an empty Object is any.
	Target           VersionUID
	Key, Value, Path *string
}

// TagStore keeps tags.
type TagStore interface {
	// Tags lists tags by target, key and path.
	Tags(ctx context.Context, p *access.Profile, q TagQuery) ([]Tag, error)
	// PutTags replaces the tags of a target that the caller has seen.
	PutTags(ctx context.Context, p *access.Profile, ehr string, target VersionUID, tags []Tag, audit Event) error
	// DeleteTags removes the tags of a key; none is NotFound.
	DeleteTags(ctx context.Context, p *access.Profile, ehr string, target VersionUID, key string, audit Event) error
}

const (
	maxTags      = 500
	longestTag   = 1000
	longestValue = 4000
)

// CheckTags judges the tags for one target and drops all but the last of each
// identity.
func CheckTags(tags []Tag) ([]Tag, error) {
	if len(tags) > maxTags {
		return nil, fault.New(fault.Invalid, "tags-many", "there are %d tags; the limit is %d", len(tags), maxTags)
	}
	at := map[[2]string]int{}
	out := []Tag{}
	for _, t := range tags {
		switch {
		case t.Key == "" || t.Key != strings.TrimSpace(t.Key):
			return nil, fault.New(fault.Unprocessable, "tag-key", "the key of a tag is not empty and has no blanks around it")
		case t.Value != nil && *t.Value == "":
			return nil, fault.New(fault.Unprocessable, "tag-value", "the value of a tag is not empty; a tag may have none")
		case t.Path != "" && t.Path[0] != '/':
			return nil, fault.New(fault.Unprocessable, "tag-path", "the target_path of a tag begins at the root")
		case utf8.RuneCountInString(t.Key) > longestTag || utf8.RuneCountInString(t.Path) > longestTag || t.Value != nil && utf8.RuneCountInString(*t.Value) > longestValue:
			return nil, fault.New(fault.Unprocessable, "tag-long", "a key and a path have at most %d characters, a value %d", longestTag, longestValue)
		case strings.ContainsRune(t.Key+t.Path, 0) || t.Value != nil && strings.ContainsRune(*t.Value, 0):
			return nil, fault.New(fault.Invalid, "tag-form", "a tag holds no U+0000")
		}
		identity := [2]string{t.Key, t.Path}
		if i, ok := at[identity]; ok {
			out[i] = t
			continue
		}
		at[identity] = len(out)
		out = append(out, t)
	}
	return out, nil
}

// Tags lists the tags in an EHR that the caller may see, as canonical JSON.
func (s *Service) Tags(ctx context.Context, caller Caller, q TagQuery) ([]byte, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return nil, err
	}
	if q.EHR, err = s.ehrID(q.EHR); err != nil {
		return nil, err
	}
	if _, err := s.store.EHR(ctx, p, q.EHR); err != nil {
		return nil, s.missed(ctx, caller, p, Event{Action: "R", EHR: q.EHR}, err)
	}
	list, err := s.store.Tags(ctx, p, q)
	if err != nil {
		return nil, err
	}
	return s.tagsJSON(q.EHR, list), s.read(ctx, caller, p, q.EHR, "tags", 0)
}

// ItemTags lists the tags of an object or of one version.
func (s *Service) ItemTags(ctx context.Context, caller Caller, ehr string, kind Kind, ref VersionRef) ([]byte, error) {
	v, target, err := s.target(ctx, caller, ehr, kind, ref)
	if err != nil {
		return nil, err
	}
	p, err := s.profile(ctx, caller)
	if err != nil {
		return nil, err
	}
	list, err := s.store.Tags(ctx, p, TagQuery{EHR: v.EHR, Target: target})
	return s.tagsJSON(v.EHR, list), err
}

// PutItemTags replaces the tags of an object or of one version, and gives them.
func (s *Service) PutItemTags(ctx context.Context, caller Caller, ehr string, kind Kind, ref VersionRef, tags []Tag) ([]byte, error) {
	tags, err := CheckTags(tags)
	if err != nil {
		return nil, err
	}
	v, target, err := s.target(ctx, caller, ehr, kind, ref)
	if err != nil {
		return nil, err
	}
	p, event, err := s.tagging(ctx, caller, v, "U")
	if err != nil {
		return nil, err
	}
	if err := s.store.PutTags(ctx, p, v.EHR, target, tags, event); err != nil {
		return nil, s.missed(ctx, caller, p, event, err)
	}
	list, err := s.store.Tags(ctx, p, TagQuery{EHR: v.EHR, Target: target})
	return s.tagsJSON(v.EHR, list), err
}

// DeleteItemTags removes all tags of a key from an object or a version.
func (s *Service) DeleteItemTags(ctx context.Context, caller Caller, ehr string, kind Kind, ref VersionRef, key string) error {
	v, target, err := s.target(ctx, caller, ehr, kind, ref)
	if err != nil {
		return err
	}
	p, event, err := s.tagging(ctx, caller, v, "D")
	if err != nil {
		return err
	}
	return s.missed(ctx, caller, p, event, s.store.DeleteTags(ctx, p, v.EHR, target, key, event))
}

func (s *Service) tagging(ctx context.Context, caller Caller, v Version, action string) (*access.Profile, Event, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return nil, Event{}, err
	}
	event := Event{Action: action, EHR: v.EHR, Object: v.UID, Template: v.Family, Basis: "tags"}
	if v.Kind == KindParty && !p.MayWriteParties() {
		return nil, Event{}, s.deny(ctx, caller, p, event)
	}
	return p, s.event(caller, p, event), nil
}

// target finds what a reference names: the object, or the version it pins.
func (s *Service) target(ctx context.Context, caller Caller, ehr string, kind Kind, ref VersionRef) (Version, VersionUID, error) {
	v, err := s.show(ctx, caller, ehr, kind, ref)
	if err != nil {
		return Version{}, VersionUID{}, err
	}
	target := VersionUID{Object: v.Object}
	if ref.VersionUID != "" {
		target.Number = v.Number
	}
	return v, target, nil
}

// tagJSON is an ITEM_TAG as it is served: the target is a UID_BASED_ID and no
// reference.
type tagJSON struct {
	Type   string      `json:"_type"`
	Key    string      `json:"key"`
	Value  *string     `json:"value,omitempty"`
	Target idJSON      `json:"target"`
	Path   string      `json:"target_path,omitempty"`
	Owner  ownerIDJSON `json:"owner_id"`
}

type idJSON struct {
	Type  string `json:"_type"`
	Value string `json:"value"`
}

type ownerIDJSON struct {
	Type      string `json:"_type"`
	ID        idJSON `json:"id"`
	Namespace string `json:"namespace"`
	Class     string `json:"type"`
}

func (s *Service) tagsJSON(ehr string, list []Tag) []byte {
	owner := ownerIDJSON{"OBJECT_REF", idJSON{"HIER_OBJECT_ID", ehr}, "local", "EHR"}
	if ehr == access.Demographics {
		owner.ID.Value, owner.Class = s.systemID, "SYSTEM"
	}
	out := make([]tagJSON, 0, len(list))
	for _, t := range list {
		target := idJSON{"HIER_OBJECT_ID", t.Target.Object}
		if t.Target.Number > 0 {
			target = idJSON{"OBJECT_VERSION_ID", t.Target.String()}
		}
		out = append(out, tagJSON{"ITEM_TAG", t.Key, t.Value, target, t.Path, owner})
	}
	// Texts and structs of texts always marshal.
	text, _ := json.Marshal(out)
	return text
}
