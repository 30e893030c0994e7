package bulk

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// maxDocument is how large one document, or one line, may be.
const maxDocument = 20 << 20

// Folder is a source of files: FOLDER/<ehr id>/*.json are the compositions of a
// record. ehr_status.json beside them makes the record, which else must be there
// or, with Create, is made with the usual status.
type Folder struct {
	FS fs.FS
	// Create makes records that are not there.
	Create bool
}

// statusFile is the name of an EHR_STATUS among compositions.
const statusFile = "ehr_status.json"

// Fingerprint is of the names and sizes of the files.
func (f Folder) Fingerprint() (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, "folder", f.Create)
	err := f.walk(func(ehr string, files []fs.DirEntry) error {
		for _, file := range files {
			info, err := file.Info()
			if err != nil {
				return err
			}
			fmt.Fprintf(h, "%q %q %d\n", ehr, file.Name(), info.Size())
		}
		return nil
	})
	return sum(h), err
}

func sum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// walk gives the folders in the order of their names, and their files: the status
// first.
func (f Folder) walk(each func(ehr string, files []fs.DirEntry) error) error {
	list, err := fs.ReadDir(f.FS, ".")
	if err != nil {
		return err
	}
	any := false
	for _, dir := range list {
		if !dir.IsDir() {
			continue
		}
		all, err := fs.ReadDir(f.FS, dir.Name())
		if err != nil {
			return err
		}
		files := slices.DeleteFunc(all, func(e fs.DirEntry) bool { return e.IsDir() || !strings.HasSuffix(e.Name(), ".json") })
		slices.SortStableFunc(files, func(a, b fs.DirEntry) int {
			if (a.Name() == statusFile) != (b.Name() == statusFile) {
				if a.Name() == statusFile {
					return -1
				}
				return 1
			}
			return strings.Compare(a.Name(), b.Name())
		})
		any = any || len(files) > 0
		if err := each(dir.Name(), files); err != nil {
			return err
		}
	}
	if !any {
		return errors.New("the folder holds no folder of an EHR with .json files; each record has one, named by its ehr_id")
	}
	return nil
}

// Each gives the files.
func (f Folder) Each(ctx context.Context, skip int64, give func(Item) error) error {
	n := int64(0)
	pass := func(item Item, file string) error {
		if n++; n <= skip {
			return ctx.Err()
		}
		if file != "" {
			text, err := fs.ReadFile(f.FS, file)
			if err != nil {
				return err
			}
			if len(text) > maxDocument {
				item.Err = tooLarge()
			}
			if item.Make {
				item.Status = text
			} else {
				item.Composition = text
			}
		}
		return give(item)
	}
	return f.walk(func(ehr string, files []fs.DirEntry) error {
		has := len(files) > 0 && files[0].Name() == statusFile
		if f.Create && !has && len(files) > 0 {
			if err := pass(Item{Where: ehr, EHR: ehr, Make: true, Absent: true}, ""); err != nil {
				return err
			}
		}
		for _, file := range files {
			where := path.Join(ehr, file.Name())
			if err := pass(Item{Where: where, EHR: ehr, Make: file.Name() == statusFile}, where); err != nil {
				return err
			}
		}
		return nil
	})
}

func tooLarge() error {
	return fault.New(fault.Invalid, "too-large", "the document is larger than %d MiB", maxDocument>>20)
}

// Lines is a source of NDJSON: {"ehr_id": ..., "composition": {...}} on a line is
// a composition, {"ehr_id": ..., "ehr_status": {...}} the making of a record, with
// null for the usual status; "organisation" names who recorded it. With Create
// records that are not there are made.
type Lines struct {
	// Open gives the lines from their beginning; Size is their length in bytes.
	Open   func() (io.ReadCloser, error)
	Size   int64
	Create bool
}

// sampled is how much of a file the fingerprint reads.
const sampled = 1 << 20

// Fingerprint is of the size and the beginning of the file.
func (l Lines) Fingerprint() (string, error) {
	file, err := l.Open()
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	h := sha256.New()
	fmt.Fprintln(h, "lines", l.Create, l.Size)
	_, err = io.CopyN(h, file, sampled)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return sum(h), err
}

// Each gives the lines.
func (l Lines) Each(ctx context.Context, skip int64, give func(Item) error) error {
	file, err := l.Open()
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	in := bufio.NewReaderSize(file, 1<<20)
	// Records that were named before, so that each is made once. What is skipped
	// is read again for that.
	named := map[string]bool{}
	n := int64(0)
	pass := func(item Item) error {
		if n++; n <= skip {
			return ctx.Err()
		}
		return give(item)
	}
	for line := 1; ; line++ {
		text, long, err := nextLine(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(text) == 0 && !long {
			continue
		}
		item := itemOf(text, long)
		item.Where = "line " + strconv.Itoa(line)
		if l.Create && item.Err == nil && !item.Make && !named[item.EHR] {
			made := Item{Where: item.Where, EHR: item.EHR, Make: true, Absent: true, Organisation: item.Organisation}
			if err := pass(made); err != nil {
				return err
			}
		}
		if l.Create {
			named[item.EHR] = true
		}
		if err := pass(item); err != nil {
			return err
		}
	}
}

// nextLine reads a line into memory of its own; one that is too long is read and
// forgotten.
func nextLine(in *bufio.Reader) (text []byte, long bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) && (!errors.Is(err, io.EOF) || len(part)+len(text) == 0 && !long) {
			return nil, false, err
		}
		if long = long || len(text)+len(part) > maxDocument; long {
			text = nil
		} else {
			text = append(text, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return text[:len(strings.TrimRight(string(text), "\r\n "))], long, nil
		}
	}
}

func itemOf(line []byte, long bool) Item {
	malformed := func(what string) Item {
		return Item{Err: fault.New(fault.Invalid, "line", "the line is %s", what)}
	}
	if long {
		return Item{Err: tooLarge()}
	}
	if !gjson.ValidBytes(line) {
		return malformed("no JSON")
	}
	object := gjson.ParseBytes(line)
	id, ok := cdr.ObjectUID(object.Get("ehr_id").String())
	if !ok {
		return malformed(`without the "ehr_id" of a record, a UUID`)
	}
	composition, status := object.Get("composition"), object.Get("ehr_status")
	item := Item{EHR: id, Organisation: object.Get("organisation").String()}
	switch {
	case composition.Exists() == status.Exists():
		return malformed(`without one of "composition" and "ehr_status"`)
	case composition.Exists():
		item.Composition = line[composition.Index : composition.Index+len(composition.Raw)]
	default:
		item.Make = true
		if status.Type != gjson.Null {
			item.Status = line[status.Index : status.Index+len(status.Raw)]
		}
	}
	return item
}
