package templates_test

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/templates"
)

// Parts of the order that the fields of the form lie in.
const (
	orderOf    = "/content[openEHR-EHR-INSTRUCTION.service_request.v1]"
	testOf     = orderOf + "/activities[at0001]/description[at0009]"
	protocolOf = orderOf + "/protocol[at0008]"
	personOf   = protocolOf + "/items[openEHR-EHR-CLUSTER.person.v1]"
	reachOf    = personOf + "/items[openEHR-EHR-CLUSTER.electronic_communication.v1]"
	detailOf   = protocolOf + "/items[openEHR-EHR-CLUSTER.genomic_test_request.v1]"
	specimenOf = protocolOf + "/items[openEHR-EHR-CLUSTER.specimen.v1]"
)

// orderForm says where each field of the genomic test order of NHS North West
// Genomics has its place, by linkId. The person's own fields are the EHR's.
var orderForm = map[string]string{
	"LN/18705-4":                    personOf + "/items[at0001]",
	"LN/18707-0":                    personOf + "/items[at0004]",
	"LN/46608-6":                    personOf + "/items[at0003]",
	"LN/89058-2":                    reachOf + "/items[at0002]",
	"LN/81230-5":                    reachOf + "/items[at0002]",
	"HL7/ORC-21":                    personOf + "/items[openEHR-EHR-CLUSTER.organisation.v1]/items[at0003]",
	"SNM/15220000":                  detailOf + "/items[at0001]",
	"HL7/OBR-4-r":                   testOf + "/items[at0121]",
	"HL7/OBR-4-h":                   testOf + "/items[at0121]",
	"HL7/OBR-4-c":                   testOf + "/items[at0121]",
	"pedigreeNumber":                detailOf + "/items[at0010]/items[at0018]",
	"LN/106194-4":                   protocolOf + "/items[at0010]",
	"LN/82768-3":                    testOf + "/items[at0068]",
	"NOS/GeneticistEmail":           detailOf + "/items[at0061]",
	"NOS/GeneticistDepartmentEmail": detailOf + "/items[at0062]",
	"LN/19826-7":                    detailOf + "/items[at0030]/items[at0031]",
	"LN/75520-7":                    detailOf + "/items[at0030]/items[at0034]",
	"NOS/RODToFollow":               detailOf + "/items[at0030]/items[at0041]",
	"consent-3":                     detailOf + "/items[at0030]/items[at0041]",
	"LN/51967-8":                    testOf + "/items[at0062]",
	"SNM/782964007":                 testOf + "/items[at0062]",
	"HL7/NTE-1":                     testOf + "/items[at0154]",
	"HL7/NTE":                       testOf + "/items[at0154]",
	"HL7/NTE-2":                     detailOf + "/items[at0060]",
	"SNM/385675009":                 detailOf + "/items[at0060]",
	"HL7/SPM":                       specimenOf + "/items[at9001]",
	"LN/80398-1":                    specimenOf + "/items[at0088]",
	"Specimen/accessionIdentifier":  specimenOf + "/items[at0001]",
	"LN/80398-1-ODS":                specimenOf + "/items[at0001]", // its assigner
	"LN/33882-2":                    specimenOf + "/items[at0015]",
	"LN/66746-9":                    specimenOf + "/items[at0029]",
	"SNM/281269004":                 specimenOf + "/items[at9008]",
	"NOS/InfectionRiskDetails":      specimenOf + "/items[at0005]",
	"LN/74384-9":                    specimenOf + "/items[at9007]",
	"LN/39111-0":                    specimenOf + "/items[at0087]",
	"SNM/119297000":                 specimenOf + "/items[at0087]",
	"LN/3169-0":                     specimenOf + "/items[at9006]",
	"NOS/SampleReceived":            specimenOf + "/items[at0034]",
	"NOS/xxxx1":                     specimenOf + "/items[at0034]",
	"NOS/SampleSent":                specimenOf + "/items[at9009]/items[at9010]",
	"NOS/xxxx2":                     specimenOf + "/items[at9009]/items[at9010]",
	"NOS/TransportUsed":             specimenOf + "/items[at9009]/items[at9013]",
	"NOS/xxxx3":                     specimenOf + "/items[at9009]/items[at9013]",
	"LN/97209-1":                    specimenOf + "/items[at9009]/items[at9014]",
	"NOS/SampleSentTo":              specimenOf + "/items[at9009]/items[at9012]",
	"NOS/xxxx5":                     specimenOf + "/items[at9009]/items[at9012]",
	"NOS/SampleSentToName":          specimenOf + "/items[at9009]/items[at9011]",
	"NOS/xxxx6":                     specimenOf + "/items[at9009]/items[at9011]",
	"SNM/842009":                    detailOf + "/items[at0010]/items[at0026]",
	"SNM/74996004-pathology-report": detailOf + "/items[at0059]",
	"SNM/74996004":                  detailOf + "/items[at0071]",
	"SNM/118185001":                 detailOf + "/items[at0046]/items[at0047]",
	"SNM/77386006":                  detailOf + "/items[at0046]/items[at0047]",
	"SNM/370386005":                 detailOf + "/items[at0046]/items[at0051]",
	"SNM/161714006":                 detailOf + "/items[at0046]/items[at0052]",
	"SNM/598151000005105":           detailOf + "/items[at0046]/items[at0053]",
	"SNM/17369002":                  detailOf + "/items[at0046]/items[at0054]",
	"SNM/419099009":                 detailOf + "/items[at0046]/items[at0055]",
	"SNM/78989007":                  detailOf + "/items[at0046]/items[at0064]",
	"SNM/169222003":                 detailOf + "/items[at0046]/items[at0065]",
	"SNM/782902008":                 detailOf + "/items[at0056]",
	"SNM/5447007":                   detailOf + "/items[at0058]",
	"LN/21908-9":                    detailOf + "/items[at0066]/items[at0067]",
	"SNM/250537006":                 detailOf + "/items[at0066]/items[at0068]",
	"NOS/230031":                    detailOf + "/items[at0066]/items[at0068]",
	"NOS/230033":                    detailOf + "/items[at0066]/items[at0069]",
	"SNM/252416005":                 detailOf + "/items[at0066]/items[at0070]",
	"LN/58410-2":                    detailOf + "/items[at0063]", // a reference to results elsewhere
}

