package form

import (
	"context"
	"encoding/hex"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/sdc"
)

// Edition is a form for reading only: of an id, that of a template's older
// content included, and of a version of the same template, "" for the id's own.
func (f *Forms) Edition(ctx context.Context, caller cdr.Caller, id, version string) (*Form, error) {
	unknown := fault.New(fault.NotFound, "questionnaire-unknown", "no such version of the Questionnaire")
	form, err := f.Form(ctx, caller, id)
	if err == nil {
		if version == "" || version == form.Version {
			return form, nil
		}
		return f.older(ctx, caller, form.Template.ID, unknown, func(v string) bool { return v == version })
	}
	if !fault.Is(err, fault.NotFound) || len(id) <= hashDigits {
		return nil, err
	}
	list, failed := f.Service.Templates(ctx, caller)
	if failed != nil {
		return nil, failed
	}
	for _, t := range list {
		named := sdc.QuestionnaireID(t.ID, "")
		if named[:len(named)-hashDigits] != id[:len(id)-hashDigits] {
			continue
		}
		older, failed := f.older(ctx, caller, t.ID, unknown, func(v string) bool {
			return sdc.QuestionnaireID(t.ID, v) == id && (version == "" || v == version)
		})
		if failed == nil || !fault.Is(failed, fault.NotFound) {
			return older, failed
		}
	}
	return nil, err
}

// older finds a version of a template by that of its form.
func (f *Forms) older(ctx context.Context, caller cdr.Caller, templateID string, unknown error, is func(version string) bool) (*Form, error) {
	list, err := f.Service.TemplateVersions(ctx, caller, templateID)
	if err != nil {
		return nil, err
	}
	for _, t := range list {
		version := hex.EncodeToString(t.SHA256)
		if len(version) < versionDigits || !is(version[:versionDigits]) {
			continue
		}
		key := templateID + "|" + version
		if form, ok := f.forms.GetIfPresent(key); ok {
			return form, nil
		}
		found, err := f.Service.TemplateVersion(ctx, caller, templateID, version)
		if err != nil {
			return nil, err
		}
		form := f.make(found)
		f.forms.Set(key, form)
		return form, nil
	}
	return nil, unknown
}

// Editions lists the forms of all the contents a template has had, the one in
// use first.
func (f *Forms) Editions(ctx context.Context, caller cdr.Caller, id string) ([]*Form, error) {
	form, err := f.Edition(ctx, caller, id, "")
	if err != nil {
		return nil, err
	}
	list, err := f.Service.TemplateVersions(ctx, caller, form.Template.ID)
	if err != nil {
		return nil, err
	}
	var out []*Form
	for _, t := range list {
		version := hex.EncodeToString(t.SHA256)
		if len(version) < versionDigits {
			continue
		}
		one, err := f.Edition(ctx, caller, id, version[:versionDigits])
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// Derived says whether something made of a template has this id, whoever may see
// it: kind is Questionnaire or ValueSet.
func (f *Forms) Derived(ctx context.Context, kind, id string) (bool, error) {
	everybody := cdr.Caller{All: true}
	var err error
	switch kind {
	case "Questionnaire":
		_, err = f.Edition(ctx, everybody, id, "")
	case "ValueSet":
		_, err = f.ValueSet(ctx, everybody, id, nil, View{})
	default:
		return false, nil
	}
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}
