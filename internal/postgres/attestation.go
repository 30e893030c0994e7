package postgres

import (
	"fmt"

	"github.com/quire-cdr/quire/internal/access"
)

// An attestation is added to a version that stays as it is. Its time is that of
// its contribution; %s is contribution. A writer who may not see the version by
// the rights to write changes no row. The change feed tells of it anew.
const attestSQL = `with done as (
    update version v
    set attestations = case when v.attestations is null then '[' else left(v.attestations, -1) || ',' end
        || (select string_agg(left(l.a, -1) || ',"time_committed":{"_type":"DV_DATE_TIME","value":"'
                || to_char(c.committed at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '"}}', ',' order by l.n)
            from unnest($4::text[]) with ordinality l (a, n)) || ']',
        xact = default, position = default
    from %s
    where c.ehr_id = $1 and c.contribution_id = $5 and v.ehr_id = $1 and v.vo_id = $2 and v.ver = $3
    returning 1)
select refuse('not-writable') where not exists (select 1 from done)`

var attestStatement = fmt.Sprintf(attestSQL, everything(access.Contribution, "c"))

func (p *pipeline) attest(object string, number int, list [][]byte) {
	if len(list) == 0 {
		return
	}
	texts := make([]string, 0, len(list))
	for _, a := range list {
		texts = append(texts, string(a))
	}
	p.Queue(attestStatement, p.commit.EHR, object, int32(number), texts, p.commit.ID)
}

const noteAttestedSQL = `update contribution set attested = $3::uuid[], attested_ver = $4::int[] where ehr_id = $1 and contribution_id = $2`

// attested adds attestations to versions that are there already.
func (p *pipeline) attested() {
	c := p.commit
	if len(c.Attested) == 0 {
		return
	}
	objects, numbers := make([]string, 0, len(c.Attested)), make([]int32, 0, len(c.Attested))
	for _, a := range c.Attested {
		objects, numbers = append(objects, a.Version.Object), append(numbers, int32(a.Version.Number))
		p.attest(a.Version.Object, a.Version.Number, a.Attestations)
	}
	p.Queue(noteAttestedSQL, c.EHR, c.ID, objects, numbers)
}
