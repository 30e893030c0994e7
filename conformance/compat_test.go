package conformance

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"sync"
	"testing"
)

var (
	peer     *target
	peerOnce sync.Once
	peerDir  string
)

// compat is the server in EHRbase's manners that the suites share; TestMain
// stops it.
func compat(t testing.TB) *target {
	t.Helper()
	peerOnce.Do(func() {
		if path := os.Getenv("QUIRE_COMPAT_ACCESS"); path != "" {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			peer = &target{}
			if err := json.Unmarshal(text, peer); err != nil {
				t.Fatal(err)
			}
			return
		}
		peerDir = tempDir(t)
		peer = start(t, peerDir, "--compat", "ehrbase", "--no-demo")
	})
	if peer == nil {
		t.Fatal("the server in EHRbase's manners did not start; see the first failure")
	}
	return peer
}

// Credentials every client of EHRbase's suite sends.
var (
	peerUser  = basic("ehrbase-user", "SuperSecretPassword")
	peerAdmin = basic("ehrbase-admin", "EvenMoreSecretPassword")
)

func basic(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

// peerScene speaks as EHRbase's user.
func peerScene(t testing.TB) *scene {
	t.Helper()
	c := newScene(t, compat(t))
	c.who, c.header = "nobody", []string{"Authorization", peerUser}
	return c
}
