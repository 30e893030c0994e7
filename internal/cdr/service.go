package cdr

import (
	"crypto/cipher"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/quire-cdr/quire/internal/validate"
)

// Deps is what a Service needs of the world.
type Deps struct {
	Store      Store
	Authorizer Authorizer
	Auditor    Auditor
	// Hider encrypts what queries asked for the audit; nil keeps the hash alone.
	Hider AuditHider
	// Clock defaults to the wall clock.
	Clock Clock
	// SystemID is this system's id, as in version uids.
	SystemID string
	// Compat picks the manners of EHRbase.
	Compat bool
	// Destruction allows physical deletion.
	Destruction bool
	// TwoPersons has a destruction done only when a second person asks for it.
	TwoPersons bool
	// NHSNamespaces are namespaces of subjects whose ids are NHS numbers: blanks
	// are taken out and the check digit must be right. Defaults to the FHIR system.
	NHSNamespaces []string
	// Terminology judges codes of external value sets; nil leaves them unjudged.
	Terminology validate.Terminology
	// PassUnanswered accepts, with a warning, codes that Terminology could not
	// judge; else the commit is Unavailable.
	PassUnanswered bool
	// ValueSets expands value sets that AQL names; nil knows none.
	ValueSets ValueSets
	// QueryLimits bound queries by role; nil are the defaults.
	QueryLimits QueryLimitsByRole
	// CursorSecret seals the cursors of query pages, the same for all processes; nil
	// makes one that ends with the process.
	CursorSecret []byte
	// Logger defaults to slog.Default.
	Logger *slog.Logger
}

// Service is the use cases. Every method takes the caller first, authorizes,
// acts and audits. It is safe for concurrent use.
type Service struct {
	store       Store
	authorizer  Authorizer
	auditor     Auditor
	hider       AuditHider
	clock       Clock
	systemID    string
	manners     Manners
	destruction bool
	twoPersons  bool
	nhs         []string
	terminology validate.Terminology
	valueSets   ValueSets
	log         *slog.Logger
	queryLimits QueryLimitsByRole
	running     queriesRunning
	cursors     cipher.AEAD
	// passUnanswered: see Deps.
	passUnanswered bool
	templates      *otter.Cache[string, cachedTemplate]
	everything     atomic.Pointer[allThereIs]
	rules          atomic.Pointer[labelRules]
}

// New makes a Service.
func New(d Deps) *Service {
	if d.Clock == nil {
		d.Clock = wallClock{}
	}
	if d.Logger == nil {
		d.Logger = slog.Default()
	}
	if d.NHSNamespaces == nil {
		d.NHSNamespaces = []string{"https://fhir.nhs.uk/Id/nhs-number"}
	}
	return &Service{
		queryLimits: d.QueryLimits, cursors: cursorCipher(d.CursorSecret),
		store: d.Store, authorizer: d.Authorizer, auditor: d.Auditor, hider: d.Hider, clock: d.Clock,
		systemID: d.SystemID, manners: MannersFor(d.Compat), destruction: d.Destruction, twoPersons: d.TwoPersons, nhs: d.NHSNamespaces, log: d.Logger,
		terminology: d.Terminology, passUnanswered: d.PassUnanswered, valueSets: d.ValueSets,
		templates: otter.Must(&otter.Options[string, cachedTemplate]{
			MaximumSize: 1000,
		}),
	}
}

// SystemID is this system's id.
func (s *Service) SystemID() string { return s.systemID }

// Manners are the manners in force.
func (s *Service) Manners() Manners { return s.manners }

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }
