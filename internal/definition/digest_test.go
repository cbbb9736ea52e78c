package definition_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/definition"
)

func nothing(workflow.Context, hogsend.Run) error { return nil }

// full is a registry in which nothing is empty.
func full() hogsend.Registry {
	yes, weekly := true, hogsend.Weekly(time.Monday, "9:00")
	where := func() []hogsend.Condition { return []hogsend.Condition{hogsend.Prop("plan").Eq("pro")} }
	exits := func() []hogsend.Exit { return []hogsend.Exit{{Event: "paid", Where: where()}} }
	return hogsend.Registry{
		LinkSchemes: []string{"myapp"}, Lists: []hogsend.List{{ID: "news"}}, Addresses: map[string]string{"sales": "a@x.io"}, Files: map[string]hogsend.FileSource{},
		Events:       []hogsend.EventType{{Name: "e", Properties: []hogsend.EventProperty{{Name: "p", Type: hogsend.StringProperty}}}},
		Webhooks:     []hogsend.Webhook{{ID: "crm", Events: []string{"*"}, Headers: map[string]string{"X-Team": "a"}}},
		Destinations: []hogsend.Destination{{ID: "lake", Events: []string{"*"}}},
		Sources:      []hogsend.Source{{ID: "crm", Transform: func(hogsend.Incoming) (*hogsend.SourceEvent, error) { return nil, nil }}},
		Journeys:     []hogsend.Journey{{ID: "j", Aliases: []string{"was-j"}, Trigger: hogsend.Trigger{Conditions: where(), Recurrence: &weekly}, ExitOn: exits(), Audience: hogsend.All(where()...), Templates: []string{"t"}, Run: nothing}},
		Buckets: []hogsend.Bucket{{
			ID: "b", Aliases: []string{"was-b"}, Criteria: hogsend.All(hogsend.Event("e").Within(time.Hour).AtLeast(2), hogsend.EmailEngagement("t").Opened()), ReconcileJoins: &yes,
			Reactions: []hogsend.Reaction{{Kind: hogsend.ReactionLeave, Reasons: []hogsend.LeaveReason{hogsend.LeftByCriteria}, ExitOn: exits(), Templates: []string{"t"}, Run: nothing}},
		}},
		Templates: []hogsend.Template{{Key: "t", Props: struct{ A string }{}, Examples: map[string]any{"one": "x"}}},
		Defaults:  hogsend.Defaults{FrequencyCap: hogsend.FrequencyCap{ByCategory: map[string]hogsend.CategoryCap{"news": {Count: 1}}, ExemptCategories: []string{"receipts"}}},
	}
}

// O-32: by reflection, so that a field that is new is in it too.
func TestEveryFieldOfADefinitionIsInTheDigest(t *testing.T) {
	t.Parallel()
	seen := map[string]string{definition.Digest(full()): "nothing changed"}
	changed := 0
	for n := 0; ; n++ {
		r, left := full(), n
		path := changeNth(reflect.ValueOf(&r).Elem(), "Registry", &left)
		if path == "" {
			break
		}
		changed++
		digest := definition.Digest(r)
		require.NotContains(t, seen, digest, "a change of %s gives the digest of: %s", path, seen[digest])
		seen[digest] = path
	}
	require.Greater(t, changed, 80, "the registry is walked")
}

