package random

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
)

// Document changes values of a document in canonical JSON at random, so that
// documents of one template differ in all that queries can tell apart: numbers
// and their digits, units, partial and zoned times, texts, names, null flavours,
// what is repeated, left out, or stands beside any node. The result is an object
// of the reference model and need not fit the template any more.
func Document(r *rand.Rand, doc []byte) ([]byte, error) {
	d := json.NewDecoder(strings.NewReader(string(doc)))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		return nil, err
	}
	delete(object, "uid")
	c := &changer{r}
	c.object(object, "")
	return json.Marshal(object)
}

type changer struct{ *rand.Rand }

func (c *changer) in(n int) bool { return c.IntN(n) == 0 }

var (
	someTexts = []string{"Alpha", "alpha", "Beta", "100% of a_b", `back\slash`, "it's", " blank ", "*?", "Größe", "12", "2024-05", "words", "é"}
	someTimes = map[string][]string{
		"DV_DATE":     {"2024-05-01", "2024-05", "2024", "2022-02-03", "1999-12-31", "20240501"},
		"DV_TIME":     {"08:30:00", "08:30", "08", "10:00:00.5", "23:59:59+01:00", "083000"},
		"DV_DURATION": {"PT90M", "PT1H30M", "P1D", "P1M", "PT0.5S", "P1Y2M", "P40D"},
		"DV_DATE_TIME": {"2024-05-01T10:00:00Z", "2024-05-01T11:00:00+01:00", "2024-05-01T10:00:00", "2024-05-01T10:00", "2024-05-01", "2024-05", "2024",
			"2022-02-03T04:05:06.789Z", "2022-02-03T04:05:06-11:00", "20240501T100000Z"},
	}
	someNumbers = []string{"0", "1", "5", "5.0", "5.00", "0.1", "37.25", "120", "120.0", "-3", "99.995", "1000000"}
	someUnits   = [][]string{{"mg", "g", "kg", "ug"}, {"mm[Hg]", "kPa"}, {"Cel", "[degF]"}, {"1", "%"}, {"h", "min", "/min"}, {"unknown-unit"}}
)

// object changes an object and what is in it. Names that the codes of a
// predicate ask for stay mostly as they are.
func (c *changer) object(o map[string]any, attr string) {
	class, _ := o["_type"].(string)
	switch class {
	case "DV_QUANTITY":
		c.number(o, "magnitude", someNumbers)
		if c.in(3) {
			group := someUnits[c.IntN(len(someUnits))]
			o["units"] = group[c.IntN(len(group))]
		}
	case "DV_COUNT":
		c.number(o, "magnitude", []string{"0", "1", "2", "7", "10", "-1"})
	case "DV_PROPORTION":
		c.number(o, "numerator", someNumbers)
		c.number(o, "denominator", []string{"1", "3", "100", "8.0"})
	case "DV_DATE", "DV_TIME", "DV_DATE_TIME", "DV_DURATION":
		if c.in(2) {
			o["value"] = someTimes[class][c.IntN(len(someTimes[class]))]
		}
	case "DV_BOOLEAN":
		o["value"] = c.in(2)
	case "DV_TEXT":
		if c.in(3) && (attr != "name" || c.in(6)) {
			o["value"] = someTexts[c.IntN(len(someTexts))]
		}
	case "ELEMENT":
		if o["value"] != nil && c.in(12) {
			delete(o, "value")
			o["null_flavour"] = coded("unknown", "253", "openehr")
		}
	}
	if _, locatable := o["archetype_node_id"]; locatable {
		c.beside(o, attr)
		if code, _ := o["archetype_node_id"].(string); strings.HasPrefix(code, "at") && c.in(40) {
			o["archetype_node_id"] = code + ".1"
		}
		if name, _ := o["name"].(map[string]any); name != nil && c.in(15) {
			o["name"] = coded(text(name), []string{"at0012", "at0013", "N1"}[c.IntN(3)], []string{"local", "local", "other"}[c.IntN(3)])
		}
	}
	for _, name := range keys(o) {
		switch v := o[name].(type) {
		case map[string]any:
			c.object(v, name)
		case []any:
			o[name] = c.list(v, name)
		}
	}
}

func (c *changer) number(o map[string]any, member string, values []string) {
	if c.in(2) {
		o[member] = json.Number(values[c.IntN(len(values))])
	}
}

// repeated are the lists of which members are repeated or left out.
var repeated = map[string]bool{"items": true, "events": true, "content": true, "activities": true}

func (c *changer) list(list []any, attr string) []any {
	if repeated[attr] && len(list) > 0 {
		switch at := c.IntN(len(list)); {
		case c.in(8) && len(list) < 12:
			list = append(list, clone(list[at]))
		case c.in(12) && len(list) > 1:
			list = append(list[:at:at], list[at+1:]...)
		}
	}
	for _, v := range list {
		if o, ok := v.(map[string]any); ok {
			c.object(o, attr)
		}
	}
	return list
}

// beside gives a node now and then what any node may have (RM 1.1.0, LOCATABLE).
func (c *changer) beside(o map[string]any, attr string) {
	// The uid of a whole document is the server's.
	if attr != "" && c.in(30) {
		o["uid"] = map[string]any{"_type": "HIER_OBJECT_ID", "value": []string{"node-1", "node-2"}[c.IntN(2)]}
	}
	if c.in(25) {
		link := map[string]any{"_type": "LINK", "meaning": plain("because"), "type": plain("issue"), "target": map[string]any{"_type": "DV_EHR_URI", "value": "ehr://x/y"}}
		o["links"] = []any{link}
		if c.in(2) {
			other := clone(link).(map[string]any)
			other["meaning"] = plain("Beta")
			o["links"] = []any{link, other}
		}
	}
	if c.in(25) {
		o["feeder_audit"] = map[string]any{"_type": "FEEDER_AUDIT",
			"originating_system_item_ids": []any{map[string]any{"_type": "DV_IDENTIFIER", "id": "item-1"}, map[string]any{"_type": "DV_IDENTIFIER", "id": "item-2"}},
			"originating_system_audit":    map[string]any{"_type": "FEEDER_AUDIT_DETAILS", "system_id": []string{"feeder-a", "feeder-b"}[c.IntN(2)], "time": map[string]any{"_type": "DV_DATE_TIME", "value": "2024-05-01T10:00:00Z"}}}
	}
}

func plain(value string) map[string]any { return map[string]any{"_type": "DV_TEXT", "value": value} }

func text(name map[string]any) string {
	s, _ := name["value"].(string)
	return s
}

func coded(value, code, terminology string) map[string]any {
	return map[string]any{"_type": "DV_CODED_TEXT", "value": value, "defining_code": map[string]any{"_type": "CODE_PHRASE",
		"terminology_id": map[string]any{"_type": "TERMINOLOGY_ID", "value": terminology}, "code_string": code}}
}

// keys are the members in an order that does not change from run to run.
func keys(o map[string]any) []string {
	all := make([]string, 0, len(o))
	for name := range o {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = clone(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = clone(x)
		}
		return out
	}
	return v
}
