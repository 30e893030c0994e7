package access

import (
	"fmt"
	"strings"
)

// ScanOf gives a FROM item like Scan for the rows of the EHR of a row that this
// scope has already scanned: ehr is that row's ehr_id. The gate of the EHR has
// been judged there and is not judged again; what a row carries itself, labels
// and template, is. The equality that makes this right is written here and not
// left to the caller. The item refers to what stands before it in FROM: it, or
// the subquery that holds it, is LATERAL.
func (s *Scope) ScanOf(table Table, alias, ehr string) string {
	where := []string{"t.ehr_id = " + ehr}
	if !s.profile.All && table.labelled() {
		where = append(where, s.labelsAndTemplates())
	}
	return fmt.Sprintf("(select t.* from %s t where %s) %s", table, strings.Join(where, " and "), alias)
}
