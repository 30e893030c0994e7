package embedded

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// containerImage is the server of last resort, where neither binaries nor apt are at hand.
const containerImage = "docker.io/library/postgres:17"

// container is a Postgres run by a container engine's command-line tool. The tool runs in the foreground as our child and
// hands signals on, so the parent's death stops the container as it stops a postgres of our own.
type container struct {
	engine string // the tool's path
	volume string // keeps the data: engines map users in ways that make a shared folder unusable
}

// findContainer looks for an engine that answers.
func findContainer(ctx context.Context, dir string) (*container, error) {
	for _, name := range []string{"docker", "podman"} {
		engine, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		asking, cancel := context.WithTimeout(ctx, 5*time.Second)
		err = exec.CommandContext(asking, engine, "info").Run()
		cancel()
		if err == nil {
			sum := sha256.Sum256([]byte(dir))
			return &container{engine: engine, volume: "quire-" + hex.EncodeToString(sum[:6])}, nil
		}
	}
	return nil, errors.New("no container engine answers")
}

// command is the server's command line and environment. The password goes through the environment: a command line is
// readable by everyone on the machine.
func (c *container) command(port int, password string, durable bool) (name string, args, env []string) {
	args = []string{
		"run", "--rm", "--sig-proxy=true", "--name", fmt.Sprintf("%s-%d", c.volume, os.Getpid()),
		"--publish", fmt.Sprintf("127.0.0.1:%d:5432", port),
		"--volume", c.volume + ":/var/lib/postgresql/data",
		"--env", "POSTGRES_PASSWORD",
		"--env", "POSTGRES_INITDB_ARGS=--encoding=UTF8 --locale=C.UTF-8 --data-checksums --auth=scram-sha-256",
		containerImage, "postgres",
	}
	args = append(args, asFlags(postgresSettings(durable, true))...)
	args = append(args, "-c", "listen_addresses=*") // inside the container; only the published port is reachable
	env = []string{"POSTGRES_PASSWORD=" + password}
	for _, key := range []string{"HOME", "PATH", "XDG_RUNTIME_DIR", "DOCKER_HOST", "CONTAINER_HOST"} {
		if value, ok := os.LookupEnv(key); ok {
			env = append(env, key+"="+value)
		}
	}
	return c.engine, args, env
}
