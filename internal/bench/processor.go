package bench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// databaseTime is the processor time that a database and its connections have
// taken: the part of a query that others on the machine do not change much, while
// what a client waits for does. ok is false where the system does not say.
func databaseTime(postmaster int) (took time.Duration, ok bool) {
	if postmaster == 0 {
		return 0, false
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", postmaster))
	if err != nil {
		return 0, false
	}
	for _, child := range strings.Fields(string(children)) {
		text, err := os.ReadFile("/proc/" + child + "/schedstat")
		ran, _, _ := strings.Cut(string(text), " ")
		if n, parsed := strconv.ParseInt(ran, 10, 64); err == nil && parsed == nil {
			took += time.Duration(n)
		}
	}
	return took, true
}
