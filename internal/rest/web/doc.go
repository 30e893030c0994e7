// Package web serves the pages: for now one that says what runs here and where
// its interfaces are. Pages show no record data.
package web
