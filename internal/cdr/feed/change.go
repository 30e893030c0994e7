package feed

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// Place is a place in the feed: changes after it have not been read. The zero
// value is the beginning. It is good in the database it came from.
type Place struct {
	Xact     uint64
	Position int64
}

// String writes a place as clients keep it.
func (p Place) String() string {
	return strconv.FormatUint(p.Xact, 10) + "." + strconv.FormatInt(p.Position, 10)
}

// ParsePlace reads what String wrote; "" is the beginning.
func ParsePlace(text string) (Place, error) {
	if text == "" {
		return Place{}, nil
	}
	xact, position, ok := strings.Cut(text, ".")
	x, notNumber := strconv.ParseUint(xact, 10, 63)
	n, notNumber2 := strconv.ParseInt(position, 10, 64)
	if !ok || notNumber != nil || notNumber2 != nil || n < 0 {
		return Place{}, fault.New(fault.Invalid, "feed-place", "after is the next of an earlier answer, such as 8123.5071")
	}
	return Place{x, n}, nil
}

// Change is one version that was committed, or an erasure.
type Change struct {
	Place Place
	EHR   string
	// Erased: the record, or one object of it, is gone physically. Of the rest
	// only Object and Committed are set then, Object "" for the whole record.
	Erased     bool
	Kind       cdr.Kind
	Object     string
	VersionUID string
	// ChangeType and Lifecycle are codes of the openEHR terminology.
	ChangeType, Lifecycle string
	Template              string
	Contribution          string
	// Attested: the version bears attestations. One that is attested later is told
	// again, at the place of that.
	Attested  bool
	Committed time.Time
}

// message is a change as JSON.
type message struct {
	Place        string `json:"place"`
	Event        string `json:"event"`
	EHR          string `json:"ehr_id"`
	Type         string `json:"type,omitempty"`
	Object       string `json:"versioned_object_uid,omitempty"`
	VersionUID   string `json:"version_uid,omitempty"`
	ChangeType   string `json:"change_type,omitempty"`
	Lifecycle    string `json:"lifecycle_state,omitempty"`
	Template     string `json:"template_id,omitempty"`
	Contribution string `json:"contribution_uid,omitempty"`
	Committed    string `json:"time_committed"`
	Attested     bool   `json:"attested,omitempty"`
}

// MarshalJSON writes a change for readers: codes as their rubrics.
func (c Change) MarshalJSON() ([]byte, error) {
	m := message{
		Place: c.Place.String(), Event: "version", EHR: c.EHR, Object: c.Object, Committed: c.Committed.UTC().Format("2006-01-02T15:04:05.000Z"),
	}
	if c.Erased {
		m.Event = "erasure"
		return json.Marshal(m)
	}
	m.Type, m.VersionUID, m.Template, m.Contribution = c.Kind.Class(), c.VersionUID, c.Template, c.Contribution
	m.Attested = c.Attested
	m.ChangeType, m.Lifecycle = cdr.ChangeRubric(c.ChangeType), cdr.LifecycleRubric(c.Lifecycle)
	return json.Marshal(m)
}
