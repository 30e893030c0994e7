package templates

import "embed"

// V2 holds v2/<template>.<message>.yaml: the HL7 v2 messages of our templates, as
// package mapping reads them.
//
//go:embed v2/*.yaml
var V2 embed.FS
