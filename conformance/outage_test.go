package conformance

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestKetoStoppedMeansNoAnswer: a caller nobody has judged yet is told to come
// back at once, one judged before within ten seconds, and no record leaves after.
func TestKetoStoppedMeansNoAnswer(t *testing.T) {
	data := tempDir(t)
	defer os.RemoveAll(data)
	s := start(t, data)
	defer s.stop(t)
	ehr := newEHR(t, s)
	path := s.OpenEHR + "/ehr/" + ehr
	recovers(t, s, path, 15*time.Second)

	keto := s.child(t, "keto")
	if err := syscall.Kill(keto, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	cold := s.call(t, "service", "GET", path, nil).want(t, 503)
	if took := time.Since(stopped); took > 4*time.Second {
		t.Errorf("a cold caller waits %v", took)
	}
	if cold.header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	for {
		warm := s.call(t, "clinician", "GET", path, nil).want(t, 200, 503)
		if warm.status == 503 {
			break
		}
		if time.Since(stopped) > 11*time.Second {
			t.Fatal("a warm caller still reads after ten seconds")
		}
		time.Sleep(200 * time.Millisecond)
	}
	s.call(t, "clinician", "GET", path, nil).want(t, 503)

	if err := syscall.Kill(keto, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	recovers(t, s, path, 15*time.Second)
}

func TestPostgresStoppedRecoversWithoutARestart(t *testing.T) {
	data := tempDir(t)
	defer os.RemoveAll(data)
	s := start(t, data)
	defer s.stop(t)
	ehr := newEHR(t, s)
	path := s.OpenEHR + "/ehr/" + ehr
	if err := syscall.Kill(s.child(t, "postgres"), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	// Whatever is answered while it is away, it is no record and no fault of the caller.
	time.Sleep(300 * time.Millisecond)
	if a, err := s.try("clinician", "GET", path, nil); err == nil && a.status != 503 && a.status != 200 {
		t.Errorf("without a database: %d %.200s", a.status, a.body)
	}
	recovers(t, s, path, 30*time.Second)
}

func recovers(t *testing.T, s *target, path string, within time.Duration) {
	t.Helper()
	for deadline := time.Now().Add(within); ; time.Sleep(200 * time.Millisecond) {
		a := s.call(t, "clinician", "GET", path, nil)
		if a.status == 200 {
			return
		}
		if a.status != 503 {
			t.Fatalf("while recovering: %d %.200s", a.status, a.body)
		}
		if time.Now().After(deadline) {
			t.Fatalf("no recovery within %v; the server says:\n%s", within, s.output)
		}
	}
}

// TestKilledAndStartedAgain: acknowledged commits are there after kill -9, and
// nothing keeps running.
func TestKilledAndStartedAgain(t *testing.T) {
	data := tempDir(t)
	defer os.RemoveAll(data)
	s := start(t, data)
	ehr := newEHR(t, s)
	created := s.call(t, "clinician", "POST", s.OpenEHR+"/ehr/"+ehr+"/composition", example(t, "vital_signs_minimal"), "Prefer", "return=representation").want(t, 201)
	children := s.children(t)
	if err := s.process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-s.ended

	again := start(t, data)
	defer again.stop(t)
	read := again.call(t, "clinician", "GET", again.OpenEHR+"/ehr/"+ehr+"/composition/"+created.uid(t), nil).want(t, 200)
	if string(read.body) != string(created.body) {
		t.Error("an acknowledged commit reads differently after a crash")
	}
	for pid, command := range children {
		if alive(pid) {
			t.Errorf("%s (%d) of the killed server still runs", command, pid)
		}
	}
}

func TestNothingRunsAfterStop(t *testing.T) {
	data := tempDir(t)
	defer os.RemoveAll(data)
	s := start(t, data)
	children := s.children(t)
	if len(children) < 2 {
		t.Errorf("children: %v", children)
	}
	s.stop(t)
	for pid, command := range children {
		if alive(pid) {
			t.Errorf("%s (%d) still runs", command, pid)
		}
	}
}

func alive(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	rest := string(text[strings.LastIndexByte(string(text), ')')+1:])
	fields := strings.Fields(rest)
	return len(fields) > 0 && fields[0] != "Z"
}
