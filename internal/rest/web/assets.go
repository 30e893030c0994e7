package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
)

//go:embed assets
var assetFiles embed.FS

// asset is one file that pages load. Its address names its content, so that it
// may be kept for a year.
type asset struct {
	text        []byte
	contentType string
	// integrity is what script and link elements demand of it (W3C SRI).
	integrity string
	packed    func() []byte
}

// library is all assets by the address below /assets/, which begins with a
// bundle: the folder and the hash of all that is in it.
type library struct {
	files   map[string]*asset
	bundles map[string]string
}

var assets = sync.OnceValue(readAssets)

func readAssets() *library {
	l := &library{files: map[string]*asset{}, bundles: map[string]string{}}
	folders, err := fs.ReadDir(assetFiles, "assets")
	if err != nil {
		panic(err) // the folder is embedded
	}
	for _, folder := range folders {
		files, err := fs.ReadDir(assetFiles, path.Join("assets", folder.Name()))
		if err != nil {
			panic(err)
		}
		all, found := sha256.New(), map[string]*asset{}
		for _, file := range files {
			text, err := assetFiles.ReadFile(path.Join("assets", folder.Name(), file.Name()))
			if err != nil {
				panic(err)
			}
			all.Write(text)
			sum := sha512.Sum384(text)
			found[file.Name()] = &asset{
				text: text, contentType: contentType(file.Name()),
				integrity: "sha384-" + base64.StdEncoding.EncodeToString(sum[:]),
				packed:    sync.OnceValue(func() []byte { return pack(text) }),
			}
		}
		bundle := folder.Name() + "-" + hex.EncodeToString(all.Sum(nil)[:6])
		l.bundles[folder.Name()] = bundle
		for name, a := range found {
			l.files[bundle+"/"+name] = a
		}
	}
	return l
}

func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".js":
		return "text/javascript"
	case ".md", "":
		return rest.Text
	default:
		return mime.TypeByExtension(ext)
	}
}

// pack compresses an asset once, as small as gzip can.
func pack(text []byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil
	}
	if _, err := w.Write(text); err != nil || w.Close() != nil || out.Len() >= len(text) {
		return nil
	}
	return out.Bytes()
}

// Link is how a page loads an asset.
type Link struct{ Address, Integrity string }

// link finds an asset by its folder and name.
func (l *library) link(base, folder, name string) Link {
	at := l.bundles[folder] + "/" + name
	return Link{Address: base + "/assets/" + at, Integrity: l.files[at].integrity}
}

// serveAsset answers with an asset; an address of another build is unknown.
func serveAsset(call *rest.Call) error {
	a := assets().files[call.Param("bundle")+"/"+call.Param("file")]
	if a == nil {
		return fault.New(fault.NotFound, "asset-unknown", "no such asset")
	}
	call.Set("Cache-Control", "public, max-age=31536000, immutable")
	call.Set("Vary", "Accept-Encoding")
	text := a.text
	if strings.Contains(call.Header("Accept-Encoding"), "gzip") {
		if packed := a.packed(); packed != nil {
			call.Set("Content-Encoding", "gzip")
			text = packed
		}
	}
	return call.Send(http.StatusOK, a.contentType, text)
}
