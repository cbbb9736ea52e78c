package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/decide/check"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/naming"
)

// The sizes of a batch (I-16).
const (
	maxItems    = 1000
	maxItemSize = 1 << 20
)

// fieldNames are the wire names of an event's fields on one route; "" is a field
// the route does not have (I-10).
type fieldNames struct {
	name, userID, email, anonymousID string
	properties, contactProperties    string
	value, currency, lists           string
	timestamp, key                   string
}

var (
	eventNames = fieldNames{
		name: "name", userID: "userId", email: "email", anonymousID: "anonymousId",
		properties: "eventProperties", contactProperties: "contactProperties",
		value: "value", currency: "currency", lists: "lists",
		timestamp: "timestamp", key: "idempotencyKey",
	}
	ingestNames = fieldNames{
		name: "event", userID: "userId", email: "userEmail", anonymousID: "anonymousId",
		properties: "properties", contactProperties: "contactProperties",
		lists: "lists", timestamp: "timestamp", key: "idempotencyKey",
	}
	enrollNames = fieldNames{userID: "userId", email: "userEmail", properties: "properties", key: "idempotencyKey"}
)

// decodeEvent reads the body of R-1. header is the Idempotency-Key header, which
// wins over the body's field (H-11). The event is to be used only when there is no
// problem; it keeps parts of data, so data must not be reused.
func (s *Server) decodeEvent(data []byte, header string) *eventDecoder {
	return (&eventDecoder{data: data, names: &eventNames, header: header, junk: s.cfg.JunkIDs, lists: s.cfg.Registry.Lists, lenient: true}).decode()
}

// decodeIngest reads the body of R-3, where userId is required and the scalars of
// properties go to the contact unless contactProperties is given (I-33).
func (s *Server) decodeIngest(data []byte, header string) *eventDecoder {
	return (&eventDecoder{data: data, names: &ingestNames, header: header, merge: true, junk: s.cfg.JunkIDs, lists: s.cfg.Registry.Lists, lenient: true}).decode()
}

// decodeEnroll reads an item of: the trigger event of one contact.
func (s *Server) decodeEnroll(data []byte, header, event string, room *room) *eventDecoder {
	d := &eventDecoder{data: data, names: &enrollNames, header: header, trigger: event, junk: s.cfg.JunkIDs}
	d.room = room
	return d.decode()
}

// decodeBatch reads the body of R-2. Problems of the envelope refuse the whole;
// those of an item stay with it (I-16).
func (s *Server) decodeBatch(data []byte) ([]*eventDecoder, error) {
	return decodeItems(data, "events", maxItems, maxBatchBody, func(raw []byte, room *room) *eventDecoder {
		d := &eventDecoder{data: raw, names: &eventNames, junk: s.cfg.JunkIDs, lists: s.cfg.Registry.Lists, lenient: true}
		d.room = room
		return d.decode()
	})
}

// DecodeItem reads one item of the batch endpoint by the rules of I-10 to I-14. The
// event is to be used only when there is no problem; it keeps parts of raw.
func DecodeItem(raw []byte) (ingest.Event, []ingest.Problem) {
	d := (&eventDecoder{data: raw, names: &eventNames, junk: naming.JunkIDs{}, anyList: true, lenient: true}).decode()
	told := make([]ingest.Problem, len(d.told))
	for i, p := range d.told {
		told[i] = ingest.Problem(p)
	}
	return d.out, told
}

// decodeItems reads the list in a field, at most most items, each by one. What is wrong
// with all of them together is told within the bounds of one error (H-12).
func decodeItems(data []byte, field string, most int, limit int64, one func([]byte, *room) *eventDecoder) ([]*eventDecoder, error) {
	s := newScanner(data)
	if s.peek() != '{' {
		return nil, invalid(notObject(s)...)
	}
	var events value
	err := s.members(func(key []byte, _ flags, v value) error {
		if unquote(key) == field {
			events = v
		}
		return nil
	})
	if err = errors.Join(err, s.end()); err != nil {
		return nil, invalid(malformed(err)...)
	}
	if int64(len(data)+s.extra) > limit {
		return nil, tooLarge()
	}
	if events.kind != '[' {
		return nil, invalid(detail{Path: field, Message: "must be an array of 1 to " + itoa(most) + " items"})
	}
	var raws [][]byte
	list := &scanner{data: data[events.start:events.end], valid: s.valid}
	err = list.elements(func(_ int, v value) error {
		if len(raws) == most {
			return errTooMany
		}
		raws = append(raws, list.data[v.start:v.end])
		return nil
	})
	if err != nil || len(raws) == 0 {
		return nil, invalid(detail{Path: field, Message: "must have 1 to " + itoa(most) + " items"})
	}
	room := newRoom()
	room.bytes = max(2<<10, room.bytes-len(raws)*resultBytes)
	items := make([]*eventDecoder, len(raws))
	for i, raw := range raws {
		if len(raw) > maxItemSize {
			items[i] = &eventDecoder{problems: problems{room: room}}
			items[i].report("", tooLargeItem)
		} else {
			items[i] = one(raw, room)
		}
		for k := range items[i].told {
			path := &items[i].told[k].Path
			*path = strings.TrimSuffix(join(field+"."+itoa(i), *path), ".")
		}
	}
	return items, nil
}

