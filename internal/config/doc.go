// Package config is what `quire serve` reads: one struct of which every member
// is a flag, an environment variable QUIRE_* and a key of the configuration
// file. A flag wins over the environment, and that over the file. Secrets come
// from the environment or from files, and none has a default.
package config
