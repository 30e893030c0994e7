package canon

import (
	"errors"
	"strings"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Item says which part of a list a value is.
type Item uint8

// A value is the Only one of its attribute, or the First or a Later of a list.
const (
	Only  = Item(0)
	First = Item(inList)
	Later = Item(inList | later)
)

// Assembly builds one object from a notation other than JSON and judges it by
// the rules of ReadJSON, so that a defect is the same one however it is written.
// Parts are given in the order of the text.
type Assembly struct {
	r    reader
	opts ReadOptions
}

// NewAssembly begins an object; hint is the size of its text in bytes.
func NewAssembly(opts ReadOptions, hint int) *Assembly {
	if opts.Limits.Depth == 0 {
		opts.Limits.Depth = maxDepth
	}
	return &Assembly{opts: opts, r: reader{
		b: rm.NewBuilder(opts.Limits, hint), marks: make([]mark, 0, 16+hint/24),
		limits: opts.Limits, ignoreUnknown: opts.IgnoreUnknown,
	}}
}

// Open begins an object held by attr; it has no class yet.
func (a *Assembly) Open(attr rminfo.Attr, item Item) rm.ID {
	a.r.marks = append(a.r.marks, mark(item))
	return a.r.b.Open(attr, 0)
}

// Close ends the object that is open.
func (a *Assembly) Close() { a.r.b.Close() }

// Class names the class of an object as it was written; a name that is no class
// an object may have is a fault, and nothing below is judged then. It gives 0 so.
func (a *Assembly) Class(id rm.ID, written string) rminfo.Class {
	a.r.classNamed(id, written)
	return a.r.b.Class(id)
}

// Declared gives an object the class its place declares.
func (a *Assembly) Declared(id rm.ID, class rminfo.Class) { a.r.b.SetClass(id, class) }

// Text adds a text, or a number by its digits: what the attribute declares
// decides.
func (a *Assembly) Text(attr rminfo.Attr, item Item, s string) {
	a.r.marks = append(a.r.marks, mark(item))
	a.r.b.String(attr, 0, s)
}

// Bool adds a truth value.
func (a *Assembly) Bool(attr rminfo.Attr, item Item, v bool) {
	a.r.marks = append(a.r.marks, mark(item))
	a.r.b.Bool(attr, v)
}

// Unknown reports a member that no class, or not the class of holder, has,
// unless such are ignored.
func (a *Assembly) Unknown(holder rm.ID, member string) {
	if !a.opts.IgnoreUnknown {
		a.r.found.add(holder, unknownMember, strings.Clone(clip(member)))
	}
}

// Twice reports a second value where one may stand.
func (a *Assembly) Twice(holder rm.ID, member rminfo.Attr) {
	a.r.found.add(holder, duplicateMember, member.Name())
}

// TooDeep says whether no further object may be opened, and reports it.
func (a *Assembly) TooDeep(holder rm.ID, member rminfo.Attr) bool {
	if a.r.b.Depth() < a.r.limits.Depth {
		return false
	}
	a.r.found.deep(holder, member.Name(), a.r.limits.Depth)
	return true
}

// Passed says whether a limit was passed: nothing more is kept, and Tree says
// which.
func (a *Assembly) Passed() bool { return a.r.b.Err() != nil }

// Tree ends the object: the tree, or all faults in one *fault.Error whose code
// begins with the name of the notation. typeWord is what the notation calls
// `_type`.
func (a *Assembly) Tree(want rminfo.Class, notation, typeWord string) (*rm.Tree, error) {
	t, err := a.tree(want)
	var e *fault.Error
	if errors.As(err, &e) {
		e.Code = notation + strings.TrimPrefix(e.Code, "json")
		for i := range e.Issues {
			e.Issues[i].Message = strings.Replace(e.Issues[i].Message, "`_type`", typeWord, 1)
		}
	}
	return t, err
}

func (a *Assembly) tree(want rminfo.Class) (*rm.Tree, error) {
	if err := a.r.b.Err(); err != nil {
		return nil, limitFault(err, a.r.limits)
	}
	return a.r.finish(want, a.opts)
}
