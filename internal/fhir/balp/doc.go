// Package balp writes rows of the audit as FHIR R4 AuditEvent, in the shape of
// IHE's Basic Audit Log Patterns (BALP 1.1.3): one resource for an access to a
// record or a query, with who, in which role and organisation, from where, by
// which request, for which purpose, on whose record and on what.
package balp
