// Package rest is the HTTP floor: it turns a request into a call of a use case
// and the outcome into an answer, by tables. This package holds what all nouns
// share: the route with the access it needs, the bounded body, negotiation,
// conditional requests, committal headers, one table from fault to status, one
// table of manners, the middleware. The nouns live in sub-packages (openehr,
// admin, access, audit, web, fhir), each exporting Routes(service) []rest.Route;
// cmd joins the tables and hands them to New. Only this folder knows Fiber.
package rest
