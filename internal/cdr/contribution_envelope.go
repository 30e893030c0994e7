package cdr

import (
	"errors"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// updateContribution is the relaxed CONTRIBUTION that clients send (ITS-REST
// 1.1, EHR API, CONTRIBUTION): versions come with their content.
type updateContribution struct {
	Type     string          `json:"_type"`
	UID      *valued         `json:"uid"`
	Versions []updateVersion `json:"versions"`
	Audit    *updateAudit    `json:"audit"`
}

// updateVersion is an UPDATE_VERSION or ORIGINAL_VERSION to be committed, or an
// IMPORTED_VERSION with its item.
type updateVersion struct {
	Type         string         `json:"_type"`
	Preceding    *valued        `json:"preceding_version_uid"`
	Signature    string         `json:"signature"`
	Lifecycle    *coded         `json:"lifecycle_state"`
	Attestations []updateAudit  `json:"attestations"`
	Data         jsontext.Value `json:"data"`
	Audit        *updateAudit   `json:"commit_audit"`
	Item         jsontext.Value `json:"item"`
	// The server gives a version its uid and its contribution, and a merge its
	// inputs.
	UID          jsontext.Value `json:"uid"`
	Contribution jsontext.Value `json:"contribution"`
	OtherInputs  jsontext.Value `json:"other_input_version_uids"`
}

// updateAudit is an UPDATE_AUDIT or AUDIT_DETAILS, or an UPDATE_ATTESTATION or
// ATTESTATION with its own members.
type updateAudit struct {
	Type string `json:"_type"`
	// The system and the time are the server's, whatever is sent.
	SystemID  jsontext.Value `json:"system_id"`
	Committed jsontext.Value `json:"time_committed"`
	Change    *coded         `json:"change_type"`
	// Description is a DV_TEXT or its text.
	Description jsontext.Value `json:"description"`
	Committer   jsontext.Value `json:"committer"`

	View    jsontext.Value   `json:"attested_view"`
	Proof   *string          `json:"proof"`
	Items   []jsontext.Value `json:"items"`
	Reason  jsontext.Value   `json:"reason"`
	Pending *bool            `json:"is_pending"`
}

type valued struct {
	Type  string `json:"_type"`
	Value string `json:"value"`
}

// coded is a DV_CODED_TEXT or a TERMINOLOGY_CODE; only the code counts.
type coded struct {
	Type        string         `json:"_type"`
	Value       string         `json:"value"`
	Defining    *codePhrase    `json:"defining_code"`
	Code        string         `json:"code_string"`
	Terminology jsontext.Value `json:"terminology_id"`
	URI         jsontext.Value `json:"uri"`
	Hyperlink   jsontext.Value `json:"hyperlink"`
	Formatting  jsontext.Value `json:"formatting"`
	Mappings    jsontext.Value `json:"mappings"`
	Language    jsontext.Value `json:"language"`
	Encoding    jsontext.Value `json:"encoding"`
}

type codePhrase struct {
	Type        string         `json:"_type"`
	Terminology jsontext.Value `json:"terminology_id"`
	Code        string         `json:"code_string"`
	Preferred   string         `json:"preferred_term"`
}

func (c *coded) code() string {
	switch {
	case c == nil:
		return ""
	case c.Defining != nil:
		return c.Defining.Code
	}
	return or(c.Code, c.Value)
}

// given says whether a member was sent and is not null.
func given(v jsontext.Value) bool { return len(v) > 0 && v.Kind() != 'n' }

// readContribution reads the envelope: a member that is unknown or there twice
// is refused, as in all we read. The documents within are read later, each as
// what it says it is.
func readContribution(body []byte) (updateContribution, error) {
	var c updateContribution
	if err := json.Unmarshal(body, &c, json.RejectUnknownMembers(true)); err != nil {
		e := fault.New(fault.Invalid, "contribution-form", "the body is no CONTRIBUTION")
		var semantic *json.SemanticError
		var syntactic *jsontext.SyntacticError
		switch {
		case errors.As(err, &syntactic):
			rule, message := "syntax", "the text is no JSON"
			if errors.Is(err, jsontext.ErrDuplicateName) {
				rule, message = "duplicate-member", "the member is there twice"
			}
			e = e.With(fault.Issue{Path: or(string(syntactic.JSONPointer), "/"), Rule: rule, Message: message})
		case errors.As(err, &semantic):
			message := "the value is of another type than the member's"
			if errors.Is(err, json.ErrUnknownName) {
				message = "no such member"
			}
			e = e.With(fault.Issue{Path: or(string(semantic.JSONPointer), "/"), Rule: "contribution-form", Message: message})
		}
		return c, e.Because(err)
	}
	if c.Type != "" && c.Type != "CONTRIBUTION" {
		return c, fault.New(fault.Invalid, "contribution-form", "the body is no CONTRIBUTION")
	}
	return c, nil
}

// isAttestation says whether the audit is of the subtype.
func (a *updateAudit) isAttestation() bool {
	return a != nil && (a.Type == "ATTESTATION" || a.Type == "UPDATE_ATTESTATION")
}

// info is what an audit says of a commit.
func (a *updateAudit) info(lifecycle string) (CommitInfo, error) {
	info := CommitInfo{Lifecycle: lifecycle}
	if a == nil {
		return info, nil
	}
	info.ChangeType = a.Change.code()
	if given(a.Committer) {
		info.Committer = a.Committer
	}
	if given(a.Description) {
		text, err := textOf(a.Description)
		if err != nil {
			return info, err
		}
		info.Described = text
	}
	switch a.Type {
	case "ATTESTATION", "UPDATE_ATTESTATION":
		attested, err := a.attested()
		info.Attested = attested
		return info, err
	case "", "AUDIT_DETAILS", "UPDATE_AUDIT":
	default:
		return info, fault.New(fault.Unprocessable, "audit-class", "a commit audit is an ordinary one or an ATTESTATION")
	}
	if given(a.View) || a.Proof != nil || a.Items != nil || given(a.Reason) || a.Pending != nil {
		return info, fault.New(fault.Invalid, "audit-form", "only an audit of class ATTESTATION has attested_view, proof, items, reason and is_pending")
	}
	return info, nil
}

// attested writes the members that an ATTESTATION has beside those of an
// AUDIT_DETAILS. The proof is kept as it is, and never verified.
func (a *updateAudit) attested() ([]byte, error) {
	switch {
	case !given(a.Reason):
		return nil, fault.New(fault.Invalid, "attestation-form", "an ATTESTATION states its reason")
	case a.Pending == nil:
		return nil, fault.New(fault.Invalid, "attestation-form", "an ATTESTATION says whether it is_pending")
	case a.Items != nil && len(a.Items) == 0:
		return nil, fault.New(fault.Invalid, "attestation-form", "the items of an ATTESTATION are absent or not empty")
	}
	reason, err := textOf(a.Reason)
	if err != nil {
		return nil, err
	}
	b := append([]byte(`"reason":`), reason...)
	if *a.Pending {
		b = append(b, `,"is_pending":true`...)
	} else {
		b = append(b, `,"is_pending":false`...)
	}
	if a.Proof != nil {
		b = append(append(b, `,"proof":`...), quoted(*a.Proof)...)
	}
	if given(a.View) {
		if b, err = appendObject(append(b, `,"attested_view":`...), a.View, rminfo.DV_MULTIMEDIA); err != nil {
			return nil, err
		}
	}
	for i, item := range a.Items {
		b = append(b, []string{`,"items":[`, `,`}[min(i, 1)]...)
		if b, err = appendObject(b, item, rminfo.DV_EHR_URI); err != nil {
			return nil, err
		}
		if i == len(a.Items)-1 {
			b = append(b, ']')
		}
	}
	return b, nil
}

// textOf reads a DV_TEXT, or the text of one, as canonical JSON.
func textOf(v jsontext.Value) ([]byte, error) {
	if v.Kind() != '"' {
		return appendObject(nil, v, rminfo.DV_TEXT)
	}
	return appendObject(nil, append(append([]byte(`{"_type":"DV_TEXT","value":`), v...), '}'), rminfo.DV_TEXT)
}

// appendObject appends an object of a class as canonical JSON, its class said.
func appendObject(b []byte, v []byte, class rminfo.Class) ([]byte, error) {
	t, err := canon.ReadJSON(v, class, canon.ReadOptions{Mandatory: true})
	if err != nil {
		return nil, err
	}
	return canon.WriteJSON(b, t, t.Root()), nil
}

// checkSignature refuses what no text of ours can hold; else a signature is kept
// as it is (RM 1.1.0, Common, VERSION.signature).
func checkSignature(s string) error {
	if strings.ContainsRune(s, 0) {
		return fault.New(fault.Invalid, "signature", "the signature holds a U+0000")
	}
	return nil
}
