package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/canonxml"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/sdc"
	"github.com/quire-cdr/quire/internal/simplified"
	"github.com/quire-cdr/quire/internal/simplified/webtemplate"
	"github.com/quire-cdr/quire/internal/template"
)

type convertCommand struct {
	Template string `required:"" type:"existingfile" help:"The composition's operational template (OPT 1.4)."`
	From     string `default:"json" enum:"json,xml,flat,structured" help:"Format of the input: json, xml, flat or structured."`
	To       string `default:"flat" enum:"json,xml,flat,structured,questionnaire-response,web-template" help:"Format of the output: json, xml, flat, structured, questionnaire-response, or web-template (of the template; no input is read)."`
	File     string `arg:"" optional:"" default:"-" help:"The composition; - is standard input."`
}

// Run converts one composition between formats; nothing is sent anywhere.
func (c convertCommand) Run() error {
	compiled, err := compiledFile(c.Template)
	if err != nil {
		return err
	}
	formats := simplified.Compile(compiled)
	if c.To == "web-template" {
		return printed(formats.Web.JSON(webtemplate.Standard))
	}
	text, err := c.input()
	if err != nil {
		return err
	}
	tree, err := c.read(formats, text)
	if err != nil {
		return err
	}
	out, err := c.write(formats, compiled, tree)
	if err != nil {
		return err
	}
	return printed(out)
}

func (c convertCommand) input() ([]byte, error) {
	if c.File == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(c.File)
}

func (c convertCommand) read(formats *simplified.Template, text []byte) (*rm.Tree, error) {
	switch f, ok := simplified.FormatOf(c.From); {
	case ok:
		return formats.Read(text, f, time.Now().UTC().Format("2006-01-02T15:04:05.000Z"))
	case c.From == "xml":
		return canonxml.Read(text, rminfo.COMPOSITION, canon.ReadOptions{})
	}
	return canon.ReadJSON(text, rminfo.COMPOSITION, canon.ReadOptions{})
}

func (c convertCommand) write(formats *simplified.Template, compiled *template.Compiled, tree *rm.Tree) ([]byte, error) {
	switch f, ok := simplified.FormatOf(c.To); {
	case ok:
		return formats.Write(tree, f)
	case c.To == "xml":
		return canonxml.Write(nil, tree, tree.Root(), "")
	case c.To == "questionnaire-response":
		return json.Marshal(sdc.Build(compiled).Issue(tree, ""))
	}
	return canon.WriteJSON(nil, tree, tree.Root()), nil
}

// printed writes JSON indented for a person, and all else as it is.
func printed(text []byte) error {
	var pretty bytes.Buffer
	if json.Indent(&pretty, text, "", "  ") == nil {
		text = pretty.Bytes()
	}
	_, err := fmt.Println(string(text))
	return err
}
