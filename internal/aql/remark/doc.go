// Package remark says what of a query is legal and still finds nothing: classes
// and archetypes nobody has, functions that do not exist, and paths that no
// template leads along, with what may have been meant.
package remark
