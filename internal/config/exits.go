package config

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"
)

// Exits is the file of --exits-file: who gets messages and who sends them. A
// member nobody knows is refused.
type Exits struct {
	Destinations []Destination `json:"destinations"`
	Sources      []Source      `json:"sources"`
}

// Principal is a service identity: its rights decide what leaves and what comes in.
type Principal struct {
	Subject      string `json:"subject"`
	Role         string `json:"role"`
	Organisation string `json:"organisation"`
	Name         string `json:"name"`
	Purpose      string `json:"purpose"`
}

// Destination is a receiver of HL7 v2 messages over MLLP.
type Destination struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	// Mapping is the name of a mapping file without its ending.
	Mapping    string    `json:"mapping"`
	From       [2]string `json:"from"`
	To         [2]string `json:"to"`
	Processing string    `json:"processing"`
	// Identifiers says by namespace of the subject how it stands in PID-3.
	Identifiers map[string]struct {
		Assigner string `json:"assigner"`
		Type     string `json:"type"`
	} `json:"identifiers"`
	Principal Principal `json:"principal"`
	Timeout   string    `json:"timeout"`
	TLS       *struct {
		CA         string `json:"ca_file"`
		ServerName string `json:"server_name"`
		Cert       string `json:"cert_file"`
		Key        string `json:"key_file"`
	} `json:"tls"`
}

// Source is a sender of HL7 v2 results over MLLP, on a listener of its own.
type Source struct {
	Name   string   `json:"name"`
	Listen string   `json:"listen"`
	Allow  []string `json:"allow"`
	// Namespaces are those of assigning authorities in PID-3.4. Verified is the one
	// of which a person has one number, VerifiedAt fields besides PID-3 that hold it.
	Namespaces  map[string]string `json:"namespaces"`
	Verified    string            `json:"verified"`
	VerifiedAt  []string          `json:"verified_at"`
	Charset     string            `json:"charset"`
	Bytes       int               `json:"bytes"`
	Connections int               `json:"connections"`
	Principal   Principal         `json:"principal"`
	TLS         *struct {
		Cert string `json:"cert_file"`
		Key  string `json:"key_file"`
		// ClientCA demands certificates of clients.
		ClientCA string `json:"client_ca_file"`
	} `json:"tls"`
}

// ReadExits reads the file; "" is none.
func ReadExits(file string) (Exits, error) {
	var e Exits
	if file == "" {
		return e, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return e, fmt.Errorf("exits-file: it cannot be read: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&e); err != nil {
		return e, fmt.Errorf("exits-file: it must be a JSON object of destinations and sources: %w", err)
	}
	var all []error
	wrong := func(where, format string, args ...any) {
		all = append(all, fmt.Errorf("exits-file: %s: %s", where, fmt.Sprintf(format, args...)))
	}
	names := map[string]bool{}
	for n := range e.Destinations {
		d := &e.Destinations[n]
		where := "destination " + d.Name
		if d.Name == "" || names[d.Name] {
			wrong(where, "names are given, and each once")
		}
		names[d.Name] = true
		if _, _, err := net.SplitHostPort(d.Address); err != nil {
			wrong(where, "address is host:port")
		}
		if d.Principal.Subject == "" || d.Mapping == "" || len(d.Identifiers) == 0 {
			wrong(where, "it needs mapping, identifiers and principal")
		}
		if d.Processing == "" {
			d.Processing = "P"
		}
		if d.Processing != "P" && d.Processing != "T" && d.Processing != "D" {
			wrong(where, "processing is P, T or D")
		}
		if d.Timeout == "" {
			d.Timeout = "30s"
		}
		if t, err := time.ParseDuration(d.Timeout); err != nil || t <= 0 || t > time.Minute {
			wrong(where, "timeout is a duration of at most a minute")
		}
	}
	for n := range e.Sources {
		s := &e.Sources[n]
		where := "source " + s.Name
		if s.Name == "" || names[s.Name] {
			wrong(where, "names are given, and each once")
		}
		names[s.Name] = true
		if s.Principal.Subject == "" || len(s.Namespaces) == 0 || len(s.Allow) == 0 {
			wrong(where, "it needs allow, namespaces and principal")
		}
		for _, network := range s.Allow {
			if _, err := netip.ParsePrefix(network); err != nil {
				wrong(where, "%q is no network such as 10.1.2.0/24", network)
			}
		}
		if s.Bytes == 0 {
			s.Bytes = 20 << 20
		}
		if s.Connections == 0 {
			s.Connections = 16
		}
	}
	return e, errors.Join(all...)
}

// Client is the TLS configuration of a destination, nil for plain TCP.
func (d *Destination) Client() (*tls.Config, error) {
	if d.TLS == nil {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: d.TLS.ServerName}
	var err error
	if c.RootCAs, err = pool(d.TLS.CA); err != nil {
		return nil, err
	}
	if c.ServerName == "" {
		c.ServerName, _, _ = net.SplitHostPort(d.Address)
	}
	if d.TLS.Cert != "" {
		pair, err := tls.LoadX509KeyPair(d.TLS.Cert, d.TLS.Key)
		if err != nil {
			return nil, fmt.Errorf("destination %s: certificate and key cannot be read as a pair", d.Name)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// Server is the TLS configuration of a source, nil for plain TCP.
func (s *Source) Server() (*tls.Config, error) {
	if s.TLS == nil {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(s.TLS.Cert, s.TLS.Key)
	if err != nil {
		return nil, fmt.Errorf("source %s: certificate and key cannot be read as a pair", s.Name)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	if s.TLS.ClientCA != "" {
		if c.ClientCAs, err = pool(s.TLS.ClientCA); err != nil {
			return nil, err
		}
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return c, nil
}

// pool reads certificates; nil for "" means those of the system.
func pool(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", file, err)
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return p, nil
}
