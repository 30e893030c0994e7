package oidc

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// Issuer is one identity provider whose tokens are believed, and what its claims
// mean here.
type Issuer struct {
	// Name stands in subjects: user:<name>:<sub>.
	Name string `json:"name"`
	// URL is the issuer exactly as in its tokens; its discovery document is below it.
	URL string `json:"issuer"`
	// KeyHosts are hosts of its keys, where they are not its own.
	KeyHosts []string `json:"key_hosts,omitempty"`
	// Audience: a token is for at least one of these.
	Audience []string `json:"audience"`
	// Algorithms are those accepted; RS256 and ES256 where none is given.
	Algorithms []string `json:"algorithms,omitempty"`
	// SkewSeconds is how far clocks may differ, 60 where it is 0.
	SkewSeconds int `json:"skew_seconds,omitempty"`
	// Roles are judged in their order; every one that fits is a role the caller may
	// select, the first is the default.
	Roles []Rule `json:"roles"`
	// Organisation is the path of the claim with the caller's organisation; Fixed
	// stands in for it.
	Organisation string `json:"organisation_claim,omitempty"`
	Fixed        string `json:"organisation,omitempty"`
	// DisplayName is the path of the claim with the caller's name.
	DisplayName string `json:"name_claim,omitempty"`
	// Client is the path of the claim that a program's token alone has: its value is
	// the subject svc:<name>:<value>. A token is a program's where it equals sub.
	Client string `json:"client_claim,omitempty"`
	// EHR is the path of the claim with the one EHR a token is for.
	EHR string `json:"ehr_claim,omitempty"`
	// Smart: its tokens carry scopes of SMART on openEHR. What those are about is
	// refused to a token without any, and the EHR of the claim is the context of the
	// launch, to which tokens of the patient compartment alone are held.
	Smart bool `json:"smart,omitempty"`
	// Require are further claims without which a token is refused.
	Require []Condition `json:"require,omitempty"`
}

// Rule gives a role to tokens of which all conditions hold.
type Rule struct {
	Role string      `json:"role"`
	When []Condition `json:"when"`
	// Service gives it to programs only; without it, to people only.
	Service bool `json:"service,omitempty"`
}

// Condition holds where a claim, or an element of it where it is an array, is one
// of the values.
type Condition struct {
	// Claim is a path of members, such as realm_access.roles; a member whose name
	// holds a dot is written with a backslash before it.
	Claim string   `json:"claim"`
	In    []string `json:"in"`
}

// asymmetric are the algorithms there are: a shared secret would let whoever
// verifies also sign, and none is none.
var asymmetric = []string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA"}

var issuerName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// Read reads the issuers of a configuration file, a JSON array, and returns every
// fault at once.
func Read(r io.Reader) ([]Issuer, error) {
	var list []Issuer
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&list); err != nil {
		return nil, fmt.Errorf("the issuers are no JSON array of issuers: %w", err)
	}
	var faults []error
	names := map[string]bool{}
	for i := range list {
		for _, f := range list[i].check() {
			faults = append(faults, fmt.Errorf("issuer %d (%s): %s", i+1, list[i].Name, f))
		}
		if names[list[i].Name] || names[list[i].URL] {
			faults = append(faults, fmt.Errorf("issuer %d (%s): name and issuer are used once", i+1, list[i].Name))
		}
		names[list[i].Name], names[list[i].URL] = true, true
	}
	return list, errors.Join(faults...)
}

// check completes an issuer and names its faults.
func (i *Issuer) check() (faults []string) {
	if !issuerName.MatchString(i.Name) || i.Name == "local" {
		faults = append(faults, "name is 1 to 32 lower-case letters, digits and hyphens, and not local")
	}
	u, err := url.Parse(i.URL)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "":
		faults = append(faults, "issuer is a URL without query")
	case u.Scheme != "https" && u.Hostname() != "127.0.0.1" && u.Hostname() != "localhost" && u.Hostname() != "::1":
		faults = append(faults, "issuer is https, except on this machine")
	}
	if len(i.Audience) == 0 || slices.Contains(i.Audience, "") {
		faults = append(faults, "audience names whom its tokens are for")
	}
	if len(i.Algorithms) == 0 {
		i.Algorithms = []string{"RS256", "ES256"}
	}
	for _, a := range i.Algorithms {
		if !slices.Contains(asymmetric, a) {
			faults = append(faults, fmt.Sprintf("algorithm %q is not one of %s", a, strings.Join(asymmetric, ", ")))
		}
	}
	if i.SkewSeconds == 0 {
		i.SkewSeconds = 60
	}
	if i.SkewSeconds < 0 || i.SkewSeconds > 300 {
		faults = append(faults, "skew_seconds is 1 to 300")
	}
	if len(i.Roles) == 0 {
		faults = append(faults, "without roles nobody may do anything")
	}
	for _, r := range i.Roles {
		if r.Role == "" || len(r.When) == 0 {
			faults = append(faults, "a rule has a role and at least one condition")
		}
		faults = append(faults, conditions(r.When)...)
	}
	return append(faults, conditions(i.Require)...)
}

func conditions(list []Condition) (faults []string) {
	for _, c := range list {
		if c.Claim == "" || len(c.In) == 0 {
			faults = append(faults, "a condition has a claim and its values")
		}
	}
	return faults
}

// Hosts are those that are asked for its keys.
func (i *Issuer) Hosts() []string {
	u, err := url.Parse(i.URL)
	if err != nil {
		return i.KeyHosts
	}
	return append([]string{u.Host}, i.KeyHosts...)
}

func (i *Issuer) skew() time.Duration { return time.Duration(i.SkewSeconds) * time.Second }

// holds says whether a condition is true of the claims.
func (c Condition) holds(claims []byte) bool {
	found := gjson.GetBytes(claims, c.Claim)
	if found.IsArray() {
		for _, e := range found.Array() {
			if e.Type == gjson.String && slices.Contains(c.In, e.Str) {
				return true
			}
		}
		return false
	}
	return (found.Type == gjson.String || found.Type == gjson.Number) && slices.Contains(c.In, found.String())
}

func all(list []Condition, claims []byte) bool {
	return !slices.ContainsFunc(list, func(c Condition) bool { return !c.holds(claims) })
}

// roles are those a token may select.
func (i *Issuer) roles(claims []byte, service bool) []string {
	var list []string
	for _, r := range i.Roles {
		if r.Service == service && all(r.When, claims) && !slices.Contains(list, r.Role) {
			list = append(list, r.Role)
		}
	}
	return list
}

// text is a claim that is one text.
func text(claims []byte, path string) string {
	if path == "" {
		return ""
	}
	if found := gjson.GetBytes(claims, path); found.Type == gjson.String {
		return found.Str
	}
	return ""
}
