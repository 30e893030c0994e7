package main

import (
	"context"
	"time"

	"github.com/quire-cdr/quire/internal/embedded"
	"github.com/quire-cdr/quire/internal/postgres"
)

// stopCluster stops the child processes, also when the context has ended.
func stopCluster(ctx context.Context, cluster *embedded.Cluster, failed func(error)) {
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	if err := cluster.Stop(stopping); err != nil {
		failed(err)
	}
}

// openDatabase brings the database of a cluster to this build's schema.
func openDatabase(ctx context.Context, cluster *embedded.Cluster, keep *secrets) (ownerDSN, appDSN string, err error) {
	ownerDSN, appDSN, err = postgres.Bootstrap(ctx, cluster.SuperuserDSN("postgres"), "quire", keep.OwnerPassword, keep.AppPassword)
	if err != nil {
		return "", "", err
	}
	return ownerDSN, appDSN, postgres.Migrate(ctx, ownerDSN)
}
