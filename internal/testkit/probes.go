package testkit

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	keto "github.com/ory/keto-client-go"

	"github.com/quire-cdr/quire/internal/embedded"
)

// Probes are the readiness probes of test clusters.
func Probes() embedded.Probes {
	return embedded.Probes{Postgres: probePostgres, CreateDatabase: createDatabase, Keto: probeKeto}
}

func probePostgres(ctx context.Context, dsn string) error {
	return withConn(ctx, dsn, func(conn *pgx.Conn) error { return conn.Ping(ctx) })
}

func withConn(ctx context.Context, dsn string, do func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	return errors.Join(do(conn), conn.Close(context.WithoutCancel(ctx)))
}

func createDatabase(ctx context.Context, adminDSN, name string) error {
	return withConn(ctx, adminDSN, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "create database "+pgx.Identifier{name}.Sanitize())
		if pgErr := (*pgconn.PgError)(nil); errors.As(err, &pgErr) && pgErr.Code == "42P04" { // duplicate_database
			return nil
		}
		return err
	})
}

const (
	sentinelSubject  = "quire-sentinel"
	sentinelStranger = "quire-sentinel-no"
)

func probeKeto(ctx context.Context, readURL, writeURL, sentinel string) error {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := func(url string) *keto.APIClient {
		config := keto.NewConfiguration()
		config.Servers = keto.ServerConfigurations{{URL: url}}
		config.HTTPClient = &http.Client{Timeout: 2 * time.Second, Transport: transport}
		return keto.NewAPIClient(config)
	}
	read, write := client(readURL), client(writeURL)
	allowed := func(subject string) (bool, error) {
		answer, _, err := read.PermissionApi.CheckPermission(ctx).Namespace("AdminArea").Object(sentinel).Relation("view").SubjectId(subject).Execute()
		if err != nil {
			return false, err
		}
		return answer.GetAllowed(), nil
	}
	yes, err := allowed(sentinelSubject)
	if err != nil {
		return err
	}
	if !yes {
		// Keto stores duplicates, so look before writing.
		list, _, err := read.RelationshipApi.GetRelationships(ctx).Namespace("AdminArea").Object(sentinel).Relation("viewers").SubjectId(sentinelSubject).Execute()
		if err != nil {
			return err
		}
		if len(list.GetRelationTuples()) > 0 {
			return errors.New("the sentinel tuple is stored and its permit is denied: the access model did not load")
		}
		body := keto.NewCreateRelationshipBody()
		body.SetNamespace("AdminArea")
		body.SetObject(sentinel)
		body.SetRelation("viewers")
		body.SetSubjectId(sentinelSubject)
		if _, _, err := write.RelationshipApi.CreateRelationship(ctx).CreateRelationshipBody(*body).Execute(); err != nil {
			return err
		}
		if yes, err = allowed(sentinelSubject); err != nil {
			return err
		}
		if !yes {
			return errors.New("the sentinel is denied after it was written")
		}
	}
	stranger, err := allowed(sentinelStranger)
	if err != nil {
		return err
	}
	if stranger {
		return errors.New("the sentinel allows a stranger")
	}
	return nil
}
