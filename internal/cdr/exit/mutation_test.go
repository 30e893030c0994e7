package exit_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quire-cdr/quire/internal/hl7v2"
	"github.com/quire-cdr/quire/internal/mllp"
)

// mutate breaks a message in one to three places.
func mutate(r *rand.Rand, text string) string {
	for range 1 + r.IntN(3) {
		if len(text) < 2 {
			return text
		}
		lines := strings.Split(strings.TrimSuffix(text, "\r"), "\r")
		n := r.IntN(len(lines))
		switch r.IntN(12) {
		case 0: // a character becomes another
			at := r.IntN(len(text))
			text = text[:at] + string("|^~\\&0AZ\"\xe9 \x01"[r.IntN(12)]) + text[at+1:]
			continue
		case 1: // one is lost
			at := r.IntN(len(text))
			text = text[:at] + text[at+1:]
			continue
		case 2: // the end is lost
			text = text[:1+r.IntN(len(text)-1)]
			continue
		case 3: // a segment is lost
			lines = append(lines[:n:n], lines[n+1:]...)
		case 4: // one comes twice
			lines = append(lines[:n+1:n+1], lines[n:]...)
		case 5: // two change places
			m := r.IntN(len(lines))
			lines[n], lines[m] = lines[m], lines[n]
		case 6: // a field is emptied
			fields := strings.Split(lines[n], "|")
			fields[r.IntN(len(fields))] = ""
			lines[n] = strings.Join(fields, "|")
		case 7: // a field is another's
			fields := strings.Split(lines[n], "|")
			other := strings.Split(lines[r.IntN(len(lines))], "|")
			fields[r.IntN(len(fields))] = other[r.IntN(len(other))]
			lines[n] = strings.Join(fields, "|")
		case 8: // a field grows
			fields := strings.Split(lines[n], "|")
			fields[r.IntN(len(fields))] += strings.Repeat("x", 1<<r.IntN(13))
			lines[n] = strings.Join(fields, "|")
		case 9: // a field too many
			lines[n] = strings.Replace(lines[n], "|", "||", 1)
		case 10: // a segment nobody knows
			lines = append(lines, []string{"ZZ1|1|x", "AL1|1|x", "OBX|9|ED|R^Report||LAB^AP^PDF^Base64^JVBERi0=||||||F", "OBX|9|RP|x||y"}[r.IntN(4)])
		case 11: // escapes
			fields := strings.Split(lines[n], "|")
			fields[r.IntN(len(fields))] += []string{"\\X00\\", "\\F\\", "\\E\\", "\\.br\\", "\\X4", "\\\\", "\\Zz\\"}[r.IntN(7)]
			lines[n] = strings.Join(fields, "|")
		}
		if len(lines) == 0 {
			return ""
		}
		text = strings.Join(lines, "\r") + "\r"
	}
	return text
}

// Broken messages over TCP, each sent twice: every one is stored once, or is a dead
// letter that names its field. QUIRE_HL7 says how many.
func TestMutatedMessages(t *testing.T) {
	count := 100
	if text := os.Getenv("QUIRE_HL7"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		count = n
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("QUIRE_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("QUIRE_SEED=%d", seed)
	h := newHouse(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &mllp.Listener{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Bytes: 1 << 20, Connections: 8, Idle: time.Minute, Message: time.Minute, Logger: slog.New(slog.DiscardHandler),
		Handler: func(ctx context.Context, _ string, m []byte) []byte { return h.Receive(ctx, h.source, m) }}
	ctx, stop := context.WithCancel(context.Background())
	var server errgroup.Group
	server.Go(func() error { return l.Serve(ctx, ln) })
	defer func() { stop(); _ = server.Wait() }()

	type sent struct {
		text string
		code string
	}
	outcomes := make([]sent, count)
	const lanes = 4
	var again atomic.Int64
	var senders errgroup.Group
	for lane := range lanes {
		senders.Go(func() error {
			r := rand.New(rand.NewPCG(seed, uint64(lane)))
			c := mllp.NewClient(map[string]mllp.Peer{"quire": {Address: ln.Addr().String(), Dial: time.Second}})
			defer c.Close()
			for n := lane; n < count; n += lanes {
				person := []string{personA, personB}[r.IntN(2)]
				text := result(person, fmt.Sprintf("C%d", n), fmt.Sprintf("F%d", n))
				if n%20 != 0 { // some stay whole
					text = mutate(r, text)
				}
				codes := [2]string{}
				for i := 0; i < len(codes); {
					answer, err := c.Send(context.Background(), "quire", []byte(text))
					if err != nil {
						return fmt.Errorf("message %d: %w\n%q", n, err, text)
					}
					a, err := hl7v2.ReadAck(answer)
					if err != nil {
						return fmt.Errorf("message %d: %w", n, err)
					}
					if a.Code == "AR" && again.Add(1) < int64(count) {
						// A busy server asks to be asked again; a sender does so.
						time.Sleep(100 * time.Millisecond)
						continue
					}
					codes[i] = a.Code
					i++
				}
				if codes[0] != codes[1] || codes[0] != "AA" && codes[0] != "AE" {
					return fmt.Errorf("message %d was answered %v\n%q", n, codes, text)
				}
				outcomes[n] = sent{text, codes[0]}
			}
			return nil
		})
	}
	if err := senders.Wait(); err != nil {
		t.Fatal(err)
	}

	dead := map[[32]byte]bool{}
	list, err := h.Store.DeadLetters(context.Background(), "", true, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	admin := laboratory
	for n, one := range list {
		if one.Field == "" && one.Reason != "" {
			t.Errorf("a dead letter names no field: %s %s", one.Reason, one.Detail)
		}
		if one.Attempts < 2 {
			t.Errorf("a message that was sent twice counts %d", one.Attempts)
		}
		if n < 200 || count <= 1000 {
			whole, err := h.Letter(context.Background(), admin, one.ID)
			if err != nil {
				t.Fatal(err)
			}
			dead[sha256.Sum256(whole.Content)] = true
		}
	}
	stored, buried := 0, 0
	for _, o := range outcomes {
		switch o.code {
		case "AA":
			stored++
		case "AE":
			buried++
			if count <= 1000 && !dead[sha256.Sum256([]byte(o.text))] {
				t.Errorf("refused and no dead letter: %q", o.text)
			}
		}
	}
	kept := h.reports(t, h.ehrs[personA]) + h.reports(t, h.ehrs[personB])
	t.Logf("%d answers asked to send again later", again.Load())
	t.Logf("%d sent twice: %d stored, %d dead letters of %d refused, %d compositions", count, stored, len(list), buried, kept)
	if len(list) > buried || len(list) < buried*9/10 {
		t.Errorf("%d dead letters of %d refused", len(list), buried)
	}
	// A mutated number of a result may be that of another: then it is its next version.
	if kept > stored || kept < stored*95/100 {
		t.Errorf("%d compositions of %d results stored", kept, stored)
	}
	if stored < count/20 || buried < count/10 {
		t.Errorf("the mutation is no test: %d stored, %d refused", stored, buried)
	}
}
