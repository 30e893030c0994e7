package pdf

import (
	"errors"
	"strings"

	"github.com/tidwall/gjson"
)

// FromVersion is what is printed of a stored VERSION: its content, its state and who
// committed it. status is the EHR_STATUS of its record, which names the person.
func FromVersion(version, status []byte) (Source, error) {
	whole := gjson.ParseBytes(version)
	content := whole
	if item := whole.Get("item"); item.Exists() {
		content = item // an IMPORTED_VERSION is around the one it brought
	}
	data := content.Get("data").Raw
	if data == "" {
		return Source{}, errors.New("the version has no content")
	}
	s := Source{Document: []byte(data), Subject: subject(status), VersionUID: content.Get("uid.value").String(),
		Lifecycle: content.Get("lifecycle_state.value").String(), Committer: whole.Get("commit_audit.committer.name").String()}
	s.System = system(s.VersionUID)
	return s, nil
}

// subject is what a record calls its person, with the kind of the number.
func subject(status []byte) string {
	ref := gjson.GetBytes(status, "subject.external_ref")
	id := ref.Get("id.value").String()
	if ref.Get("namespace").String() == "https://fhir.nhs.uk/Id/nhs-number" && len(id) == 10 {
		return "NHS number " + id[:3] + " " + id[3:6] + " " + id[6:]
	}
	return id
}

// system is the one that made a version: the middle of its uid.
func system(versionUID string) string {
	parts := strings.Split(versionUID, "::")
	if len(parts) < 3 {
		return ""
	}
	return parts[1]
}
