package access

import (
	"fmt"
	"strings"
)

// Table is a record table: one that holds data about a person.
type Table string

// The record tables. Their names stand after FROM or JOIN nowhere else.
const (
	EHR          Table = "ehr"
	Subject      Table = "ehr_subject"
	Version      Table = "version"
	Node         Table = "node"
	Leaf         Table = "leaf"
	Contribution Table = "contribution"
	FolderItem   Table = "folder_item"
	ItemTag      Table = "item_tag"
)

// labelled tables carry tmpl and sens on every row.
func (t Table) labelled() bool { return t == Version || t == Node || t == Leaf }

// Args collects the values of one statement's placeholders.
type Args struct{ Values []any }

// Add keeps a value and gives its placeholder, such as "$3".
func (a *Args) Add(v any) string {
	a.Values = append(a.Values, v)
	return fmt.Sprintf("$%d", len(a.Values))
}

// Scope is one statement's view of the record: a profile, what it is for, and
// the one EHR it is about, if it is about one.
type Scope struct {
	profile *Profile
	action  Action
	args    *Args
	ehr     string

	// Placeholders and the gate, made at first use and shared by all tables.
	gate, templates, labels string
	// once is the item of WITH that holds the EHRs whose gate is open; while it is
	// written, together says that all are judged at the moment the statement
	// begins: of what is the same for all rows the planner makes joins, and knows
	// how many rows pass; of clock_timestamp it makes a probe for each row.
	together                           bool
	once                               string
	principal, grantees, organisations string
}

// NewScope begins a statement. ehr is a placeholder or expression of type uuid
// that fixes the EHR, or "" where the statement ranges over many: a fixed EHR is
// judged once a statement and not once a row.
func NewScope(p *Profile, action Action, args *Args, ehr string) *Scope {
	return &Scope{profile: p, action: action, args: args, ehr: ehr}
}

// Scan gives a FROM item: the table with the profile's predicate, named alias.
// It is the only writer of a record table's name after FROM or JOIN, so no
// statement can read a row the predicate does not allow. Cost: for one EHR a few
// index probes a statement; for a population one index probe of
// ehr_organisation a row, which the planner may turn into one hash.
func (s *Scope) Scan(table Table, alias string) string {
	if s.profile.All {
		return string(table) + " " + alias
	}
	from := string(table) + " t"
	var where []string
	if s.once != "" {
		// Joined, and not looked up in a list: an EHR is in it once, and of a list the
		// planner believes that it has two hundred.
		from += fmt.Sprintf(" join %s o on o.ehr_id = t.ehr_id", s.once)
	} else {
		where = append(where, s.record("t.ehr_id"))
	}
	if s.ehr != "" {
		where = append(where, "t.ehr_id = "+s.ehr)
	}
	if table.labelled() {
		where = append(where, s.labelsAndTemplates())
	}
	if len(where) == 0 {
		where = append(where, "true")
	}
	return fmt.Sprintf("(select t.* from %s where %s) %s", from, strings.Join(where, " and "), alias)
}

// Once judges the gate of every EHR once a statement and not once a row, for
// statements that read most of a population anyway. It gives an item of WITH,
// in which Scan then looks the EHRs of rows up; one that stops at its first rows
// is better off without. Named once it is planned as a part of the statement, with
// what is known of the tables it reads. "" where nothing is to be judged or the EHR is fixed.
//
// apart judges it before anything else, for a statement that reads all rows of its
// relations: one pass over the EHRs costs less than one look-up for each.
func (s *Scope) Once(name string, apart bool) string {
	if s.profile.All || s.ehr != "" {
		return ""
	}
	s.together = true
	gate := s.gateFor("t.ehr_id")
	s.together, s.once = false, name
	how := ""
	if apart {
		how = "materialized "
	}
	return fmt.Sprintf("%s as %s(select t.ehr_id from %s t where %s)", name, how, EHR, gate)
}

// Allows is a boolean expression: may the profile do the action to this EHR at
// all. Commit asks it in the statement that locks the EHR.
func (s *Scope) Allows(ehr string) string {
	if s.profile.All {
		return "true"
	}
	return s.gateFor(ehr)
}

// record is the gate of the EHR a row belongs to; uncorrelated where the
// statement is about one EHR.
func (s *Scope) record(ehr string) string {
	if s.ehr == "" {
		return s.gateFor(ehr)
	}
	if s.gate == "" {
		// A scalar subquery is judged once a statement.
		s.gate = "(select " + s.gateFor(s.ehr) + ")"
	}
	return s.gate
}

