package main

import "errors"

type benchCommand struct{}

// Run measures.
func (benchCommand) Run() error { return errors.New("nothing is measured yet") }
