// Package web serves the pages: one that says what runs here and where its
// interfaces are, and those of forms, which open, fill, submit and show the form
// of any template. Pages hold no record data: their scripts ask the API for them
// with the caller's own token, which stays in the tab.
package web