func (s *Scope) labelsAndTemplates() string {
	if s.templates == "" {
		templates, labels := s.profile.Templates, s.profile.Labels
		if s.action == Write {
			templates, labels = s.profile.WriteTemplates, s.profile.WriteLabels
		}
		if templates == nil {
			templates = []int32{}
		}
		s.templates = s.args.Add(templates)
		s.labels = s.args.Add(int64(^labels &^ (1 << 63)))
	}
	// sens = 0 says nothing new, but it is what the planner has statistics of: of
	// a bit operation it expects one row in two hundred to pass.
	return fmt.Sprintf("(t.tmpl = 0 or t.tmpl = any(%s::int[])) and (t.sens = 0 or t.sens & %s::bigint = 0)", s.templates, s.labels)
}

// live is the test of a validity period against the wall clock, not the
// transaction's: what expires must expire in the middle of a long statement too.
const live = "x.valid_from <= clock_timestamp() and (x.valid_to is null or x.valid_to > clock_timestamp())"

func (s *Scope) gateFor(ehr string) string {
	if s.profile.Principal == "" {
		// Nobody: no row with an empty name may match.
		return "false"
	}
	if s.organisations == "" {
		orgs := s.profile.Readable
		switch s.action {
		case Write:
			orgs = s.profile.Writable
		case Query:
			orgs = s.profile.Queryable
		}
		s.organisations = s.args.Add(nonNil(orgs))
		s.grantees = s.args.Add(nonNil(append(append([]string(nil), s.profile.Groups...), s.profile.Principal)))
		if s.action != Query {
			// An argument no placeholder names has no type, and the statement fails.
			s.principal = s.args.Add(s.profile.Principal)
		}
	}
	write, live, queryable := "", live, "exists (select 1 from ehr x where x.ehr_id = "+ehr+" and x.is_queryable)"
	if s.action == Write {
		write = " and x.may_write"
	}
	if s.together {
		live, queryable = strings.ReplaceAll(live, "clock_timestamp()", "statement_timestamp()"), "t.is_queryable"
	}
	ways := []string{
		fmt.Sprintf("exists (select 1 from ehr_organisation x where x.ehr_id = %s and x.org = any(%s::text[]) and %s)", ehr, s.organisations, live),
		fmt.Sprintf("exists (select 1 from ehr_grant x where x.ehr_id = %s and x.grantee = any(%s::text[])%s and %s)", ehr, s.grantees, write, live),
	}
	if s.action == Query {
		// Break-glass opens one person's record and never a population.
		ways[0] += " and " + queryable
		ways = ways[:1]
	} else {
		ways = append(ways, fmt.Sprintf("exists (select 1 from break_glass x where x.ehr_id = %s and x.principal = %s and x.revoked_at is null and x.expires_at > clock_timestamp())", ehr, s.principal))
	}
	if s.profile.parties(s.action) {
		ways = append(ways, fmt.Sprintf("%s = '%s'::uuid", ehr, Demographics))
	}
	gate := "(" + strings.Join(ways, " or ") + ")" +
		fmt.Sprintf(" and not exists (select 1 from ehr_restriction x where x.ehr_id = %s and (x.applies_to && %s::text[] or '*' = any(x.applies_to)) and not x.spares && %s::text[] and %s)", ehr, s.grantees, s.grantees, live)
	if s.profile.EHR != "" {
		gate += fmt.Sprintf(" and %s = %s::uuid", ehr, s.args.Add(s.profile.EHR))
	}
	return "(" + gate + ")"
}

// Settings are the values row-level security compares with, in the order of
// SettingsSQL's placeholders.
func (p *Profile) Settings(action Action) []any {
	all := "off"
	if p.All {
		all = "on"
	}
	templates, labels := p.Templates, p.Labels
	if action == Write {
		templates, labels = p.WriteTemplates, p.WriteLabels
	}
	var b strings.Builder
	b.WriteByte('{')
	for i, t := range templates {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%d", t)
	}
	b.WriteByte('}')
	return []any{all, b.String(), fmt.Sprintf("%d", int64(labels&^(1<<63))), p.EHR}
}

// SettingsSQL must be the first statement of every batch; the settings end with
// the transaction.
const SettingsSQL = `select set_config('quire.all', $1, true), set_config('quire.tmpl', $2, true),
       set_config('quire.labels', $3, true), set_config('quire.ehr', $4, true)`

func nonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
