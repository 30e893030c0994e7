package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql/row"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/postgres/dictionary"
)

// maxAttempts bounds how often a transaction that lost a race is sent again.
const maxAttempts = 6

// Commit is the only write path for record data (DESIGN 4.7): dictionaries
// first, then one pipeline that the server runs as one READ COMMITTED
// transaction. A serialization failure or deadlock is retried here and nowhere
// else; after a lost connection the contribution is looked up.
func (db *DB) Commit(ctx context.Context, c cdr.Commit) (cdr.Committed, error) {
	cut := make([][]row.Row, len(c.Versions))
	want := dictionary.NewWanted()
	want.System(c.SystemID)
	for i, v := range c.Versions {
		if v.Import != nil {
			want.System(v.Import.UID.System)
		}
		if v.Tree == nil {
			continue
		}
		cut[i] = db.cut(v.Tree, v.Template)
		want.Rows(cut[i])
	}
	unsure := false
	for attempt := 1; ; attempt++ {
		ids, err := db.intern(ctx, want)
		if err != nil {
			return cdr.Committed{}, err
		}
		done, err := db.send(ctx, c, cut, ids)
		if err == nil {
			return done, nil
		}
		// Once a connection broke, the commit may have happened; sending it again
		// is safe, since its contribution id is unique.
		if unsure = unsure || broke(err); unsure {
			if done, found := db.resolve(c); found {
				return done, nil
			}
		}
		if again, answer, final := db.failed(ctx, c, err); !again || attempt == maxAttempts {
			return answer, final
		}
		if err := pause(ctx, attempt); err != nil {
			return cdr.Committed{}, err
		}
	}
}

// broke says whether a pipeline was sent and its answer lost. What failed before
// it was sent is a fault already.
func broke(err error) bool {
	var known *fault.Error
	return !errors.As(err, &known) && lost(err)
}

// names are the template's own terms, which alone may enter a shape.
func names(t *cdr.Template) row.NameSource {
	if t == nil || t.Compiled == nil {
		return nil
	}
	return t.Names
}

// failed decides what follows an error of send: another attempt, an answer
// after all, or the error to return.
func (db *DB) failed(ctx context.Context, c cdr.Commit, err error) (again bool, answer cdr.Committed, final error) {
	switch {
	case transient(err):
		return true, answer, translate(ctx, err)
	case refusal(err) == "epoch":
		if err := db.reloadEpoch(ctx); err != nil {
			return false, answer, err
		}
		return true, answer, fault.New(fault.Unavailable, "index-epoch", "the index is being rebuilt")
	case refusal(err) == "stale":
		return false, answer, db.stale(ctx, c)
	case refusal(err) == "denied":
		return false, answer, db.denied(ctx, c)
	case refusal(err) != "":
		return false, answer, refused(refusal(err))
	case violated(err) == "idempotency_pkey":
		answer, final = db.repeated(ctx, c)
		return false, answer, final
	case violated(err) != "":
		return false, answer, conflict(violated(err), err)
	case broke(err) && ctx.Err() == nil:
		return true, answer, translate(ctx, err)
	}
	return false, answer, translate(ctx, err)
}

// pause waits a little longer each time, and never the same for two.
func pause(ctx context.Context, attempt int) error {
	t := time.NewTimer(time.Duration(1+rand.IntN(4<<attempt)) * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return translate(ctx, ctx.Err())
	}
}

// refusals are the reasons a statement of the pipeline may end it with.
var refusals = map[string]struct {
	kind    fault.Kind
	message string
}{
	"not-modifiable":      {fault.Conflict, "the EHR does not allow modification"},
	"already-deleted":     {fault.Invalid, "the object is deleted already"},
	"template-changed":    {fault.Invalid, "the new version is of another template than the object"},
	"archetype-changed":   {fault.Invalid, "the new version is of another archetype than the object"},
	"persistence-changed": {fault.Invalid, "all versions of a composition are persistent, or none is; the category of the new version differs in that from the latest"},
	"template-gone":       {fault.Conflict, "the template was replaced meanwhile; send the composition again"},
	"deleted":             {fault.Invalid, "the latest version is deleted; only a restoration may follow it"},
	"directory-exists":    {fault.Conflict, "the EHR has a directory already"},
	"not-writable":        {fault.Forbidden, "writing to this object is not allowed"},
	"imported":            {fault.Conflict, "the latest version was made by another system; a change of it here would be a branch, and this system keeps the trunk only"},
	"own-trunk":           {fault.Conflict, "the latest version was made here; a version of another system would be a branch of it"},
	"directory-past":      {fault.Conflict, "the EHR has another directory by now"},
}

