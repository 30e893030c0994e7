package templates

//go:generate go run ./generate
