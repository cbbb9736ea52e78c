package config

import (
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"
)

// reader takes typed values out of the environment and gathers what is wrong.
type reader struct {
	values   map[string]string
	asked    map[string]bool
	problems []string
}

func newReader(environ []string) *reader {
	r := &reader{values: map[string]string{}, asked: map[string]bool{}}
	for _, pair := range environ {
		if name, value, ok := strings.Cut(pair, "="); ok {
			r.values[name] = value
		}
	}
	return r
}

func (r *reader) lookup(name string) (string, bool) {
	value, ok := r.values[name]
	return value, ok
}

// get returns the trimmed value; an empty one counts as unset.
func (r *reader) get(name string) string {
	r.asked[name] = true
	return strings.TrimSpace(r.values[name])
}

func (r *reader) or(name, fallback string) string {
	if v := r.get(name); v != "" {
		return v
	}
	return fallback
}

func (r *reader) problem(name, message string) {
	if line := name + ": " + message; !slices.Contains(r.problems, line) {
		r.problems = append(r.problems, line)
	}
}

func (r *reader) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.Sort(r.problems)
	return fmt.Errorf("%w:\n  %s", ErrInvalid, strings.Join(r.problems, "\n  "))
}

func (r *reader) oneOf(name, fallback string, allowed ...string) string {
	v := r.or(name, fallback)
	if v != fallback && !slices.Contains(allowed, v) {
		r.problem(name, "must be one of "+strings.Join(allowed, ", "))
		return fallback
	}
	return v
}

func (r *reader) integer(name string, fallback, low, high int) int {
	v := r.get(name)
	if v == "" {
		return fallback
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < low || n > high {
		r.problem(name, fmt.Sprintf("must be a whole number from %d to %d", low, high))
		return fallback
	}
	return n
}

func (r *reader) number(name string, fallback, low, high float64) float64 {
	v := r.get(name)
	if v == "" {
		return fallback
	}
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || !(n >= low && n <= high) {
		r.problem(name, fmt.Sprintf("must be a number from %g to %g", low, high))
		return fallback
	}
	return n
}

func (r *reader) boolean(name string, fallback bool) bool {
	switch r.get(name) {
	case "":
		return fallback
	case "true":
		return true
	case "false":
		return false
	}
	r.problem(name, "must be true or false")
	return fallback
}

// duration reads 30s, 24h or 7d.
func (r *reader) duration(name string, fallback time.Duration) time.Duration {
	v := r.get(name)
	if v == "" {
		return fallback
	}
	d, err := time.ParseDuration(v)
	if days, ok := strings.CutSuffix(v, "d"); ok && err != nil {
		var n int
		if n, err = strconv.Atoi(days); err == nil {
			d = time.Duration(n) * 24 * time.Hour
		}
	}
	if err != nil || d <= 0 {
		r.problem(name, "must be a positive duration such as 30s, 24h or 7d")
		return fallback
	}
	return d
}

func (r *reader) level(name string) slog.Level {
	levels := map[string]slog.Level{"error": slog.LevelError, "warn": slog.LevelWarn, "info": slog.LevelInfo, "debug": slog.LevelDebug}
	return levels[r.oneOf(name, "info", "error", "warn", "info", "debug")]
}

func (r *reader) list(name string) []string { return split(r.get(name)) }

// split takes a list by commas apart, without its empty parts.
func split(list string) []string {
	var items []string
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// nearest is the variable of this product that shares the longest prefix with name.
func (r *reader) nearest(name string) string {
	best, length := "HOGSEND_ENV", 0
	for candidate := range r.asked {
		n := 0
		for n < min(len(name), len(candidate)) && name[n] == candidate[n] {
			n++
		}
		if n > length || n == length && candidate < best {
			best, length = candidate, n
		}
	}
	return best
}
