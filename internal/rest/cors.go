package rest

import (
	"net/http"
	"slices"

	"github.com/gofiber/fiber/v2"
)

// What pages of other origins may send and read. Credentials of the browser are
// never let through: tokens come in Authorization, which a page must hold itself.
const (
	corsMethods = "GET, HEAD, POST, PUT, DELETE, OPTIONS"
	corsAsk     = "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Exist, If-None-Match, Prefer, Quire-Purpose, Quire-Role, Quire-Sensitivity, X-Request-ID, " +
		"openehr-audit-details, openehr-item-tag, openehr-template-id, openehr-template-version, openehr-version"
	corsShow   = "Content-Location, ETag, Last-Modified, Link, Location, Quire-Disclosure, Retry-After, X-Request-ID, openehr-template-version, openehr-uri"
	corsMaxAge = "600"
)

// cors answers for a page of a listed origin; a preflight is answered here and is
// done then. Other origins get nothing, and their browser refuses for us.
func (s *server) cors(ctx *fiber.Ctx) (done bool) {
	if s.Origins == nil {
		return false
	}
	origin := ctx.Get(fiber.HeaderOrigin)
	if origin == "" || !slices.Contains(s.Origins(), origin) {
		return false
	}
	ctx.Set(fiber.HeaderAccessControlAllowOrigin, origin)
	ctx.Set(fiber.HeaderAccessControlExposeHeaders, corsShow)
	if ctx.Method() != http.MethodOptions || ctx.Get(fiber.HeaderAccessControlRequestMethod) == "" {
		return false
	}
	ctx.Set(fiber.HeaderAccessControlAllowMethods, corsMethods)
	ctx.Set(fiber.HeaderAccessControlAllowHeaders, corsAsk)
	ctx.Set(fiber.HeaderAccessControlMaxAge, corsMaxAge)
	ctx.Status(http.StatusNoContent)
	return true
}
