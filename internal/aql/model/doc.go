// Package model says where the reference model lets a path of a query lead,
// whatever the data hold: what it does not have is a null that iterates nothing.
package model
