package cdr

import (
	"strconv"
	"strings"

	"github.com/gofrs/uuid/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
)

// VersionUID is the three parts of an OBJECT_VERSION_ID on the trunk (BASE 1.1.0,
// Base Types, OBJECT_VERSION_ID).
type VersionUID struct {
	Object, System string
	Number         int
}

// String writes object::system::number.
func (v VersionUID) String() string {
	return v.Object + "::" + v.System + "::" + strconv.Itoa(v.Number)
}

// ParseVersionUID reads a version uid. The object becomes lower case; the system
// keeps its letters and compares without regard to them. ok is false for what is
// no version uid; a branch is one, of number 0, which no version of ours has.
func ParseVersionUID(s string) (v VersionUID, ok bool) {
	parts := strings.Split(s, "::")
	if len(parts) != 3 || parts[1] == "" {
		return VersionUID{}, false
	}
	id, err := uuid.FromString(parts[0])
	if err != nil || len(parts[0]) != 36 {
		return VersionUID{}, false
	}
	v = VersionUID{Object: id.String(), System: parts[1]}
	trunk, branch, branched := strings.Cut(parts[2], ".")
	n, err := strconv.Atoi(trunk)
	if err != nil || n < 1 || n > 1<<30 || strconv.Itoa(n) != trunk || branched && branch == "" {
		return VersionUID{}, false
	}
	if !branched {
		v.Number = n
	}
	return v, true
}

// objectUID reads a bare uuid in its canonical form.
func objectUID(s string) (string, bool) {
	id, err := uuid.FromString(s)
	if err != nil || len(s) != 36 {
		return "", false
	}
	return id.String(), true
}

// newUID makes a uuid whose order follows time, so that indexes grow at one end.
func newUID() string {
	id, err := uuid.NewV7()
	if err != nil {
		// Only the operating system's random source can fail here.
		panic("cdr: no randomness: " + err.Error())
	}
	return id.String()
}

// ehrID reads an EHR id of a path. The owner of the parties is no EHR.
func (s *Service) ehrID(text string) (string, error) {
	id, ok := objectUID(text)
	if !ok {
		return "", s.malformed("ehr_id", "a UUID")
	}
	if id == access.Demographics {
		return "", unknownEHR()
	}
	return id, nil
}

// malformed is the error of an identifier in a path that cannot be one.
func (s *Service) malformed(what, expected string) error {
	return fault.New(s.manners.MalformedID, "malformed-"+strings.ReplaceAll(what, "_", "-"), "the %s is not %s", what, expected)
}

// versionUID reads a version uid of a path or header.
func (s *Service) versionUID(text string) (VersionUID, error) {
	v, ok := ParseVersionUID(text)
	if !ok {
		return VersionUID{}, s.malformed("version_uid", "a valid OBJECT_VERSION_ID/UID")
	}
	return v, nil
}

// Ref reads the uid_based_id of a path: a version uid or an object's uuid.
func (s *Service) Ref(text string) (VersionRef, error) {
	if strings.Contains(text, "::") {
		v, err := s.versionUID(text)
		if err != nil {
			return VersionRef{}, err
		}
		return VersionRef{VersionUID: v.String()}, nil
	}
	id, ok := objectUID(text)
	if !ok {
		return VersionRef{}, s.malformed("uid_based_id", "a valid OBJECT_VERSION_ID/UID")
	}
	return VersionRef{Object: id}, nil
}