// changeNth changes the n-th value below v and returns the path to it, "" if there are
// fewer.
func changeNth(v reflect.Value, path string, n *int) string {
	here := func(change func()) string {
		if *n--; *n < 0 {
			change()
			return path
		}
		return ""
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if !field.IsExported() || field.Type.Kind() == reflect.Func || field.Name == "Props" {
				continue
			}
			if found := changeNth(v.Field(i), path+"."+field.Name, n); found != "" {
				return found
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if found := changeNth(v.Index(i), path+"[]", n); found != "" {
				return found
			}
		}
		return here(func() { v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem()))) })
	case reflect.Map:
		return here(func() { v.SetMapIndex(reflect.ValueOf("another"), reflect.Zero(v.Type().Elem())) })
	case reflect.Pointer:
		if v.IsNil() {
			return here(func() { v.Set(reflect.New(v.Type().Elem())) })
		}
		return changeNth(v.Elem(), path, n)
	case reflect.Interface:
		// A node of a condition: a changed copy takes its place.
		if v.IsNil() {
			return here(func() { v.Set(reflect.ValueOf(hogsend.Prop("x").Exists())) })
		}
		node := reflect.New(v.Elem().Type()).Elem()
		node.Set(v.Elem())
		found := changeNth(node, path, n)
		if found != "" {
			v.Set(node)
		}
		return found
	case reflect.String:
		return here(func() { v.SetString(v.String() + "x") })
	case reflect.Bool:
		return here(func() { v.SetBool(!v.Bool()) })
	case reflect.Int, reflect.Int64:
		return here(func() { v.SetInt(v.Int() + 1) })
	case reflect.Float64:
		return here(func() { v.SetFloat(v.Float() + 1) })
	}
	return ""
}

// O-32
func TestTheDigestIsTheSameForTheSameDefinitions(t *testing.T) {
	t.Parallel()
	digest := definition.Digest(full())
	require.Len(t, digest, 64)
	require.Equal(t, digest, definition.Digest(full()), "the same every time")
	require.Equal(t, digest, definition.Digest(definition.Clone(full())))

	two := func(first, second string) string {
		r := full()
		r.Journeys = []hogsend.Journey{{ID: first}, {ID: second}}
		r.Buckets = []hogsend.Bucket{{ID: first}, {ID: second}}
		r.Templates = []hogsend.Template{{Key: first}, {Key: second}}
		return definition.Digest(r)
	}
	require.Equal(t, two("a", "b"), two("b", "a"), "whatever their order")

	replaced := func(subjects ...string) string {
		var r hogsend.Registry
		for _, subject := range subjects {
			r.Templates = append(r.Templates, hogsend.Template{Key: "t", Subject: subject, Override: true})
		}
		return definition.Digest(r)
	}
	require.NotEqual(t, replaced("a", "b"), replaced("b", "a"), "the later of one key replaces the earlier")

	equal := func(value any) string {
		return definition.Digest(hogsend.Registry{Journeys: []hogsend.Journey{{Trigger: hogsend.On("e").Where(hogsend.Prop("p").Eq(value))}}})
	}
	require.Equal(t, equal(1), equal(1.0), "a number is a number")
	require.NotEqual(t, equal(1), equal("1"))
	require.NotEqual(t, equal(true), equal("true"))
	props := func(props any) string {
		return definition.Digest(hogsend.Registry{Templates: []hogsend.Template{{Key: "t", Props: props}}})
	}
	require.NotEqual(t, props(struct{ A string }{}), props(struct{ B string }{}))
	require.NotEqual(t, props(nil), props(struct{ A string }{}))
}

// J-7, J-9: by reflection, so that a field that is new is copied too.
func TestACloneKeepsNothingOfTheAuthors(t *testing.T) {
	t.Parallel()
	digest := definition.Digest(full())
	for n := 0; ; n++ {
		original, left := full(), n
		clone := definition.Clone(original)
		path := changeNth(reflect.ValueOf(&original).Elem(), "Registry", &left)
		if path == "" {
			require.Greater(t, n, 80, "the registry is walked")
			break
		}
		require.Equal(t, digest, definition.Digest(clone), "a change of %s after the copy was made", path)
	}
}

func TestACloneHasConditionsInPlainForm(t *testing.T) {
	t.Parallel() // J-7, C-20
	type count int64
	r := hogsend.Registry{Journeys: []hogsend.Journey{{Trigger: hogsend.On("e").Where(hogsend.Prop("n").Eq(count(1)))}}}
	require.Equal(t, []hogsend.Condition{hogsend.Prop("n").Eq(json.Number("1"))}, definition.Clone(r).Journeys[0].Trigger.Conditions)
}
