// Package encoding tells which text encoding a body or a file is in, as only UTF-8 is read,
// and keeps spreadsheets from running what is in the files that are written.
package encoding

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Errors of UTF8. They name what was found.
var (
	ErrUTF16 = errors.New("is UTF-16; send UTF-8")
	ErrUTF32 = errors.New("is UTF-32; send UTF-8")
)

// UTF8 is data without the byte order mark that Excel and PowerShell begin UTF-8 with. It
// is ErrUTF16 or ErrUTF32 for data that has the mark of one of these, or that is JSON or
// a table in one of them without a mark (I-60).
func UTF8(data []byte) ([]byte, error) {
	zero := func(i int) bool { return i < len(data) && data[i] == 0 }
	some := func(i int) bool { return i < len(data) && data[i] != 0 }
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe, 0, 0}), bytes.HasPrefix(data, []byte{0, 0, 0xfe, 0xff}),
		some(0) && zero(1) && zero(2) && zero(3), zero(0) && zero(1) && zero(2) && some(3):
		return nil, ErrUTF32
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}), bytes.HasPrefix(data, []byte{0xfe, 0xff}),
		some(0) && zero(1) && some(2) && zero(3), zero(0) && some(1) && zero(2) && some(3):
		return nil, ErrUTF16
	}
	return bytes.TrimPrefix(data, []byte("\ufeff")), nil
}

// Reader is a file that is read as UTF-8, without its byte order mark. name is the file's,
// for the error.
func Reader(name string, file io.Reader) (io.Reader, error) {
	in := bufio.NewReader(file)
	head, err := in.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	text, err := UTF8(head)
	if err != nil {
		return nil, fmt.Errorf("%s %w", name, err)
	}
	if _, err := in.Discard(len(head) - len(text)); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return in, nil
}
