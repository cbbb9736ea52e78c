package definition

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"reflect"
	"slices"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/condition"
)

// Digest identifies the definitions of a registry: processes with one digest know the
// same journeys, buckets, templates and defaults, in whatever order they are listed
// (O-32). Every field counts, but not the code of journeys, and of props their type.
func Digest(r hogsend.Registry) string {
	r = Clone(r)
	slices.SortFunc(r.Journeys, func(a, b hogsend.Journey) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(r.Buckets, func(a, b hogsend.Bucket) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(r.Events, func(a, b hogsend.EventType) int { return cmp.Compare(a.Name, b.Name) })
	// Of one key the later definition replaces the earlier.
	slices.SortStableFunc(r.Templates, func(a, b hogsend.Template) int { return cmp.Compare(a.Key, b.Key) })
	sum := sha256.New()
	if len(r.Buckets) > 0 {
		// A build that reads criteria otherwise brings them into force anew (W-37).
		_, _ = fmt.Fprintf(sum, "criteria %d;", condition.Revision)
	}
	digest(sum, reflect.ValueOf(r))
	return hex.EncodeToString(sum.Sum(nil))
}

// digest writes a value so that no other one is written alike: every part with its
// name, type or length before it.
func digest(w io.Writer, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			_, _ = fmt.Fprintf(w, "%s:", v.Type().Field(i).Name) // a hash takes everything
			digest(w, v.Field(i))
		}
	case reflect.Slice:
		_, _ = fmt.Fprintf(w, "%d[", v.Len())
		for i := range v.Len() {
			digest(w, v.Index(i))
		}
	case reflect.Map:
		_, _ = fmt.Fprintf(w, "%d{", v.Len())
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
		for _, key := range keys {
			digest(w, key)
			digest(w, v.MapIndex(key))
		}
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			_, _ = io.WriteString(w, "nil;")
			return
		}
		value := v.Elem()
		_, _ = fmt.Fprintf(w, "%s=", value.Type())
		if v.Type() != reflect.TypeFor[any]() || value.Comparable() && value.Kind() != reflect.Struct && value.Kind() != reflect.Pointer {
			digest(w, value)
		}
	case reflect.Func:
	case reflect.String:
		_, _ = fmt.Fprintf(w, "%d\"%s", v.Len(), v.String())
	default:
		_, _ = fmt.Fprintf(w, "%v;", v)
	}
}
