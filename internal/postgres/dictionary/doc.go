// Package dictionary interns what stands in the rows of AQL by a number:
// archetypes, systems, and shapes. New entries are allocated in a short
// transaction before the data's own, keys sorted, and read back; the epoch rises
// with each, so that readers replan (DESIGN section 3).
package dictionary
