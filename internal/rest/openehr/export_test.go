package openehr

// QueryRoutes lets a test run queries of its own: a cdr.ResultSet cannot be faked.
var QueryRoutes = queryRoutes

// Answer is what such a query gives.
type Answer = answer
