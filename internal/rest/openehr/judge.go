package openehr

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
)

// judgement is the answer to a dry run: what a commit would be told, and what it
// would store.
type judgement struct {
	Valid bool `json:"valid"`
	// Status is that of the commit itself, Code and Message those of its refusal.
	Status   int           `json:"status"`
	Code     string        `json:"code,omitempty"`
	Message  string        `json:"message"`
	Issues   []fault.Issue `json:"issues"`
	Warnings []fault.Issue `json:"warnings"`
	Template string        `json:"template_id,omitempty"`
	Labels   []string      `json:"sensitivity,omitempty"`
	// Composition is what would be stored; a version's uid is added at the commit.
	Composition json.RawMessage `json:"composition,omitempty"`
}

// dryRun reads the query parameter dry_run.
func dryRun(call *rest.Call) (bool, error) {
	switch call.Query("dry_run") {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, fault.New(fault.Invalid, "query-parameter", "the query parameter dry_run is true or false")
}

// judge answers a dry run: 200 whatever is wrong with the content. What is wrong
// with the request itself, the record or the caller's rights is answered as a
// commit would be, whose own status is full or, without a representation, minimal.
func (h compositionHandlers) judge(call *rest.Call, full, minimal int, ask func(submission) (cdr.Judgement, error)) error {
	as, err := enclosed(call)
	if err != nil {
		return err
	}
	s, err := h.submitted(call)
	success := minimal
	if s.want == rest.Representation {
		success = full
	}
	if refusal := fault.Of(err); err != nil && len(refusal.Issues) > 0 {
		return call.JSON(http.StatusOK, verdict(call, success, cdr.Judgement{Refusal: refusal}))
	}
	if err != nil {
		return err
	}
	j, err := ask(s)
	if err != nil {
		return err
	}
	if s.template != nil {
		if j.Refusal != nil {
			s.template.Simplified().Explain(s.content.Tree, j.Refusal.Issues)
		}
		s.template.Simplified().Explain(s.content.Tree, j.Warnings)
	}
	if as.simplified != 0 && j.JSON != nil {
		if j.JSON, err = writer(call, h.service)(j.JSON, as.simplified); err != nil {
			return err
		}
	}
	return call.JSON(http.StatusOK, verdict(call, success, j))
}

func verdict(call *rest.Call, success int, j cdr.Judgement) judgement {
	out := judgement{
		Valid: true, Status: success, Message: "the composition would be stored; nothing was written",
		Issues: []fault.Issue{}, Warnings: []fault.Issue{}, Template: j.Template, Labels: j.Labels, Composition: j.JSON,
	}
	found := j.Warnings
	if r := j.Refusal; r != nil {
		out.Valid, out.Status, out.Code, out.Message, found = false, call.Manners().Status(r), r.Code, r.Message, r.Issues
	}
	for _, issue := range found {
		if issue.Warning {
			out.Warnings = append(out.Warnings, issue)
		} else {
			out.Issues = append(out.Issues, issue)
		}
	}
	return out
}

// warningsShown is how many warnings the header names.
const warningsShown = 8

// warn writes the header Quire-Warning for what was stored and is remarkable:
// how many remarks, then the rule and place of the first ones. Their words hold
// what was written and stay out of headers; a dry run shows them.
func warn(call *rest.Call, warnings []fault.Issue) {
	if len(warnings) == 0 {
		return
	}
	var b strings.Builder
	b.WriteString(strconv.Itoa(len(warnings)))
	for i, w := range warnings {
		if i == warningsShown {
			break
		}
		fmt.Fprintf(&b, "; %s %s", w.Rule, strconv.QuoteToASCII(w.Path))
	}
	call.Set("Quire-Warning", b.String())
}
