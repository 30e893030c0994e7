package exit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/exit"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/hl7v2"
	"github.com/quire-cdr/quire/internal/hl7v2/mapping"
	"github.com/quire-cdr/quire/internal/mllp"
	"github.com/quire-cdr/quire/internal/testkit/api"
	"github.com/quire-cdr/quire/templates"
)

const nhs = "https://fhir.nhs.uk/Id/nhs-number"

var laboratory = cdr.Caller{Subject: "svc:lab", Organisation: "north", Service: true, Name: "Laboratory interface"}

// house is the use cases on a real database, with two people who each have an order.
type house struct {
	*exit.Exits
	service *cdr.Service
	source  *exit.Source
	// ehrs by NHS number.
	ehrs map[string]string
}

const personA, personB = "9990000018", "9990000026"

func newHouse(t testing.TB) *house {
	t.Helper()
	ctx := context.Background()
	db := api.Open(t, 8)
	service := cdr.New(cdr.Deps{Store: db, Authorizer: api.Anyone{}, Auditor: api.Anyone{}, SystemID: "test.quire"})
	system := cdr.Caller{Subject: "system:test", Organisation: "north", All: true, Name: "Test"}
	for _, shipped := range templates.All() {
		if !strings.HasPrefix(shipped.ID, "Genomic") {
			continue
		}
		source, err := templates.FS.ReadFile(shipped.File)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := service.UploadTemplate(ctx, system, source, cdr.TemplateUpload{}); err != nil {
			t.Fatal(err)
		}
	}
	mappings, err := mapping.Read(templates.V2, "v2")
	if err != nil {
		t.Fatal(err)
	}
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	h := &house{service: service, ehrs: map[string]string{}, source: &exit.Source{
		Name: "lab", Caller: laboratory, Namespaces: map[string]string{"NHS": nhs}, Verified: nhs, VerifiedAt: []string{"PID-19"}, Zone: london, Bytes: 1 << 20,
	}}
	h.Exits = &exit.Exits{Records: service, Store: db, Mappings: mappings, Secret: []byte("0123456789abcdef0123456789abcdef"), Logger: slog.New(slog.DiscardHandler)}
	for _, number := range []string{personA, personB} {
		status := fmt.Sprintf(`{"_type":"EHR_STATUS","name":{"_type":"DV_TEXT","value":"EHR status"},"archetype_node_id":"openEHR-EHR-EHR_STATUS.generic.v1","subject":{"_type":"PARTY_SELF","external_ref":{"_type":"PARTY_REF","namespace":%q,"type":"PERSON","id":{"_type":"GENERIC_ID","value":%q,"scheme":"nhs"}}},"is_queryable":true,"is_modifiable":true}`, nhs, number)
		made, err := service.CreateEHR(ctx, system, "", &cdr.Content{JSON: []byte(status)}, cdr.CommitInfo{})
		if err != nil {
			t.Fatal(err)
		}
		h.ehrs[number] = made.ID
		h.order(t, made.ID, "GEN-2026-00417")
	}
	return h
}

