package library

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/gofrs/uuid/v5"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// The kinds of resources that are kept.
const (
	Questionnaire = "Questionnaire"
	ValueSet      = "ValueSet"
	CodeSystem    = "CodeSystem"
)

// Head is a version of a resource without its content.
type Head struct {
	Kind, ID  string
	Number    int
	Deleted   bool
	Committed time.Time
	// About is what a search asks for.
	About About
}

// Resource is a version with its content: the text as it was sent, its id and
// the parts of meta that are the server's aside.
type Resource struct {
	Head
	Content []byte
}

// Store keeps resources.
type Store interface {
	// Heads lists the newest versions of the resources of a kind that are not
	// deleted, by id.
	Heads(ctx context.Context, kind string) ([]Head, error)
	// Versions lists those of one resource, the newest first.
	Versions(ctx context.Context, kind, id string) ([]Head, error)
	// Resource reads one version, 0 for the newest; NotFound where there is none.
	Resource(ctx context.Context, kind, id string, number int) (Resource, error)
	// Addressed reads the newest version of the resource of a canonical address
	// that is not deleted; of several versions the greatest, "" asks for any.
	Addressed(ctx context.Context, kind, url, version string) (Resource, error)
	// Keep stores the next version of a resource, after the one of that number. It
	// is Precondition where another came first, Conflict where the canonical
	// address with its version is another resource's.
	Keep(ctx context.Context, r Resource, by string, audit cdr.Event) (time.Time, error)
}

// Library is the use cases. It is safe for concurrent use.
type Library struct {
	Act   cdr.Act
	Store Store
	// Taken says whether an id is that of something made of a template.
	Taken func(ctx context.Context, kind, id string) (bool, error)
}

// area is the administrative area of those who may write.
const area = "templates"

func unknown(kind string) *fault.Error {
	return fault.New(fault.NotFound, strings.ToLower(kind)+"-unknown", "no such %s", kind)
}

// DeletedCode marks the fault of what was there and is not.
const DeletedCode = "deleted"

// Read gives a version of a resource, 0 for the newest.
func (l *Library) Read(ctx context.Context, caller cdr.Caller, kind, id string, number int) (Resource, error) {
	if _, err := l.Act.Profile(ctx, caller); err != nil {
		return Resource{}, err
	}
	r, err := l.Store.Resource(ctx, kind, id, number)
	switch {
	case fault.Is(err, fault.NotFound):
		return r, unknown(kind)
	case err == nil && r.Deleted:
		return r, fault.New(fault.NotFound, DeletedCode, "the %s was deleted", kind)
	}
	return r, err
}

// History lists the versions of a resource, the newest first.
func (l *Library) History(ctx context.Context, caller cdr.Caller, kind, id string) ([]Head, error) {
	if _, err := l.Act.Profile(ctx, caller); err != nil {
		return nil, err
	}
	list, err := l.Store.Versions(ctx, kind, id)
	if err == nil && len(list) == 0 {
		return nil, unknown(kind)
	}
	return list, err
}

// Search lists the resources of a kind that a question means, by id.
func (l *Library) Search(ctx context.Context, caller cdr.Caller, kind string, wanted []Filter) ([]Head, error) {
	if _, err := l.Act.Profile(ctx, caller); err != nil {
		return nil, err
	}
	list, err := l.Store.Heads(ctx, kind)
	if err != nil {
		return nil, err
	}
	var out []Head
	for n := range list {
		if list[n].Matches(wanted) {
			out = append(out, list[n])
		}
	}
	return out, nil
}

// Authored finds a Questionnaire by its canonical address, with |version or
// without.
func (l *Library) Authored(ctx context.Context, caller cdr.Caller, canonical string) ([]byte, error) {
	r, err := l.Addressed(ctx, caller, Questionnaire, canonical)
	return r.Text(), err
}

// Addressed finds a resource by its canonical address, with |version or without.
func (l *Library) Addressed(ctx context.Context, caller cdr.Caller, kind, canonical string) (Resource, error) {
	if _, err := l.Act.Profile(ctx, caller); err != nil {
		return Resource{}, err
	}
	url, version, _ := strings.Cut(canonical, "|")
	r, err := l.Store.Addressed(ctx, kind, url, version)
	if fault.Is(err, fault.NotFound) {
		return r, unknown(kind)
	}
	return r, err
}

// fhirID is what ids look like (FHIR R4, Data types, id).
var fhirID = regexp.MustCompile(`^[A-Za-z0-9\-.]{1,64}$`)