const tooLargeItem = "must not be larger than 1 MiB"

var errTooMany = errors.New("too many items")

func notObject(s *scanner) []detail {
	if _, err := s.skip(); err != nil {
		return malformed(err)
	}
	if err := s.end(); err != nil {
		return malformed(err)
	}
	return []detail{{Message: "must be an object"}}
}

func malformed(err error) []detail {
	var syntax syntaxError
	errors.As(err, &syntax)
	return []detail{{Message: syntax.Error()}}
}

// eventDecoder reads one event, and is what became of it.
type eventDecoder struct {
	data   []byte
	names  *fieldNames
	header string
	merge  bool // the rules of R-3
	// trigger is the event that an enrollment by hand means; "" on other routes (J-23).
	trigger string
	junk    naming.JunkIDs
	lists   []hogsend.List // those that may be chosen
	anyList bool           // what may be chosen is not known
	lenient bool           // warns of what the route does not know, and leaves an unusable e-mail out

	problems
	out      ingest.Event // to be used only when no problem was found
	warnings []warning
}

// fields are the values of an event's fields by their last occurrence.
type fields struct {
	name, userID, email, anonymousID, properties, contactProperties value
	value, currency, lists, timestamp, key                          value
}

// slot is where the field of that wire name is kept; nil for an unknown one.
func (f *fields) slot(n *fieldNames, key string) *value {
	switch key {
	case "":
		return nil
	case n.name:
		return &f.name
	case n.userID:
		return &f.userID
	case n.email:
		return &f.email
	case n.anonymousID:
		return &f.anonymousID
	case n.properties:
		return &f.properties
	case n.contactProperties:
		return &f.contactProperties
	case n.value:
		return &f.value
	case n.currency:
		return &f.currency
	case n.lists:
		return &f.lists
	case n.timestamp:
		return &f.timestamp
	case n.key:
		return &f.key
	}
	return nil
}

func (d *eventDecoder) decode() *eventDecoder {
	s := newScanner(d.data)
	if s.peek() != '{' {
		d.all(notObject(s))
		return d
	}
	var f fields
	err := s.members(func(key []byte, keyFlags flags, v value) error {
		name := unquote(key)
		if keyFlags != 0 {
			e := explainer{&d.problems}
			e.text(pathKey(key), keyFlags)
		}
		if slot := f.slot(d.names, name); slot != nil {
			*slot = v
			return nil
		}
		if v.flags&^hasBadKey != 0 {
			d.explain(pathKey(key), v, false)
		}
		d.unknown(name)
		return nil
	})
	if err = errors.Join(err, s.end()); err != nil {
		d.all(malformed(err))
		return d
	}
	if s.extra > 0 && len(d.data)+s.extra > maxItemSize {
		d.report("", tooLargeItem)
		return d
	}
	d.out = d.event(&f)
	d.check(&d.out)
	return d
}

func (d *eventDecoder) all(list []detail) {
	for _, one := range list {
		d.report(one.Path, one.Message)
	}
}

// err is what is wrong with the event; nil for nothing.
func (d *eventDecoder) err() error {
	if !d.found {
		return nil
	}
	return invalidEvent(d.told)
}

func (d *eventDecoder) event(f *fields) ingest.Event {
	n := d.names
	event := ingest.Event{
		Name:        d.text(f.name, n.name),
		UserID:      d.text(f.userID, n.userID),
		Email:       address.Trim(d.text(f.email, n.email)),
		AnonymousID: d.text(f.anonymousID, n.anonymousID),
		Currency:    strings.ToUpper(d.text(f.currency, n.currency)),
		Value:       d.number(f.value, n.value),
		Timestamp:   d.timestamp(f.timestamp, n.timestamp),
		Properties:  d.object(f.properties, n.properties),
	}
	if d.header == "" {
		event.Key = d.text(f.key, n.key)
	} else if event.Key = d.header; !utf8.ValidString(d.header) {
		d.report(n.key, "must be valid Unicode text")
	}
	if d.trigger != "" {
		event.Name = d.trigger
	}
	contact := d.object(f.contactProperties, n.contactProperties)
	if contact == nil && d.merge {
		event.ContactProperties = split(event.Properties, true)
	} else {
		event.ContactProperties = split(contact, false)
	}
	event.Lists = d.choices(f.lists)
	return event
}

