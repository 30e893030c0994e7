// Package paper answers requests with compositions as PDFs, for the openEHR API and
// the FHIR API alike.
package paper