// order commits the order of the examples under a number.
func (h *house) order(t testing.TB, ehr, number string) cdr.Document {
	t.Helper()
	text, err := templates.FS.ReadFile("examples/genomic_order_predictive.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := h.service.CreateComposition(context.Background(), cdr.Caller{Subject: "system:test", Organisation: "north", All: true, Name: "Test"}, ehr,
		cdr.Content{JSON: bytes.ReplaceAll(text, []byte("GEN-2026-00417"), []byte(number))}, cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// result is a report of one number.
func result(person, control, filler string) string {
	return "MSH|^~\\&|IGENE|LAB1|QUIRE|DEM11|20260401093000+0100||ORU^R01|" + control + "|P|2.5.1\r" +
		"PID|1||" + person + "^^^NHS^NH||CHISLETT^Octavia||19920314|F\r" +
		"ORC|RE|GEN-2026-00417^Demo|" + filler + "\r" +
		"OBR|1|GEN-2026-00417^Demo|" + filler + "|R242.1^Predictive testing^England-GenomicTestDirectory|||202603100940|||||||||||||||20260331093000+0100|||F\r" +
		"OBX|1|CWE|51968-6^Overall finding^LN||found^Cause found^L||||||F\r" +
		"OBX|2|CWE|BRCA1^BRCA1, the variant known in the family^L||260373001^Detected^SCT||||||F\r" +
		"OBX|3|FT|C^Conclusion^L||The variant was found.||||||F\r" +
		"NTE|1|L|Only the known variant was looked for.\r"
}

func (h *house) receive(t testing.TB, text string) hl7v2.Answer {
	t.Helper()
	ack, err := hl7v2.ReadAck(h.Receive(context.Background(), h.source, []byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	return ack
}

// versions counts stored versions of reports in a record, and compositions.
func (h *house) reports(t testing.TB, ehr string) int {
	t.Helper()
	rows, err := h.service.Query(context.Background(), cdr.Caller{Subject: "system:test", All: true}, cdr.QueryRequest{
		Text: "SELECT COUNT(c) FROM EHR e CONTAINS COMPOSITION c[openEHR-EHR-COMPOSITION.report-result.v1]", EHR: ehr})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := rows.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Rows [][]int `json:"rows"`
	}
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil || len(answer.Rows) != 1 {
		t.Fatal(err, out.String())
	}
	return answer.Rows[0][0]
}

func (h *house) letters(t testing.TB) []exit.Letter {
	t.Helper()
	list, err := h.Letters(context.Background(), cdr.Caller{Subject: "system:test", All: true}, "", false)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestResultBecomesComposition(t *testing.T) {
	h := newHouse(t)
	text := result(personA, "M1", "26-GR-1")
	for range 2 {
		if ack := h.receive(t, text); ack.Code != "AA" || ack.ControlID != "M1" {
			t.Fatalf("%+v", ack)
		}
	}
	if n := h.reports(t, h.ehrs[personA]); n != 1 {
		t.Errorf("%d compositions of one result", n)
	}
	// A correction is the next version of the same composition.
	corrected := strings.Replace(result(personA, "M2", "26-GR-1"), "The variant was found.", "The variant was confirmed.", 1)
	if ack := h.receive(t, corrected); ack.Code != "AA" {
		t.Fatalf("%+v", ack)
	}
	if n := h.reports(t, h.ehrs[personA]); n != 1 {
		t.Errorf("%d compositions after a correction", n)
	}
	for name, c := range map[string]struct{ text, place, reason string }{
		"nobody":         {strings.Replace(result(personA, "N1", "F1"), personA, "9990000034", 1), "PID-3", "person-unknown"},
		"no number":      {strings.Replace(result(personA, "N2", "F1"), personA, "", 1), "PID-3", "person-unidentified"},
		"two people":     {strings.Replace(result(personA, "N3", "F1"), "|F\rORC", "|F|||||||||||"+personB+"\rORC", 1), "PID-19", "identifiers-differ"},
		"other surname":  {strings.Replace(result(personA, "N4", "F1"), "CHISLETT", "SMITH", 1), "PID-5", "demographics-differ"},
		"other birthday": {strings.Replace(result(personA, "N5", "F1"), "19920314", "19920315", 1), "PID-7", "demographics-differ"},
		"other order":    {strings.ReplaceAll(result(personA, "N6", "F1"), "GEN-2026-00417", "GEN-1"), "OBR-2", "order-unknown"},
		"other's result": {result(personB, "N7", "26-GR-1"), "OBR-3", "result-of-another"},
		"number reused":  {strings.Replace(text, "looked for", "sought", 1), "MSH-10", "number-reused"},
		"bad number":     {strings.Replace(result(personA, "N8", "F1"), personA, "9990000019", 1), "PID-3", "identifier"},
		"another kind":   {strings.Replace(result(personA, "N9", "F1"), "ORU^R01", "ADT^A01", 1), "MSH-9", "message-type"},
		"not decided":    {strings.Replace(result(personA, "N10", "F1"), "|P|2.5.1", "|D|2.5.1", 1), "MSH-11", "status"},
	} {
		ack := h.receive(t, c.text)
		if ack.Code != "AE" || ack.Place != c.place {
			t.Errorf("%s: %+v, want AE at %s", name, ack, c.place)
		}
		found := false
		for _, l := range h.letters(t) {
			found = found || l.Reason == c.reason && strings.HasPrefix(l.Field, c.place)
		}
		if !found {
			t.Errorf("%s: no dead letter %s at %s in %+v", name, c.reason, c.place, h.letters(t))
		}
	}
	if a, b := h.reports(t, h.ehrs[personA]), h.reports(t, h.ehrs[personB]); a != 1 || b != 0 {
		t.Errorf("%d and %d compositions after messages that were refused", a, b)
	}
}

func TestDeadLetterIsTriedAgain(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	admin := cdr.Caller{Subject: "system:test", Organisation: "north", All: true}
	text := strings.ReplaceAll(result(personA, "M1", "F1"), "GEN-2026-00417", "GEN-LATE")
	if ack := h.receive(t, text); ack.Code != "AE" {
		t.Fatalf("%+v", ack)
	}
	list := h.letters(t)
	if len(list) != 1 || len(list[0].Content) != 0 {
		t.Fatalf("%+v", list)
	}
	whole, err := h.Letter(ctx, admin, list[0].ID)
	if err != nil || string(whole.Content) != text {
		t.Fatalf("the letter holds %q: %v", whole.Content, err)
	}
	if _, err := h.Retry(ctx, admin, list[0].ID); !fault.Is(err, fault.Unprocessable) {
		t.Errorf("an order that is not there yet: %v", err)
	}
	h.order(t, h.ehrs[personA], "GEN-LATE")
	if _, err := h.Retry(ctx, admin, list[0].ID); err != nil {
		t.Error(err)
	}
	if n := h.reports(t, h.ehrs[personA]); n != 1 || len(h.letters(t)) != 0 {
		t.Errorf("%d compositions, letters %+v", n, h.letters(t))
	}
	sealed, err := h.Store.DeadLetter(ctx, list[0].ID)
	if err != nil || bytes.Contains(sealed.Content, []byte("CHISLETT")) || sealed.Outcome != "stored" {
		t.Errorf("%v, outcome %q, or the message is not encrypted", err, sealed.Outcome)
	}
	if ack := h.receive(t, strings.Replace(text, "F1", "F2", 1)); ack.Code != "AE" {
		t.Errorf("%+v", ack)
	}
	again := h.letters(t)
	if len(again) != 1 {
		t.Fatalf("%+v", again)
	}
	if err := h.Discard(ctx, admin, again[0].ID, ""); !fault.Is(err, fault.Invalid) {
		t.Errorf("discarded without a reason: %v", err)
	}
	if err := h.Discard(ctx, admin, again[0].ID, "sent twice by the laboratory"); err != nil || len(h.letters(t)) != 0 {
		t.Error(err)
	}
}

// peer is a receiver over TCP that behaves as told.
type peer struct {
	sync.Mutex
	address string
	// behave gives the answer to the n-th message; ok false breaks the connection.
	behave func(n int, m *hl7v2.Message) (answer []byte, ok bool)
	taken  []string
	all    []string
}

func newPeer(t *testing.T, behave func(n int, m *hl7v2.Message) ([]byte, bool)) *peer {
	t.Helper()
	p := &peer{behave: behave}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.address = ln.Addr().String()
	l := &mllp.Listener{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Bytes: 1 << 20, Connections: 4, Idle: time.Minute, Message: 5 * time.Second, Logger: slog.New(slog.DiscardHandler)}
	l.Handler = func(_ context.Context, _ string, text []byte) []byte {
		m, err := hl7v2.Parse(text, hl7v2.Limits{})
		if err != nil {
			t.Errorf("sent what cannot be read: %v", err)
			return nil
		}
		p.Lock()
		defer p.Unlock()
		p.all = append(p.all, m.ControlID())
		answer, ok := p.behave(len(p.all), m)
		if ok {
			p.taken = append(p.taken, m.At("ORC-1")+" "+m.At("ORC-2"))
		}
		return answer
	}
	ctx, cancel := context.WithCancel(context.Background())
	var g errgroup.Group
	g.Go(func() error { return l.Serve(ctx, ln) })
	t.Cleanup(func() { cancel(); _ = g.Wait() })
	return p
}

func (p *peer) got() []string {
	p.Lock()
	defer p.Unlock()
	return append([]string(nil), p.taken...)
}

func ack(m *hl7v2.Message, code string, refusal *hl7v2.Error) []byte {
	return hl7v2.Ack(m, code, refusal, "1", time.Now()).Encode()
}

// A receiver that loses answers, garbles, is slow and rejects gets every order,
// in the order they were made, with the same number each time.
func TestOrdersGoOut(t *testing.T) {
	h := newHouse(t)
	p := newPeer(t, func(n int, m *hl7v2.Message) ([]byte, bool) {
		switch {
		case m.At("ORC-2") == "GEN-BAD":
			return ack(m, "AE", hl7v2.Refuse("OBR-4.1", hl7v2.CodeTable, "unknown", "unknown test")), false
		case n == 1:
			return []byte("MSH|garbled"), false
		case n == 2:
			time.Sleep(400 * time.Millisecond)
			return ack(m, "AA", nil), false
		case n == 3:
			return ack(m, "AR", nil), false
		}
		return ack(m, "AA", nil), true
	})
	h.Destinations = []exit.Destination{{
		Name: "lims", Mapping: h.Mappings.Named("genomic_test_order.oml_o21"), From: [2]string{"QUIRE", "DEM11"}, To: [2]string{"LIMS", "LAB1"}, Processing: "T",
		Caller: laboratory, Identifiers: map[string]mapping.Identifier{nhs: {Assigner: "NHS", Type: "NH"}}, Timeout: 200 * time.Millisecond,
	}}
	client := mllp.NewClient(map[string]mllp.Peer{"lims": {Address: p.address, Dial: time.Second}})
	defer client.Close()
	h.Transport = client
	ctx, cancel := context.WithCancel(context.Background())
	var g errgroup.Group
	g.Go(func() error { return h.Run(ctx) })
	defer func() { cancel(); _ = g.Wait() }()
	time.Sleep(600 * time.Millisecond) // the destination begins at the end of the feed
	first := h.order(t, h.ehrs[personA], "GEN-1")
	h.order(t, h.ehrs[personA], "GEN-BAD")
	h.order(t, h.ehrs[personA], "GEN-2")
	h.order(t, h.ehrs[personB], "GEN-3")
	system := cdr.Caller{Subject: "system:test", Organisation: "north", All: true, Name: "Test"}
	changed := bytes.Replace(first.JSON, []byte("Well, no cancer"), []byte("Well, no cancers"), 1)
	if _, err := h.service.UpdateComposition(context.Background(), system, h.ehrs[personA], first.ObjectID, first.VersionUID, cdr.Content{JSON: changed}, cdr.CommitInfo{}); err != nil {
		t.Fatal(err)
	}
	want := "NW GEN-1,NW GEN-2,XO GEN-1"
	until := time.Now().Add(30 * time.Second)
	var mine []string
	for time.Now().Before(until) {
		mine = nil
		for _, one := range p.got() {
			if one != "NW GEN-3" {
				mine = append(mine, one)
			}
		}
		if len(p.got()) == 4 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if strings.Join(mine, ",") != want || len(p.got()) != 4 {
		t.Fatalf("the receiver took %v", p.got())
	}
	p.Lock()
	if p.all[0] != p.all[1] || p.all[1] != p.all[2] {
		t.Errorf("a message that was sent again has another number: %v", p.all)
	}
	p.Unlock()
	list := h.letters(t)
	if len(list) != 1 || list[0].Reason != "refused-by-receiver" || list[0].Field != "OBR-4" || list[0].Direction != "out" {
		t.Fatalf("%+v", list)
	}
	p.Lock()
	p.behave = func(_ int, m *hl7v2.Message) ([]byte, bool) { return ack(m, "CA", nil), true }
	p.Unlock()
	if _, err := h.Retry(context.Background(), system, list[0].ID); err != nil {
		t.Fatal(err)
	}
	for time.Now().Before(until) && len(p.got()) < 5 {
		time.Sleep(50 * time.Millisecond)
	}
	standings, err := h.Standings(context.Background(), system)
	if err != nil || len(p.got()) != 5 || len(standings) != 1 || standings[0].Dead != 0 || standings[0].Sent != 5 {
		t.Errorf("%v, %d taken, %+v", err, len(p.got()), standings)
	}
}