// Change is a write.
type Change struct {
	Kind string
	// ID is that of the address; "" creates under a new one.
	ID string
	// Content is the resource as JSON.
	Content []byte
	// IfMatch is the number of the version the client believes to be the newest;
	// 0 is not said.
	IfMatch int
	// Base is the address of the FHIR API, which no address of another resource
	// may begin with.
	Base string
}

// Write creates a resource or makes the next version of one; created says which.
func (l *Library) Write(ctx context.Context, caller cdr.Caller, c Change) (made Resource, created bool, err error) {
	event := cdr.Event{Action: "C", Object: c.Kind + "/" + c.ID}
	p, err := l.Act.Begin(ctx, caller, area, event)
	if err != nil {
		return made, false, err
	}
	about, content, err := read(c.Kind, c.Content)
	if err != nil {
		return made, false, err
	}
	switch {
	case c.ID == "":
		id, err := uuid.NewV7()
		if err != nil {
			return made, false, err
		}
		c.ID = id.String()
	case !fhirID.MatchString(c.ID):
		return made, false, fault.New(fault.Invalid, "id", "the id of a resource is 1 to 64 letters, digits, - and .")
	case about.id != c.ID:
		return made, false, fault.New(fault.Invalid, "id", "the resource must carry the id of its address").With(fault.Issue{
			Path: c.Kind + ".id", Rule: "id", Expected: c.ID, Found: about.id, Message: "the id in the resource is not that of the address"})
	}
	if err := l.free(ctx, c, about); err != nil {
		return made, false, err
	}
	newest, err := l.Store.Resource(ctx, c.Kind, c.ID, 0)
	switch {
	case err == nil:
		if err := c.current(newest); err != nil {
			return made, false, err
		}
		event.Action = "U"
	case !fault.Is(err, fault.NotFound):
		return made, false, err
	case c.IfMatch > 0:
		return made, false, fault.New(fault.Precondition, "version-not-latest", "there is no %s of this id", c.Kind)
	}
	event.Object = c.Kind + "/" + c.ID
	made = Resource{Head{Kind: c.Kind, ID: c.ID, Number: newest.Number + 1, About: about}, content}
	made.Committed, err = l.Store.Keep(ctx, made, caller.Subject, success(l.Act.Event(caller, p, event)))
	return made, newest.Number == 0 || newest.Deleted, err
}

func success(e cdr.Event) cdr.Event {
	e.Outcome = "success"
	return e
}

// current refuses a write over a version the client does not know.
func (c Change) current(newest Resource) error {
	if c.IfMatch > 0 && c.IfMatch != newest.Number {
		return fault.New(fault.Precondition, "version-not-latest", "If-Match does not name the newest version, which is %d", newest.Number)
	}
	return nil
}

// free refuses what is a template's: its forms change with the template alone.
func (l *Library) free(ctx context.Context, c Change, about About) error {
	if id, ours := strings.CutPrefix(about.URL, c.Base+"/"+c.Kind+"/"); ours && c.Base != "" {
		if id != c.ID {
			return fault.New(fault.Conflict, "address-taken", "an address of this server belongs to the resource of that id").With(fault.Issue{
				Path: c.Kind + ".url", Rule: "address-taken", Found: about.URL, Message: "the canonical address is that of another resource of this server"})
		}
	}
	if l.Taken == nil {
		return nil
	}
	is, err := l.Taken(ctx, c.Kind, c.ID)
	if err == nil && is {
		return fault.New(fault.Conflict, "of-a-template", "a %s of this id is made of a template and changes with it alone", c.Kind)
	}
	return err
}

// Delete makes a version that says the resource is gone; older versions stay.
// What is gone already is not deleted again.
func (l *Library) Delete(ctx context.Context, caller cdr.Caller, c Change) error {
	event := cdr.Event{Action: "D", Object: c.Kind + "/" + c.ID}
	p, err := l.Act.Begin(ctx, caller, area, event)
	if err != nil {
		return err
	}
	if err := l.free(ctx, c, About{}); err != nil {
		return err
	}
	newest, err := l.Store.Resource(ctx, c.Kind, c.ID, 0)
	switch {
	case fault.Is(err, fault.NotFound):
		return unknown(c.Kind)
	case err != nil || newest.Deleted:
		return err
	}
	if err := c.current(newest); err != nil {
		return err
	}
	_, err = l.Store.Keep(ctx, Resource{Head: Head{Kind: c.Kind, ID: c.ID, Number: newest.Number + 1, Deleted: true}}, caller.Subject, success(l.Act.Event(caller, p, event)))
	return err
}