// holds lists the classes an answer of a type can become.
var holds = map[string][]rminfo.Class{
	"string":    {rminfo.DV_TEXT, rminfo.DV_IDENTIFIER, rminfo.DV_CODED_TEXT},
	"choice":    {rminfo.DV_CODED_TEXT, rminfo.DV_TEXT, rminfo.DV_BOOLEAN},
	"date":      {rminfo.DV_DATE, rminfo.DV_DATE_TIME},
	"dateTime":  {rminfo.DV_DATE_TIME},
	"integer":   {rminfo.DV_DURATION},
	"quantity":  {rminfo.DV_PROPORTION},
	"reference": {rminfo.DV_TEXT},
}

type formItem struct {
	LinkID string     `json:"linkId"`
	Type   string     `json:"type"`
	Item   []formItem `json:"item"`
}

// Every field of the order form in use has a place in our order that can hold
// its answers.
func TestOrderFormHasItsPlaces(t *testing.T) {
	text, err := templates.FS.ReadFile("opt/genomic_test_order.v1.opt")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := opt.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	order, err := template.Compile(parsed)
	if err != nil {
		t.Fatal(err)
	}
	classes := map[string][]rminfo.Class{}
	for linkID, path := range orderForm {
		node, ok := order.Lookup(path)
		if !ok {
			t.Errorf("%s: the order has no %s", linkID, path)
			continue
		}
		for _, value := range order.Children(node, rminfo.A_value) {
			classes[linkID] = append(classes[linkID], order.Node(value).Class)
		}
	}
	for _, name := range []string{"GenomicTestOrder", "GenomicTestOrderFuture"} {
		form, err := os.ReadFile("../../shared/fixtures/sdc/nwgmsa__Questionnaire-" + name + ".json")
		if err != nil {
			t.Skipf("no order form to compare with: %v", err)
		}
		var root formItem
		if err := json.Unmarshal(form, &root); err != nil {
			t.Fatal(err)
		}
		fields := 0
		var walk func(items []formItem)
		walk = func(items []formItem) {
			for _, item := range items {
				if item.LinkID == "Patient" {
					continue
				}
				walk(item.Item)
				if item.Type == "group" || item.Type == "display" {
					continue
				}
				fields++
				fits := slices.ContainsFunc(classes[item.LinkID], func(c rminfo.Class) bool { return slices.Contains(holds[item.Type], c) })
				if !fits {
					t.Errorf("%s: %s, a %s, has no place (%s, %v)", name, item.LinkID, item.Type, strings.TrimPrefix(orderForm[item.LinkID], orderOf), classes[item.LinkID])
				}
			}
		}
		walk(root.Item)
		if fields < 40 {
			t.Errorf("%s: only %d fields seen", name, fields)
		}
	}
}
