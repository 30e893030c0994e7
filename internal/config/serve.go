package config

import (
	"time"

	"github.com/alecthomas/kong"
)

// Serve is the whole configuration of the production server. Kong fills it; Check
// judges it as one.
type Serve struct {
	Config kong.ConfigFlag `help:"JSON file of these settings; a key is the flag's name." env:"QUIRE_CONFIG" placeholder:"FILE"`

	Listen    string `help:"Address of the API." default:"127.0.0.1:8080" env:"QUIRE_LISTEN" placeholder:"ADDR" group:"Listeners"`
	OpsListen string `help:"Address of health, readiness, metrics and profiles. It has no authentication: keep it on loopback or a private network." default:"127.0.0.1:8081" env:"QUIRE_OPS_LISTEN" placeholder:"ADDR" group:"Listeners"`
	BasePath  string `help:"Path before every route, such as /cdr." env:"QUIRE_BASE_PATH" placeholder:"PATH" group:"Listeners"`
	PublicURL string `name:"public-url" help:"Scheme and host as clients see them; stands in every Location. Without it X-Forwarded-* of trusted proxies, else the Host header." env:"QUIRE_PUBLIC_URL" placeholder:"URL" group:"Listeners"`
	TLSCert   string `name:"tls-cert" help:"Certificate chain in PEM; read again at SIGHUP. Without it the API speaks plain HTTP, for a proxy on the same host." env:"QUIRE_TLS_CERT" placeholder:"FILE" group:"Listeners"`
	TLSKey    string `name:"tls-key" help:"Private key in PEM of the certificate." env:"QUIRE_TLS_KEY" placeholder:"FILE" group:"Listeners"`

	TrustedProxies []string `help:"Networks whose X-Forwarded-* is believed, such as 10.0.0.0/8." env:"QUIRE_TRUSTED_PROXIES" placeholder:"CIDR" group:"Listeners"`

	SystemID string `name:"system-id" help:"This system's id, as in version uids. It is stored at the first start and can never change." env:"QUIRE_SYSTEM_ID" placeholder:"ID" group:"Record"`
	Compat   string `help:"Manners: none is the openEHR specification, ehrbase the answers its clients expect." enum:"none,ehrbase" default:"none" env:"QUIRE_COMPAT" group:"Record"`
	ECIS     *bool  `name:"ecis" help:"Serve /rest/ecis/v1, the paths of EhrScape, beside the specification's. Without this setting it is served with --compat ehrbase." negatable:"" env:"QUIRE_ECIS" group:"Record"`
	TimeZone string `name:"clinical-timezone" help:"Zone of times that state no offset; stored text is never rewritten." default:"Europe/London" env:"QUIRE_CLINICAL_TIMEZONE" placeholder:"ZONE" group:"Record"`
	Destroy  bool   `name:"enable-destruction" help:"Allow physical deletion of records. Off: those operations answer 405." env:"QUIRE_ENABLE_DESTRUCTION" group:"Record"`
	FormKey  string `name:"form-key-file" help:"File of at least 32 random bytes that signs issued forms; the same for all processes." env:"QUIRE_FORM_KEY_FILE" placeholder:"FILE" group:"Record"`

	AuditKey    string `name:"audit-key-file" help:"File of at least 32 random bytes that seals the audit and encrypts what queries asked; the same for all processes. After a change give the old files too, with commas: the first seals, all verify and open." env:"QUIRE_AUDIT_KEY_FILE" placeholder:"FILES" group:"Record"`
	AuditAnchor string `name:"audit-anchor-file" help:"File to which every seal of the audit is appended, best on storage that the database's administrators cannot write: with it verification finds that the end was cut off." env:"QUIRE_AUDIT_ANCHOR_FILE" placeholder:"FILE" group:"Record"`

	PopulateWindows []string `name:"populate-windows" help:"How old an entry may be that fills a form, where it is not the default: archetype or class and an ISO 8601 duration or never, such as openEHR-EHR-OBSERVATION.body_weight=P30D." env:"QUIRE_POPULATE_WINDOWS" placeholder:"OF=DURATION" group:"Record"`

	DatabaseURL       string        `name:"database-url" help:"PostgreSQL as the role quire_app: postgres://quire_app@host/quire?sslmode=verify-full. The password may stand in PGPASSFILE." env:"QUIRE_DATABASE_URL" placeholder:"URL" group:"Database"`
	DatabaseDirectURL string        `name:"database-direct-url" help:"The same past a transaction pooler, for LISTEN and the audit writer; setting it says that database-url goes through one." env:"QUIRE_DATABASE_DIRECT_URL" placeholder:"URL" group:"Database"`
	PoolRecord        int32         `help:"Connections for commits and point reads; 0 is four a core and at least 8." default:"0" env:"QUIRE_POOL_RECORD" placeholder:"N" group:"Database"`
	PoolQuery         int32         `help:"Connections for AQL; 0 is one a core and at least 2." default:"0" env:"QUIRE_POOL_QUERY" placeholder:"N" group:"Database"`
	PoolWait          time.Duration `help:"How long a request waits for a record connection before it is 503." default:"250ms" env:"QUIRE_POOL_WAIT" group:"Database"`
	PoolQueryWait     time.Duration `help:"How long a query waits for a connection before it is 503." default:"2s" env:"QUIRE_POOL_QUERY_WAIT" group:"Database"`

	KetoRead     string `name:"keto-read-url" help:"Base URL of Keto's read API." env:"QUIRE_KETO_READ_URL" placeholder:"URL" group:"Access"`
	KetoWrite    string `name:"keto-write-url" help:"Base URL of Keto's write API; only Quire should reach it." env:"QUIRE_KETO_WRITE_URL" placeholder:"URL" group:"Access"`
	KetoSentinel string `help:"Object of the sentinel tuple by which Keto's answers are checked." env:"QUIRE_KETO_SENTINEL" placeholder:"OBJECT" group:"Access"`

	Issuers string `name:"oidc-issuers-file" help:"JSON array of the OpenID Connect issuers whose tokens are believed, and the roles their claims give." env:"QUIRE_OIDC_ISSUERS_FILE" placeholder:"FILE" group:"Access"`

	TerminologyURL       string        `name:"terminology-url" help:"FHIR base of the terminology server that judges codes of value sets kept outside templates (ValueSet/$$validate-code). Its host is the only one asked. Without it those codes are not judged." env:"QUIRE_TERMINOLOGY_URL" placeholder:"URL" group:"Terminology"`
	TerminologyToken     string        `name:"terminology-token-file" help:"File of the bearer token for it." env:"QUIRE_TERMINOLOGY_TOKEN_FILE" placeholder:"FILE" group:"Terminology"`
	TerminologyOutage    string        `help:"What happens to a commit whose codes it cannot judge: refuse answers 503, flag stores it with a warning." enum:"refuse,flag" default:"refuse" env:"QUIRE_TERMINOLOGY_OUTAGE" group:"Terminology"`
	TerminologyDeadline  time.Duration `help:"Longest wait for all codes of one composition." default:"2s" env:"QUIRE_TERMINOLOGY_DEADLINE" group:"Terminology"`
	TerminologyKeep      time.Duration `help:"How long an answer is believed." default:"1h" env:"QUIRE_TERMINOLOGY_KEEP" group:"Terminology"`
	TerminologyValueSets string        `name:"terminology-value-sets-file" help:"JSON object from references as templates write them to canonical URLs of value sets, for those that are mere names." env:"QUIRE_TERMINOLOGY_VALUE_SETS_FILE" placeholder:"FILE" group:"Terminology"`

	ExitsFile  string `name:"exits-file" help:"JSON file of receivers and senders of HL7 v2 messages; see deploy/integration.md." env:"QUIRE_EXITS_FILE" placeholder:"FILE" group:"Messages"`
	MappingDir string `name:"mapping-dir" help:"Directory of mapping files beside ours: v2/*.yaml and fhir/*.yaml. One of the same name or archetype replaces ours." env:"QUIRE_MAPPING_DIR" placeholder:"DIR" group:"Messages"`

	WebhookHosts []string `name:"webhook-hosts" help:"Hosts that webhooks may be sent to, each as host or host:port as in its URL. Without any none can be made." env:"QUIRE_WEBHOOK_HOSTS" placeholder:"HOST" group:"Webhooks"`

	AlertURL string `name:"alert-url" help:"HTTPS address that is told within seconds whenever somebody opens a record in an emergency: who, where, in which organisation, and why as a code. Without it the queue of reviews tells alone." env:"QUIRE_ALERT_URL" placeholder:"URL" group:"Access"`

	AutoPromote int `help:"How many paths stored queries may have promoted to an index by themselves; 0 leaves all to quire index add." default:"20" env:"QUIRE_AUTO_PROMOTE" placeholder:"N" group:"Queries"`

	RatePerSecond float64  `help:"Requests a second of each identity in the long run, by process; 0 is no bound." default:"0" env:"QUIRE_RATE_PER_SECOND" placeholder:"N" group:"Limits"`
	RateBurst     int      `help:"Requests of one identity at once, where rate-per-second is set." default:"100" env:"QUIRE_RATE_BURST" placeholder:"N" group:"Limits"`
	CORSOrigins   []string `name:"cors-origins" help:"Origins whose pages may call from browsers, such as https://forms.example.org; read again at SIGHUP." env:"QUIRE_CORS_ORIGINS" placeholder:"ORIGIN" group:"Listeners"`

	BodyLimit     int           `help:"Bytes of a request body, packed and unpacked." default:"20971520" env:"QUIRE_BODY_LIMIT" placeholder:"BYTES" group:"Limits"`
	MemoryBudget  int64         `help:"Bytes all request bodies and their trees in flight may take; beyond it is 503." default:"268435456" env:"QUIRE_MEMORY_BUDGET" placeholder:"BYTES" group:"Limits"`
	Deadline      time.Duration `help:"Longest work on a request." default:"10s" env:"QUIRE_DEADLINE" group:"Limits"`
	QueryDeadline time.Duration `help:"Longest work on a query." default:"30s" env:"QUIRE_QUERY_DEADLINE" group:"Limits"`
	QueryLimits   string        `name:"query-limits-file" help:"JSON object from role to what one query of it may take: {\"default\": {\"rows\": 100000, \"bytes\": 0, \"seconds\": 10, \"work_memory\": 0, \"at_once\": 8}}. 0 is no limit. Without it 16 queries of a principal run at once." env:"QUIRE_QUERY_LIMITS_FILE" placeholder:"FILE" group:"Limits"`
	Connections   int           `help:"Client connections at once." default:"4096" env:"QUIRE_CONNECTIONS" placeholder:"N" group:"Limits"`
	ReadTimeout   time.Duration `help:"Longest time a request may take to arrive." default:"30s" env:"QUIRE_READ_TIMEOUT" group:"Limits"`
	WriteTimeout  time.Duration `help:"Longest time an answer may take to leave." default:"60s" env:"QUIRE_WRITE_TIMEOUT" group:"Limits"`
	IdleTimeout   time.Duration `help:"How long an idle connection is kept." default:"75s" env:"QUIRE_IDLE_TIMEOUT" group:"Limits"`

	LogLevel  string `help:"What is logged: debug, info, warn or error; read again at SIGHUP." enum:"debug,info,warn,error" default:"info" env:"QUIRE_LOG_LEVEL" group:"Operation"`
	LogFormat string `help:"json or text." enum:"json,text" default:"json" env:"QUIRE_LOG_FORMAT" group:"Operation"`
	Profiles  bool   `name:"pprof" help:"Serve /debug/pprof on the operations listener." env:"QUIRE_PPROF" group:"Operation"`
}
