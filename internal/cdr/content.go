package cdr

import (
	"context"
	"crypto/sha256"
	"slices"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// tree reads the content as an object of a class. What a draft lacks is no
// fault of its form.
func (s *Service) tree(c Content, class rminfo.Class, lifecycle string) (*rm.Tree, error) {
	if c.Tree != nil {
		if c.Tree.Class(c.Tree.Root()) != class {
			return nil, fault.New(fault.Invalid, "class-not-allowed", "the content is a %s and no %s", c.Tree.Class(c.Tree.Root()), class)
		}
		return c.Tree, nil
	}
	// The peer leaves what a composition lacks to its validator, and refuses an
	// EHR_STATUS that lacks it unread.
	mandatory := lifecycle != Incomplete && !(s.manners.PeerRules && class == rminfo.COMPOSITION)
	return canon.ReadJSON(c.JSON, class, canon.ReadOptions{Mandatory: mandatory, Lenient: s.manners.LenientParty})
}

// check validates an object that has no template; the error holds every issue.
func (s *Service) check(t *rm.Tree, tpl *Template, lifecycle string) error {
	_, err := s.judged(context.Background(), t, tpl, lifecycle)
	return err
}

// templateOf finds the template a composition names, with the right to write it:
// the version in use, or the one the client names.
func (s *Service) templateOf(ctx context.Context, p *access.Profile, t *rm.Tree, version string) (*Template, error) {
	id := t.TextAt(t.Root(), rminfo.A_archetype_details, rminfo.A_template_id, rminfo.A_value)
	if id == "" {
		return nil, fault.New(fault.Unprocessable, "template-missing", "the composition names no template in archetype_details/template_id")
	}
	find := s.compiled
	if version != "" {
		find = func(ctx context.Context, id string) (*Template, error) { return s.edition(ctx, id, version) }
	}
	tpl, err := find(ctx, id)
	if f := fault.Of(err); fault.Is(err, fault.NotFound) && f.Code == "template-version-unknown" {
		return nil, fault.New(fault.Unprocessable, f.Code, "%s", f.Message)
	}
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.Unprocessable, "template-unknown", "the template %q is not known", id)
	}
	if err != nil {
		return nil, err
	}
	if !p.All && !slices.Contains(p.WriteTemplates, tpl.Family) {
		return nil, fault.New(fault.Forbidden, "template-forbidden", "writing compositions of this template is not allowed")
	}
	return tpl, nil
}

// labels adds the labels set at this commit to those of the template, and those
// that codes of the content give.
func (s *Service) labels(ctx context.Context, p *access.Profile, t *rm.Tree, tpl *Template, set []string) ([]string, uint64, error) {
	ruled, err := s.ruled(ctx, t)
	if err != nil {
		return nil, 0, err
	}
	var names []string
	var bits uint64
	var known map[string]uint64
	if tpl != nil && tpl.Sens != 0 {
		names, bits = append(names, tpl.Label), tpl.Sens
	}
	if len(set)+len(ruled) > 0 {
		if known, err = s.store.Labels(ctx); err != nil {
			return nil, 0, err
		}
		for _, name := range set {
			bit, ok := known[name]
			if !ok {
				return nil, 0, fault.New(fault.Invalid, "label-unknown", "no such sensitivity label")
			}
			if bit != 0 && bits&bit == 0 {
				names, bits = append(names, name), bits|bit
			}
		}
	}
	if !p.All && bits&^p.WriteLabels != 0 {
		return nil, 0, fault.New(fault.Forbidden, "label-forbidden", "writing with this sensitivity label is not allowed")
	}
	for _, name := range ruled {
		if bit := known[name]; bit != 0 && bits&bit == 0 {
			names, bits = append(names, name), bits|bit
		}
	}
	return names, bits, nil
}

// bodyObject is the object a body's uid names, "" without one. A uid that is
// no UUID is not of this system, which gives the object one of its own.
func bodyObject(t *rm.Tree) string {
	text := t.TextAt(t.Root(), rminfo.A_uid, rminfo.A_value)
	if v, ok := ParseVersionUID(text); ok {
		return v.Object
	}
	id, _ := objectUID(text)
	return id
}

// seal gives the tree the uid of its version and writes the stored bytes.
func seal(t *rm.Tree, uid VersionUID) (*rm.Tree, []byte, error) {
	sealed, err := canon.SetUID(t, uid.String())
	if err != nil {
		return nil, nil, fault.New(fault.Internal, "uid", "the version uid cannot be set").Because(err)
	}
	return sealed, canon.WriteJSON(make([]byte, 0, sealed.Bytes()), sealed, sealed.Root()), nil
}

// fingerprint recognises a repeated request by its content.
func fingerprint(t *rm.Tree, ehr string) []byte {
	h := sha256.New()
	h.Write([]byte(ehr))
	h.Write(canon.WriteJSON(nil, t, t.Root()))
	return h.Sum(nil)
}
