package container

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/modules/postgres"
)

const image = "docker.io/library/postgres:17-alpine"

// EngineAnswers says whether a container engine can be used.
func EngineAnswers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	provider, err := testcontainers.NewDockerProvider()
	if err != nil {
		return false
	}
	defer provider.Close()
	return provider.Health(ctx) == nil
}

// Start returns the superuser's address of the database postgres in a new container, and what ends it.
func Start(ctx context.Context) (dsn string, stop func(), err error) {
	c, err := postgres.Run(ctx, image,
		postgres.WithDatabase("postgres"),
		postgres.WithUsername("postgres"),
		postgres.WithPassword("only-for-this-test-run"),
		testcontainers.WithCmd("postgres", "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
			"-c", "max_connections=300", "-c", "jit=off", "-c", "timezone=UTC"),
		postgres.BasicWaitStrategies(),
	)
	stop = func() {
		if err := testcontainers.TerminateContainer(c); err != nil {
			fmt.Fprintln(os.Stderr, "test servers: the container is left:", err)
		}
	}
	if err != nil {
		stop()
		return "", nil, err
	}
	if dsn, err = c.ConnectionString(ctx, "sslmode=disable"); err != nil {
		stop()
		return "", nil, err
	}
	return dsn, stop, nil
}