// check adds what the event itself breaks, under the names of this route.
func (d *eventDecoder) check(event *ingest.Event) {
	if (d.merge || d.trigger != "") && event.UserID == "" && !d.has(d.names.userID) {
		d.report(d.names.userID, "must not be empty")
	}
	for _, id := range []struct{ path, value string }{{d.names.userID, event.UserID}, {d.names.anonymousID, event.AnonymousID}} {
		if d.junk.Has(id.value) { // I-57
			d.report(id.path, naming.JunkMessage(id.value))
		}
	}
	for _, p := range ingest.Validate(event) {
		if p.Message == check.IdentityMessage && d.has(d.names.userID, d.names.email, d.names.anonymousID) {
			continue // what was given is wrong, and was told
		}
		if p.Path == eventNames.email && d.lenient && (event.UserID != "" || event.AnonymousID != "") {
			d.warn(d.names.email, warnEmail, "is left out: it "+p.Message)
			event.Email = "" // I-56
			continue
		}
		if path := d.rename(p.Path); p.Path == "" || !d.has(path) {
			d.report(path, p.Message)
		}
	}
	slices.SortStableFunc(d.told, func(a, b detail) int { return strings.Compare(a.Path, b.Path) })
	if d.lenient && !d.found {
		d.zones(event)
	}
}

// has reports whether a problem of one of the paths is known already.
func (d *eventDecoder) has(paths ...string) bool {
	return slices.ContainsFunc(d.told, func(p detail) bool { return slices.Contains(paths, p.Path) })
}

// rename gives a path of the event the names of this route.
func (d *eventDecoder) rename(path string) string {
	head, rest, nested := strings.Cut(path, ".")
	switch head {
	case eventNames.name:
		head = d.names.name
	case eventNames.email:
		head = d.names.email
	case eventNames.properties:
		head = d.names.properties
	}
	if nested {
		return head + "." + rest
	}
	return head
}

func (d *eventDecoder) raw(v value) []byte { return d.data[v.start:v.end] }

// explain reports what is wrong inside a flagged value.
func (d *eventDecoder) explain(path string, v value, keys bool) {
	explain(d.raw(v), path, keys, &d.problems)
}

func (v value) absent() bool { return v.kind == 0 || v.kind == 'n' }

// blank reports a value that is as good as absent where a scalar is optional (H-6).
func (d *eventDecoder) blank(v value) bool {
	return v.absent() || v.kind == '"' && v.end-v.start == 2
}

func (d *eventDecoder) text(v value, path string) string {
	switch {
	case v.absent():
		return ""
	case v.kind != '"':
		d.report(path, "must be a string")
		return ""
	case v.flags != 0:
		d.explain(path, v, false)
		return ""
	}
	return unquote(d.raw(v))
}

func (d *eventDecoder) number(v value, path string) *float64 {
	switch {
	case d.blank(v):
		return nil
	case v.kind != '0':
		d.report(path, "must be a number")
		return nil
	case v.flags != 0:
		d.explain(path, v, false)
		return nil
	}
	n, err := strconv.ParseFloat(string(d.raw(v)), 64)
	if err != nil {
		d.report(path, "number is out of range")
		return nil
	}
	return &n
}

// timestamp is cut to microseconds (I-39).
func (d *eventDecoder) timestamp(v value, path string) *time.Time {
	text := d.text(v, path)
	if text == "" {
		return nil
	}
	var t time.Time
	// Unlike time.Parse this takes nothing but RFC 3339.
	if err := t.UnmarshalText([]byte(text)); err != nil {
		d.report(path, "must be an RFC 3339 time with Z or offset")
		return nil
	}
	t = t.UTC().Truncate(time.Microsecond)
	return &t
}

func (d *eventDecoder) object(v value, path string) json.RawMessage {
	switch {
	case v.absent():
		return nil
	case v.kind != '{':
		d.report(path, "must be an object")
		return nil
	case v.flags != 0:
		d.explain(path, v, true)
		return nil
	}
	return d.raw(v)
}

// choices reads choices about lists by their ids (E-59).
func (d *eventDecoder) choices(v value) map[string]bool {
	raw := d.object(v, d.names.lists)
	if raw == nil {
		return nil
	}
	choices := map[string]bool{}
	s := newScanner(raw)
	_ = s.members(func(key []byte, _ flags, v value) error { // scanned before
		id := unquote(key)
		switch path := join(d.names.lists, pathKey(key)); {
		case v.kind != 't' && v.kind != 'f':
			d.report(path, "must be true or false")
		case !d.anyList && !slices.ContainsFunc(d.lists, func(l hogsend.List) bool { return l.ID == id }):
			d.report(path, "unknown list")
		default:
			choices[id] = v.kind == 't'
		}
		return nil
	})
	return choices
}

// split takes a scanned object apart by its top-level keys; nil for a nil one.
// scalars leaves objects and arrays out.
func split(raw json.RawMessage, scalars bool) map[string]json.RawMessage {
	if raw == nil {
		return nil
	}
	properties := map[string]json.RawMessage{}
	s := newScanner(raw)
	err := s.members(func(key []byte, _ flags, v value) error {
		name := unquote(key)
		if scalars && (v.kind == '{' || v.kind == '[') {
			delete(properties, name) // the last of repeated keys counts
			return nil
		}
		properties[name] = raw[v.start:v.end]
		return nil
	})
	if err != nil {
		panic(fmt.Sprintf("split scanned object: %v", err))
	}
	return properties
}
