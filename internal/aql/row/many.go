package row

import "github.com/quire-cdr/quire/internal/rm/rminfo"

// Many says whether some class declares the attribute a list: what a path may
// iterate. The one attribute that is a list here and single there, reason,
// counts as a list.
func Many(attr rminfo.Attr) bool { return isMany[attr] }

var isMany = func() map[rminfo.Attr]bool {
	many := map[rminfo.Attr]bool{}
	for class := range rminfo.Class(rminfo.Classes()) {
		for _, a := range class.Attributes() {
			if a.Container && a.Type != rminfo.Byte {
				many[a.Attr] = true
			}
		}
	}
	return many
}()
