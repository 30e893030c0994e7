package main

import (
	"strings"
	"testing"
)

func TestTally(t *testing.T) {
	const good = `{"Action":"start","Package":"a"}
{"Action":"run","Package":"a","Test":"TestOne"}
{"Action":"output","Package":"a","Test":"TestOne","Output":"=== RUN   TestOne\n"}
{"Action":"pass","Package":"a","Test":"TestOne","Elapsed":0}
{"Action":"skip","Package":"a","Test":"TestTwo","Elapsed":0}
{"Action":"output","Package":"a","Output":"PASS\n"}
{"Action":"output","Package":"a","Output":"ok  \ta\t0.01s\n"}
{"Action":"pass","Package":"a","Elapsed":0.01}
`
	const bad = `{"Action":"output","Package":"b","Test":"TestX","Output":"    x_test.go:1: wrong\n"}
{"Action":"output","Package":"b","Test":"TestX","Output":"--- FAIL: TestX (0.00s)\n"}
{"Action":"fail","Package":"b","Test":"TestX","Elapsed":0}
{"Action":"output","Package":"b","Output":"FAIL\tb\t0.01s\n"}
{"Action":"fail","Package":"b","Elapsed":0.01}
`
	const broken = `{"ImportPath":"c [c.test]","Action":"build-output","Output":"c.go:1:1: syntax error\n"}
{"ImportPath":"c [c.test]","Action":"build-fail"}
`
	for _, tc := range []struct {
		name, in string
		code     int
		want     string
	}{
		{"a slow one is named", `{"Action":"pass","Package":"a","Test":"TestOne","Elapsed":61.5}` + "\n" + `{"Action":"pass","Package":"a","Test":"TestTwo/part","Elapsed":61.5}` + "\n", 0, "  61.5 s  a TestOne\n2 passed, 0 failed\n"},
		{"all pass", good, 0, "ok  \ta\t0.01s\n1 skipped\n1 passed, 0 failed\n"},
		{"one fails", good + bad, 1, "ok  \ta\t0.01s\n    x_test.go:1: wrong\n--- FAIL: TestX (0.00s)\nFAIL\tb\t0.01s\n1 skipped\n1 passed, 1 failed\n"},
		{"does not compile", broken, 1, "c.go:1:1: syntax error\n0 passed, 1 failed\n"},
		{"other lines pass through", "make: nothing to do\nlast", 0, "make: nothing to do\nlast\n0 passed, 0 failed\n"},
	} {
		var got strings.Builder
		tally := newTally(&got)
		for _, b := range []byte(tc.in) { // lines arrive in pieces
			_, _ = tally.Write([]byte{b})
		}
		tally.report(tc.code)
		if got.String() != tc.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tc.name, got.String(), tc.want)
		}
	}
}
