package plan

// Keyset asks for a page of a query in an order that is total: that of ORDER BY,
// then by what tells rows apart. Rows that are still alike hold the same.
type Keyset struct {
	// After is the key of the last row of the page before, as the statement gives it;
	// "" begins with the first row.
	After string
	// Skip is how many rows with that key have been given.
	Skip int64
}
