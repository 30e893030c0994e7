// Package promotion holds the use cases of promoted paths: which are promoted,
// by whom and why, which should be, and what slow queries tell of that (DESIGN
// section 3, leaf).
package promotion
