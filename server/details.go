package server

import (
	"unicode/utf8"

	"github.com/hogsend/hogsend/internal/clip"
)

// The bounds of what a reply tells of a bad request (H-12).
const (
	maxDetails    = 100
	maxPath       = 300
	maxMessage    = 300
	maxErrorBytes = 64 << 10
	// detailBytes is what the punctuation of one costs.
	detailBytes = len(`{"path":"","message":""},`)
	// resultBytes is about what a batch tells of a rejected item besides its details.
	resultBytes = len(`{"index":999,"status":"rejected","error":"Invalid request","details":[]},`)
)

// room is how much more may be told of what is wrong with a request. The items of a batch
// share one.
type room struct{ details, bytes int }

func newRoom() *room { return &room{details: maxDetails, bytes: maxErrorBytes - 1<<10} }

// problems are what is wrong with a request, or with one item of it: found while it is
// parsed, and kept only as far as it will be told, so that a body of a megabyte of
// mistakes costs what one mistake does.
type problems struct {
	told  []detail
	found bool
	room  *room // nil: its own
}

// report adds a problem, if there is room for it.
func (p *problems) report(path, message string) {
	p.found = true
	if p.room == nil {
		p.room = newRoom()
	}
	path, message = clip.First(path, maxPath), clip.First(message, maxMessage)
	size := escaped(path) + escaped(message) + detailBytes
	if p.room.details == 0 || size > p.room.bytes {
		return
	}
	p.room.details--
	p.room.bytes -= size
	p.told = append(p.told, detail{Path: path, Message: message})
}

// escaped is how many bytes a text has in JSON, or a few more.
func escaped(s string) int {
	n := len(s)
	for _, c := range s {
		switch {
		case c < ' ' || c == utf8.RuneError || c == '\u2028' || c == '\u2029':
			n += 5
		case c == '"' || c == '\\':
			n++
		}
	}
	return n
}

// full reports whether nothing more will be told.
func (p *problems) full() bool { return p.room != nil && p.room.details == 0 }

// bounded are details as a reply tells them, wherever they came from.
func bounded(list []detail) []detail {
	var p problems
	for _, d := range list {
		p.report(d.Path, d.Message)
	}
	return p.told
}
