package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/gofrs/uuid/v5"
	"github.com/tidwall/gjson"
)

type importCommand struct {
	Server remote `embed:"" set:"identity=admin"`
	Mode   string `help:"restore: give this system its own record back; move: the record changes its home to here; copy: it stays where it is, and is read-only here." enum:"restore,move,copy" required:""`
	DryRun bool   `help:"Say what would happen and store nothing."`
	File   string `arg:"" help:"Exports, one after the other, or - for standard input."`
}

// pieceSize is what is sent at once; larger records go in pieces.
const pieceSize = 8 << 20

// importLimit is how long one record may take.
const importLimit = 30 * time.Minute

// Run imports every EHR of the file, each whole or not at all, and stops at the
// first that cannot come in.
func (c importCommand) Run(ctx context.Context) error {
	server, err := c.Server.connect()
	if err != nil {
		return err
	}
	var from io.Reader = os.Stdin
	if c.File != "-" {
		file, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		from = file
	}
	lines := bufio.NewReaderSize(from, 64<<10)
	for n := 0; ; n++ {
		record := &sending{ctx: ctx, server: server, command: c}
		err := record.read(lines)
		if errors.Is(err, io.EOF) && n > 0 {
			return nil
		}
		if errors.Is(err, io.EOF) {
			return errors.New("the file holds no export")
		}
		if err == nil {
			err = record.finish()
		}
		if err != nil {
			return fmt.Errorf("%s, after %d that came in: %w", record.name(), n, err)
		}
	}
}

// sending is one record on its way.
type sending struct {
	ctx         context.Context
	server      *client
	command     importCommand
	ehr, upload string
	pieces      int
	waiting     []byte
}

// name is how an error speaks of the record.
func (s *sending) name() string {
	if s.ehr == "" {
		return "a record"
	}
	return "EHR " + s.ehr
}

// read takes the lines of one export; io.EOF says that there are no more.
func (s *sending) read(lines *bufio.Reader) error {
	for first := true; ; {
		line, err := lines.ReadSlice('\n')
		whole := err == nil
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) && !errors.Is(err, io.EOF) {
			return err
		}
		if len(line) == 0 {
			if len(s.waiting) == 0 && s.pieces == 0 {
				return io.EOF
			}
			return nil
		}
		if s.ehr == "" {
			if s.ehr = gjson.GetBytes(line, "ehr.ehr_id").String(); s.ehr == "" {
				return errors.New("this is no export: its first line names no EHR")
			}
		}
		last := first && bytes.HasPrefix(line, []byte(`{"end":`))
		if s.waiting = append(s.waiting, line...); len(s.waiting) >= pieceSize {
			if err := s.piece(); err != nil {
				return err
			}
		}
		if last {
			return nil
		}
		first = whole
	}
}

// piece sends what waits.
func (s *sending) piece() error {
	if s.upload == "" {
		id, err := uuid.NewV4()
		if err != nil {
			return err
		}
		s.upload = id.String()
	}
	_, _, err := s.server.call(s.ctx, http.MethodPut, s.server.Admin+"/ehr/"+s.ehr+"/import/"+s.upload+"/"+strconv.Itoa(s.pieces), "application/x-ndjson", s.waiting)
	s.pieces, s.waiting = s.pieces+1, s.waiting[:0]
	return err
}

func (s *sending) finish() error {
	address := s.server.Admin + "/ehr/import?mode=" + s.command.Mode + "&dry_run=" + strconv.FormatBool(s.command.DryRun)
	body := s.waiting
	if s.pieces > 0 {
		if len(s.waiting) > 0 {
			if err := s.piece(); err != nil {
				return err
			}
		}
		address, body = address+"&ehr_id="+s.ehr+"&upload="+s.upload, nil
	}
	answer, _, err := s.server.within(s.ctx, importLimit, http.MethodPost, address, "application/x-ndjson", body)
	if err != nil {
		return err
	}
	fmt.Println(string(bytes.TrimSpace(answer)))
	return nil
}
