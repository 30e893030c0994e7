package openehr

import (
	"slices"

	"github.com/quire-cdr/quire/internal/rest"
)

// root is the API's place after the base path.
const root = "/rest/openehr/v1"

// Service is what the API needs of the use cases, noun by noun.
type Service interface {
	ehrService
	statusService
	compositionService
	directoryService
	contributionService
	tagService
	partyService
	templateService
	pathService
	archetypeService
	storedQueryService
	queryService
}

// About is what the server says of itself.
type About struct {
	// Version is that of the program, SystemID the record's.
	Version, SystemID string
}

// Routes is the table of the whole API.
func Routes(service Service, about About) []rest.Route {
	return slices.Concat(
		systemRoutes(about),
		ehrRoutes(service),
		statusRoutes(service),
		compositionRoutes(service),
		directoryRoutes(service),
		contributionRoutes(service),
		tagRoutes(service),
		partyRoutes(service),
		templateRoutes(service),
		pathRoutes(service),
		archetypeRoutes(service),
		storedQueryRoutes(service),
		queryRoutes(executorOf(service), service),
	)
}
