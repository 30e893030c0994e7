package deploy

import _ "embed"

// OPL is Quire's access model in the Ory Permission Language, as it is handed to Keto at start. It stands in a folder
// without a go.mod because embedding cannot cross a module border: the module that builds Keto is keto/server.
//
//go:embed keto/namespaces.keto.ts
var OPL []byte
