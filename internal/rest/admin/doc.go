// Package admin serves the administrative operations: physical deletion of an
// EHR, under /rest/admin and, as the specification has it, under
// /rest/openehr/v1/admin.
package admin
