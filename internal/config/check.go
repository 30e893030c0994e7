package config

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"
	// Containers from scratch have no zone files.
	_ "time/tzdata"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/sdc/populate"
)

// Values are the settings that need reading, read.
type Values struct {
	Zone           *time.Location
	TrustedProxies []netip.Prefix
	FormSecret     []byte
	// Populate says what of a record may fill a form.
	Populate populate.Policy
	// AuditSecrets seal the audit: the first does, all verify.
	AuditSecrets [][]byte
	// Issuers is what the file of issuers holds, nil without; authn reads it.
	Issuers []byte
	Level   slog.Level
	// Certificate is nil where the API speaks plain HTTP.
	Certificate *tls.Certificate
	// Compat says that the manners are EHRbase's.
	Compat bool
	// ECIS says that the paths of EhrScape are served.
	ECIS bool
	// TerminologyToken and ValueSets are what the files of the terminology server
	// hold, empty without.
	TerminologyToken string
	// QueryLimits are nil where no file is named.
	QueryLimits cdr.QueryLimitsByRole
	ValueSets   map[string]string
}

// shortestSecret is the least entropy that signs a form, in bytes.
const shortestSecret = 32

// systemIDForm is what may stand between the colons of a version uid.
var systemIDForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// Check judges the whole configuration and returns every fault at once, joined;
// each begins with the flag it is about. It opens files and no connection.
func (s *Serve) Check() (Values, error) {
	var v Values
	var faults []error
	wrong := func(flag, format string, args ...any) {
		faults = append(faults, fmt.Errorf("--"+flag+": "+format, args...))
	}
	for flag, address := range map[string]string{"listen": s.Listen, "ops-listen": s.OpsListen} {
		if _, _, err := net.SplitHostPort(address); err != nil {
			wrong(flag, "%q is no address like 127.0.0.1:8080", address)
		}
	}
	if s.BasePath != "" && (!strings.HasPrefix(s.BasePath, "/") || strings.HasSuffix(s.BasePath, "/") || strings.ContainsAny(s.BasePath, ":*?+ ")) {
		wrong("base-path", "it begins with a slash, ends without one and holds no : * ? + or blank")
	}
	if s.PublicURL != "" && !isURL(s.PublicURL, "http", "https") {
		wrong("public-url", "it must be like https://cdr.example.org")
	}
	if !systemIDForm.MatchString(s.SystemID) {
		wrong("system-id", "it is needed: letters, digits, dots, hyphens, such as cdr.example.org")
	}
	for flag, address := range map[string]string{"database-url": s.DatabaseURL, "database-direct-url": s.DatabaseDirectURL} {
		if address == "" && flag == "database-direct-url" {
			continue
		}
		// The value holds a password and is never repeated.
		if !isURL(address, "postgres", "postgresql") {
			wrong(flag, "it is needed, as postgres://user@host/database")
		}
	}
	if u, err := url.Parse(s.AlertURL); s.AlertURL != "" && (err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1")) {
		wrong("alert-url", "it must be like https://alerts.example.org/break-glass")
	}
	for flag, address := range map[string]string{"keto-read-url": s.KetoRead, "keto-write-url": s.KetoWrite} {
		if !isURL(address, "http", "https") {
			wrong(flag, "it is needed, as http://host:port")
		}
	}
	if s.KetoSentinel == "" {
		wrong("keto-sentinel", "it is needed: the object of the tuple AdminArea:OBJECT#viewers@quire-sentinel")
	}
	s.checkLimits(wrong)
	s.checkTerminology(&v, wrong)
	if s.QueryLimits != "" {
		text, err := os.ReadFile(s.QueryLimits)
		if err == nil {
			v.QueryLimits, err = cdr.ReadQueryLimits(text)
		}
		if err != nil {
			wrong("query-limits-file", "it must be readable and hold limits by role: %v", err)
		}
	}
	s.read(&v, wrong)
	return v, errors.Join(faults...)
}

func (s *Serve) checkLimits(wrong func(flag, format string, args ...any)) {
	if s.BodyLimit < 1<<10 || s.BodyLimit > 1<<30 {
		wrong("body-limit", "it is between 1 KiB and 1 GiB")
	}
	if s.MemoryBudget < 2*int64(s.BodyLimit) {
		wrong("memory-budget", "it must hold one body of the limit and its tree: at least twice body-limit")
	}
	for flag, d := range map[string]time.Duration{
		"deadline": s.Deadline, "query-deadline": s.QueryDeadline, "read-timeout": s.ReadTimeout,
		"write-timeout": s.WriteTimeout, "idle-timeout": s.IdleTimeout, "pool-wait": s.PoolWait, "pool-query-wait": s.PoolQueryWait,
	} {
		if d <= 0 {
			wrong(flag, "it must be more than 0")
		}
	}
	if s.RatePerSecond < 0 || s.RateBurst < 1 {
		wrong("rate-per-second", "it is 0 or more, and rate-burst at least 1")
	}
	for _, origin := range s.CORSOrigins {
		if u, err := url.Parse(origin); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || origin != u.Scheme+"://"+u.Host {
			wrong("cors-origins", "%q is no origin like https://forms.example.org", origin)
		}
	}
	if s.PoolRecord < 0 || s.PoolQuery < 0 {
		wrong("pool-record", "a pool has 0 or more connections")
	}
	if s.Connections < 1 {
		wrong("connections", "it must be at least 1")
	}
}

