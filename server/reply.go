package server

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// compressFrom is the size above which a reply is compressed on request (H-4).
const compressFrom = 1 << 10

// reply writes v as JSON.
func reply(c echo.Context, status int, v any) error {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("encode reply: %w", err)
	}
	h := c.Response().Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Add("Vary", "Accept-Encoding")
	data := body.Bytes()
	if len(data) > compressFrom && acceptsGzip(c.Request().Header.Get("Accept-Encoding")) {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := w.Write(data); err != nil {
			return fmt.Errorf("compress reply: %w", err)
		}
		if err := w.Close(); err != nil {
			return fmt.Errorf("compress reply: %w", err)
		}
		h.Set("Content-Encoding", "gzip")
		data = packed.Bytes()
	}
	h.Set("Content-Length", strconv.Itoa(len(data)))
	c.Response().WriteHeader(status)
	if _, err := c.Response().Write(data); err != nil {
		return fmt.Errorf("write reply: %w", err)
	}
	return nil
}

// acceptsGzip reads an Accept-Encoding header.
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, parameters, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			quality, given := strings.CutPrefix(strings.ReplaceAll(parameters, " ", ""), "q=")
			q, err := strconv.ParseFloat(quality, 64)
			return !given || err == nil && q > 0
		}
	}
	return false
}

// ts is an instant as the API writes it: UTC with three fraction digits (H-9).
type ts time.Time

// MarshalJSON writes 2026-01-05T10:00:00.000Z.
func (t ts) MarshalJSON() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(nil, `"2006-01-02T15:04:05.000Z"`), nil
}

// tsOrNull is null for a missing instant.
func tsOrNull(t *time.Time) *ts {
	if t == nil {
		return nil
	}
	return (*ts)(t)
}

// dur is a duration as the API writes it: parts below 60, hours unbounded, zero
// parts left out (§2).
type dur time.Duration

// MarshalJSON writes {"hours":1,"minutes":30}.
func (d dur) MarshalJSON() ([]byte, error) {
	rest := time.Duration(d)
	parts := struct {
		Hours   int64   `json:"hours,omitempty"`
		Minutes int64   `json:"minutes,omitempty"`
		Seconds float64 `json:"seconds,omitempty"`
	}{
		Hours:   int64(rest / time.Hour),
		Minutes: int64(rest % time.Hour / time.Minute),
		Seconds: (rest % time.Minute).Seconds(),
	}
	return json.Marshal(parts)
}
