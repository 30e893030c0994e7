// Package ecis serves the routes of EhrScape that clients of EHRbase know, under
// /rest/ecis/v1: records, compositions in any format, templates with their web
// templates and examples, and queries. Each calls the same use cases as the
// specification's API; only the envelopes differ.
package ecis
