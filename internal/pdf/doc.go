// Package pdf writes a stored composition as a page that people read and print,
// with the composition itself attached inside, so that what was printed can be
// taken back in without retyping.
//
// The same composition printed at the same time is the same file. Fonts are
// embedded; a character they lack is written as its code point, never left out.
package pdf
