package conformance

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// hl7 is a message as its segments, read by splitting alone.
type hl7 [][]string

func parseHL7(text string) hl7 {
	var m hl7
	for segment := range strings.SplitSeq(strings.TrimRight(text, "\r"), "\r") {
		m = append(m, strings.Split(segment, "|"))
	}
	return m
}

// at is a field or component, such as "OBR[2]-4.2"; of MSH the separator is field 1.
func (m hl7) at(place string) string {
	name, field, _ := strings.Cut(place, "-")
	nth := 1
	if begin, rest, ok := strings.Cut(name, "["); ok {
		name = begin
		nth, _ = strconv.Atoi(strings.TrimSuffix(rest, "]"))
	}
	field, component, parted := strings.Cut(field, ".")
	f, _ := strconv.Atoi(field)
	if name == "MSH" {
		f--
	}
	for _, s := range m {
		if s[0] != name {
			continue
		}
		if nth--; nth > 0 {
			continue
		}
		if f >= len(s) {
			return ""
		}
		if !parted {
			return s[f]
		}
		c, _ := strconv.Atoi(component)
		if parts := strings.Split(s[f], "^"); c <= len(parts) {
			return parts[c-1]
		}
		return ""
	}
	return ""
}

func (m hl7) count(segment string) (n int) {
	for _, s := range m {
		if s[0] == segment {
			n++
		}
	}
	return n
}

// receiver takes messages over MLLP as a laboratory's engine does. It loses the
// connection instead of answering the first lose messages.
type receiver struct {
	mu      sync.Mutex
	lose    int
	arrived []hl7
	taken   []hl7
}

func (r *receiver) handle(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		text, err := frame(in)
		if err != nil {
			return
		}
		m := parseHL7(text)
		r.mu.Lock()
		r.arrived = append(r.arrived, m)
		lost := len(r.arrived) <= r.lose
		if !lost {
			r.taken = append(r.taken, m)
		}
		r.mu.Unlock()
		if lost {
			return
		}
		fmt.Fprintf(c, "\vMSH|^~\\&|R|R|QUIRE|DEM11|20260101||ACK|%s|T|2.5.1\rMSA|AA|%s\r\x1c\r", m.at("MSH-10"), m.at("MSH-10"))
	}
}

func frame(in *bufio.Reader) (string, error) {
	text, err := in.ReadString(0x1c)
	if err == nil {
		_, err = in.ReadByte()
	}
	return strings.Trim(text, "\v\x1c"), err
}

// got waits for the n-th message that was taken.
func (r *receiver) got(t *testing.T, n int) hl7 {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		r.mu.Lock()
		if len(r.taken) >= n {
			defer r.mu.Unlock()
			return r.taken[n-1]
		}
		r.mu.Unlock()
	}
	t.Fatalf("no message %d came within a minute", n)
	return nil
}

// receive serves a receiver on a port of its own until the test ends.
func receive(t *testing.T, r *receiver, secure *tls.Config) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = ln.Addr().String()
	if secure != nil {
		ln = tls.NewListener(ln, secure)
	}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			open.Go(func() { r.handle(c) })
		}
	})
	t.Cleanup(func() { ln.Close() })
	return address
}

// sent sends a message to a source and gives its acknowledgement.
func sent(t *testing.T, address string, secure *tls.Config, text []byte) hl7 {
	t.Helper()
	c, err := tls.Dial("tcp", address, secure)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := c.Write(append(append([]byte("\v"), text...), "\x1c\r"...)); err != nil {
		t.Fatal(err)
	}
	answer, err := frame(bufio.NewReader(c))
	if err != nil {
		t.Fatal(err)
	}
	return parseHL7(answer)
}

// freePort is one that nobody had a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// certificate writes a certificate that signs itself, for both sides of a test.
func certificate(t *testing.T, dir string) (cert, key string, both *tls.Config) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "127.0.0.1"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certPEM, keyPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, text := range map[string][]byte{cert: certPEM, key: keyPEM} {
		if err := os.WriteFile(name, bytes.Clone(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	return cert, key, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, RootCAs: pool, ServerName: "127.0.0.1"}
}