func refused(reason string) error {
	reason, detail, _ := strings.Cut(reason, ":")
	switch reason {
	case "transition":
		return fault.New(fault.Unprocessable, "lifecycle-transition", "the new lifecycle state does not follow the state %s", cdr.LifecycleRubric(detail))
	case "persistent":
		return fault.New(fault.Conflict, "persistent-exists", "the EHR has a persistent composition of this template already: %s", detail).Latest(detail)
	}
	r, ok := refusals[reason]
	if !ok {
		return fault.New(fault.Internal, "refused", "the database refused the commit: %s", reason)
	}
	return fault.New(r.kind, reason, "%s", r.message)
}

// conflicts are the unique constraints a commit may run into.
var conflicts = map[string]struct {
	kind    fault.Kind
	message string
}{
	"ehr_pkey":          {fault.Conflict, "an EHR with this id exists already"},
	"ehr_subject_pkey":  {fault.Conflict, "an EHR of this subject exists already"},
	"object_home_pkey":  {fault.Conflict, "an object with this uid exists already"},
	"contribution_pkey": {fault.Conflict, "a contribution with this uid exists already"},
	// The effective version was not visible to this writer, so it was not replaced.
	"version_effective": {fault.Forbidden, "writing to this object is not allowed"},
	"version_latest":    {fault.Forbidden, "writing to this object is not allowed"},
}

func conflict(constraint string, err error) error {
	c, ok := conflicts[constraint]
	if !ok {
		return fault.Of(redact(err))
	}
	return fault.New(c.kind, strings.ReplaceAll(strings.TrimSuffix(constraint, "_pkey"), "_", "-")+"-exists", "%s", c.message)
}

// denied tells an EHR that may be read and not written from one that is unknown
// or invisible.
func (db *DB) denied(ctx context.Context, c cdr.Commit) error {
	if c.EHR == access.Demographics {
		return fault.New(fault.Forbidden, "forbidden", "writing parties is not allowed")
	}
	if _, err := db.EHR(ctx, c.Profile, c.EHR); err != nil {
		return err
	}
	return fault.New(fault.Forbidden, "forbidden", "writing to this EHR is not allowed")
}

// stale explains why no version was replaced: there is none, a newer one, or
// one this writer may see and not write.
func (db *DB) stale(ctx context.Context, c cdr.Commit) error {
	for _, v := range c.Versions {
		if v.Preceding == "" {
			continue
		}
		latest, err := db.Version(ctx, c.Profile, c.EHR, v.Kind, cdr.VersionRef{Object: v.Object, Lifecycle: "incomplete"})
		if err != nil {
			return err
		}
		if !strings.EqualFold(latest.UID, v.Preceding) {
			kind := fault.Precondition
			if v.StalePath {
				kind = fault.Conflict
				if old, _ := cdr.ParseVersionUID(v.Preceding); old.Number == 0 || old.Number > latest.Number {
					return unknownVersion()
				}
			}
			return fault.New(kind, "version-not-latest", "the version is not the latest; the latest is %s", latest.UID).Latest(latest.UID)
		}
	}
	return fault.New(fault.Forbidden, "forbidden", "writing to this object is not allowed")
}

const findIdempotentSQL = `select request = $4, version_uid from idempotency where ehr_id = $1 and principal = $2 and key = $3`

// repeated answers a request whose key was used before.
func (db *DB) repeated(ctx context.Context, c cdr.Commit) (cdr.Committed, error) {
	var same bool
	var uid string
	err := db.inTransaction(ctx, db.record, c.Profile, access.Write, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, findIdempotentSQL, c.EHR, c.Profile.Principal, c.Idempotency.Key, c.Idempotency.Request).Scan(&same, &uid)
	})
	if err != nil {
		return cdr.Committed{}, translate(ctx, err)
	}
	if !same {
		return cdr.Committed{}, fault.New(fault.Unprocessable, "idempotency-key-reused", "the Idempotency-Key was used for another request")
	}
	return cdr.Committed{Repeated: uid}, nil
}

// lookupLimit bounds the search for a commit whose connection broke.
const lookupLimit = 2 * time.Second

// resolve finds out whether a commit happened whose connection broke. The
// request's own context may be what broke it, so the search has one of its own.
func (db *DB) resolve(c cdr.Commit) (cdr.Committed, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupLimit)
	defer cancel()
	done := cdr.Committed{Contribution: c.ID}
	for attempt := 1; ; attempt++ {
		err := db.inTransaction(ctx, db.record, access.System(), access.Write, func(tx pgx.Tx) error {
			return tx.QueryRow(ctx, fmt.Sprintf(findContributionSQL, everything(access.Contribution, "c")), c.EHR, c.ID).Scan(&done.Committed)
		})
		// Only an answer of the database ends the search: what broke the commit may
		// break this too.
		if err == nil || errors.Is(err, pgx.ErrNoRows) || pause(ctx, min(attempt, 4)) != nil {
			return done, err == nil
		}
	}
}

const findContributionSQL = `select c.committed from %s where c.ehr_id = $1 and c.contribution_id = $2`