// checkTerminology judges the settings of the terminology server and reads its
// files. A token goes over TLS only.
func (s *Serve) checkTerminology(v *Values, wrong func(flag, format string, args ...any)) {
	if s.TerminologyDeadline <= 0 || s.TerminologyDeadline > s.Deadline {
		wrong("terminology-deadline", "it must be more than 0 and at most deadline")
	}
	if s.TerminologyKeep <= 0 {
		wrong("terminology-keep", "it must be more than 0")
	}
	if s.TerminologyURL != "" && !isURL(s.TerminologyURL, "http", "https") {
		wrong("terminology-url", "it must be like https://tx.example.org/fhir")
	}
	if s.TerminologyURL == "" && (s.TerminologyToken != "" || s.TerminologyValueSets != "") {
		wrong("terminology-url", "it is needed where a file of the terminology server is set")
	}
	if s.TerminologyToken != "" {
		text, err := os.ReadFile(s.TerminologyToken)
		switch v.TerminologyToken = strings.TrimSpace(string(text)); {
		case err != nil || v.TerminologyToken == "" || strings.ContainsAny(v.TerminologyToken, " \r\n\t"):
			wrong("terminology-token-file", "it must be readable and hold one token")
		case !isURL(s.TerminologyURL, "https"):
			wrong("terminology-token-file", "a token is sent over https only")
		}
	}
	if s.TerminologyValueSets != "" {
		text, err := os.ReadFile(s.TerminologyValueSets)
		if err != nil || json.Unmarshal(text, &v.ValueSets) != nil {
			wrong("terminology-value-sets-file", "it must be readable and hold a JSON object of texts")
		}
	}
}

// read fills the values that other packages take.
func (s *Serve) read(v *Values, wrong func(flag, format string, args ...any)) {
	var err error
	if v.Zone, err = time.LoadLocation(s.TimeZone); err != nil || s.TimeZone == "" {
		wrong("clinical-timezone", "%q is no zone like Europe/London", s.TimeZone)
	}
	for _, text := range s.TrustedProxies {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			wrong("trusted-proxies", "%q is no network like 10.0.0.0/8", text)
			continue
		}
		v.TrustedProxies = append(v.TrustedProxies, prefix)
	}
	if v.FormSecret, err = os.ReadFile(s.FormKey); err != nil {
		wrong("form-key-file", "it is needed and must be readable")
	} else if len(v.FormSecret) < shortestSecret {
		wrong("form-key-file", "the key has %d bytes and needs %d", len(v.FormSecret), shortestSecret)
	}
	if s.Issuers != "" {
		if v.Issuers, err = os.ReadFile(s.Issuers); err != nil {
			wrong("oidc-issuers-file", "it must be readable")
		}
	}
	if v.Populate, err = populate.ParsePolicy(s.PopulateWindows); err != nil {
		wrong("populate-windows", "%v", err)
	}
	for _, name := range strings.Split(s.AuditKey, ",") {
		secret, err := os.ReadFile(strings.TrimSpace(name))
		switch {
		case err != nil:
			wrong("audit-key-file", "it is needed and must be readable")
		case len(secret) < shortestSecret:
			wrong("audit-key-file", "a key has %d bytes and needs %d", len(secret), shortestSecret)
		}
		v.AuditSecrets = append(v.AuditSecrets, secret)
	}
	if err := v.Level.UnmarshalText([]byte(s.LogLevel)); err != nil {
		wrong("log-level", "%q is no level", s.LogLevel)
	}
	v.Compat = s.Compat == "ehrbase"
	v.ECIS = v.Compat
	if s.ECIS != nil {
		v.ECIS = *s.ECIS
	}
	switch {
	case s.TLSCert == "" && s.TLSKey == "":
	case s.TLSCert == "" || s.TLSKey == "":
		wrong("tls-cert", "certificate and key are set together")
	default:
		pair, err := tls.LoadX509KeyPair(s.TLSCert, s.TLSKey)
		if err != nil {
			wrong("tls-cert", "certificate and key cannot be read as a pair")
			return
		}
		v.Certificate = &pair
	}
}

func isURL(text string, schemes ...string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return false
	}
	for _, scheme := range schemes {
		if u.Scheme == scheme {
			return true
		}
	}
	return false
}
