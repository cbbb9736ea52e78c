// Package zone knows the time zones of the IANA database, from a copy that is part of
// the binary: whatever $ZONEINFO says or a machine has installed, every process
// computes the same instants (S-3).
package zone

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// The copy is the one of the Go release that go.mod names. Its files are stored
// without compression, since lookups read single ones.
//
//go:generate sh -c "cp $(go env GOROOT)/lib/time/zoneinfo.zip zoneinfo.zip"
//go:embed zoneinfo.zip
var database string

// Load is the zone of a name of the database in its exact case; blanks around it do
// not matter. "Local", "" and offsets are no names, nor is "Factory", which stands in
// the database for a clock that nobody has set.
func Load(name string) (*time.Location, error) {
	name = strings.TrimSpace(name)
	data, found := file(database, name)
	if !found || name == "Factory" {
		return nil, fmt.Errorf("%q is not the name of a time zone", name)
	}
	loc, err := time.LoadLocationFromTZData(name, []byte(data))
	if err != nil {
		return nil, fmt.Errorf("read time zone %s: %w", name, err)
	}
	return loc, nil
}

// The sizes of the fixed parts of a zip archive's records. archive/zip is not used,
// because workflow code loads zones too, and the check for non-determinism sees all
// that is called.
const (
	endSize      = 22 // the record at the end of the archive
	entrySize    = 46 // an entry of the directory, before its name
	fileSize     = 30 // what stands before a file, before its name
	uncompressed = 0
)

// file is the content of one file of a zip archive without compression and comments.
func file(archive, name string) (content string, found bool) {
	end := archive[len(archive)-endSize:]
	count, at := u16(end[10:]), u32(end[16:])
	for range count {
		entry := archive[at:]
		nameEnd := entrySize + u16(entry[28:])
		if entry[entrySize:nameEnd] != name {
			at += nameEnd + u16(entry[30:]) + u16(entry[32:])
			continue
		}
		if u16(entry[10:]) != uncompressed {
			return "", false
		}
		header := archive[u32(entry[42:]):]
		start := fileSize + u16(header[26:]) + u16(header[28:])
		return header[start : start+u32(entry[24:])], true
	}
	return "", false
}

func u16(s string) int { return int(binary.LittleEndian.Uint16([]byte(s[:2]))) }

func u32(s string) int { return int(binary.LittleEndian.Uint32([]byte(s[:4]))) }
