// Package imports brings contacts and suppressions from files into the database, batch by
// batch, so that it goes on where it was interrupted (O-19 to O-23).
package imports

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hogsend/hogsend/internal/encoding"
)

// Kind is what a file is of.
type Kind string

// The kinds of imports.
const (
	Contacts     Kind = "contacts"
	Suppressions Kind = "suppressions"
)

// The formats of files.
const (
	CSV  = "csv"
	JSON = "json"
)

// row is one row of a file, or what is wrong with it.
type row struct {
	fields map[string]json.RawMessage
	wrong  string
}

// Check reports what makes a file unusable before a row of it is read: of CSV the header.
func Check(kind Kind, format, data string) error {
	text, err := encoding.UTF8([]byte(data))
	if err != nil || format != CSV {
		return err
	}
	_, err = header(kind, reader(string(text)))
	return err
}

func reader(text string) *csv.Reader {
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord = -1
	return r
}

// header reads the names of the columns.
func header(kind Kind, r *csv.Reader) ([]string, error) {
	names, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("has no header")
	}
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	for i, name := range names {
		names[i] = strings.TrimSpace(name)
		switch {
		case names[i] == "":
			return nil, fmt.Errorf("column %d has no name", i+1)
		case utf8.RuneCountInString(names[i]) > 200:
			return nil, fmt.Errorf("the name of column %d has more than 200 characters", i+1)
		case slices.Contains(names[:i], names[i]):
			return nil, fmt.Errorf("column %s is there twice", names[i])
		}
	}
	switch {
	case slices.Contains(names, "email"), kind == Contacts && slices.Contains(names, "externalId"):
		return names, nil
	case kind == Contacts:
		return nil, errors.New("header needs a column externalId or email")
	}
	return nil, errors.New("header needs a column email")
}

// rows reads a whole file; an error means that it cannot be parsed.
func rows(kind Kind, format, data string) ([]row, error) {
	text, err := encoding.UTF8([]byte(data))
	if err != nil {
		return nil, err
	}
	if format == JSON {
		return jsonRows(text)
	}
	r := reader(string(text))
	names, err := header(kind, r)
	if err != nil {
		return nil, err
	}
	var all []row
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, csvRow(kind, names, cells))
	}
}

// csvRow makes of cells what a JSON row says: columns that are no key are properties, and
// an empty cell sets nothing.
func csvRow(kind Kind, names, cells []string) row {
	if len(cells) > len(names) {
		return row{wrong: fmt.Sprintf("has %d columns, the header %d", len(cells), len(names))}
	}
	fields, properties := map[string]json.RawMessage{}, map[string]string{}
	for i, cell := range cells {
		switch name := names[i]; {
		case cell == "":
		case name == "email", name == "externalId", kind == Suppressions:
			fields[name] = encoded(cell)
		default:
			properties[name] = cell
		}
	}
	if len(properties) > 0 {
		fields["properties"] = encoded(properties)
	}
	return row{fields: fields}
}

// encoded is the JSON of texts.
func encoded[T string | map[string]string](v T) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode texts: %v", err))
	}
	return raw
}

func jsonRows(text []byte) ([]row, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(text, &items); err != nil {
		return nil, fmt.Errorf("is no JSON array: %w", err)
	}
	all := make([]row, len(items))
	for i, item := range items {
		if err := json.Unmarshal(item, &all[i].fields); err != nil {
			all[i].wrong = "must be an object"
		}
	}
	return all, nil
}

// text reads a field that is a text; an absent one is "".
func (r *row) text(name string) string {
	raw, ok := r.fields[name]
	if !ok || string(raw) == "null" || r.wrong != "" {
		return ""
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		r.wrong = name + " must be a string"
	}
	return s
}
