package conformance

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/rest"
)

// TestMannersAreOneTable writes the two sets of manners beside each other: a
// member in which they agree is none.
func TestMannersAreOneTable(t *testing.T) {
	var table strings.Builder
	fmt.Fprint(&table, "| member | default | ehrbase |\n|---|---|---|\n")
	var rows func(a, b reflect.Value)
	rows = func(a, b reflect.Value) {
		for i := range a.NumField() {
			field := a.Type().Field(i)
			if field.Anonymous {
				rows(a.Field(i), b.Field(i))
				continue
			}
			one, other := a.Field(i).Interface(), b.Field(i).Interface()
			if reflect.DeepEqual(one, other) {
				t.Errorf("%s is the same in both sets", field.Name)
			}
			fmt.Fprintf(&table, "| %s | `%v` | `%v` |\n", field.Name, one, other)
		}
	}
	rows(reflect.ValueOf(rest.MannersFor(false)), reflect.ValueOf(rest.MannersFor(true)))
	generated(t, "manners", table.String())
}
