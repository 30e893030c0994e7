package config

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"

	"github.com/alecthomas/kong"
)

// File reads a configuration file for kong.Configuration: a JSON object whose
// keys are names of flags. A key that is no flag of the command is refused, so
// that a typing error never silently leaves a default in force.
func File(r io.Reader) (kong.Resolver, error) {
	values := map[string]any{}
	decoder := json.NewDecoder(r)
	decoder.UseNumber()
	if err := decoder.Decode(&values); err != nil {
		return nil, fmt.Errorf("the configuration file must be a JSON object: %w", err)
	}
	return file(values), nil
}

type file map[string]any

// Validate names the keys that no flag has.
func (f file) Validate(app *kong.Application) error {
	known := map[string]bool{}
	collect(app.Node, known)
	var unknown []string
	for key := range f {
		if !known[key] {
			unknown = append(unknown, key)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	sort.Strings(unknown)
	return fmt.Errorf("the configuration file has unknown keys: %s", strings.Join(unknown, ", "))
}

func collect(node *kong.Node, known map[string]bool) {
	for _, flag := range node.Flags {
		known[flag.Name] = true
	}
	for _, child := range node.Children {
		collect(child, known)
	}
}

// Resolve gives the value of a flag that is not on the command line. Kong would
// let a file win over the environment; here it does not.
func (f file) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	switch value := f[flag.Name].(type) {
	case json.Number:
		return value.String(), nil
	case []any:
		list := make([]string, 0, len(value))
		for _, v := range value {
			list = append(list, fmt.Sprint(v))
		}
		return strings.Join(list, ","), nil
	default:
		return value, nil
	}
}
