package hogsend_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

func journeyFunc(workflow.Context, hogsend.Run) error { return nil }

func func1(workflow.Context, hogsend.Run) error { return nil }

var inVariable = func(workflow.Context, hogsend.Run) error { return nil }

func generic[T any](workflow.Context, hogsend.Run) error { return nil }

type methods struct{}

func (methods) run(workflow.Context, hogsend.Run) error { return nil }

// valid is a journey without a problem, changed by each case.
func valid(change func(*hogsend.Journey)) hogsend.Journey {
	j := hogsend.Journey{ID: "welcome", Name: "Welcome", Trigger: hogsend.On("user.created"), EntryLimit: hogsend.Once, Run: journeyFunc}
	change(&j)
	return j
}

func TestEachRuleOfAJourneyIsChecked(t *testing.T) {
	t.Parallel()
	templates := []hogsend.Template{{Key: "welcome"}, {Key: "nudge"}}
	for _, tt := range []struct {
		change func(*hogsend.Journey)
		want   string // part of the message; "" means that it is valid
	}{
		{func(*hogsend.Journey) {}, ""},
		// J-156
		{func(j *hogsend.Journey) {
			j.Trigger = hogsend.OnDate("born").At("9:00").Before(2 * hogsend.Day).Yearly()
		}, ""},
		{func(j *hogsend.Journey) { j.Trigger = hogsend.OnDate("on").After(90 * time.Minute) }, ""},
		{func(j *hogsend.Journey) { j.Trigger = hogsend.OnDate("") }, "Trigger.Date.Property: must have 1 to 200 characters"},
		{func(j *hogsend.Journey) { j.Trigger = hogsend.OnDate("on").Before(-1) }, "Trigger.Date.Before: must be from 0 to 3650 days"},
		{func(j *hogsend.Journey) { j.Trigger = hogsend.OnDate("on").After(3651 * hogsend.Day) }, "Trigger.Date.After: must be from 0 to 3650 days"},
		{func(j *hogsend.Journey) { j.Trigger = hogsend.OnDate("on").Before(36 * time.Hour).At("9:00") }, "Trigger.Date.Before: must be whole days with At"},
		{func(j *hogsend.Journey) { j.Trigger = hogsend.OnDate("on").Before(1).After(1) }, "takes Before or After, not both"},
		{func(j *hogsend.Journey) { j.Trigger = hogsend.OnDate("on").At("24:00") }, `Trigger.Date.At: "24:00" is not a local time`},
		{func(j *hogsend.Journey) { j.Trigger = hogsend.On("user.created").Yearly() }, "Before, After, At and Yearly go with OnDate only"},
		{func(j *hogsend.Journey) { j.ID = strings.Repeat("a", 63) }, ""},
		{func(j *hogsend.Journey) { j.ID = strings.Repeat("a", 64) }, "ID: "}, // J-2
		{func(j *hogsend.Journey) { j.ID = "" }, "ID: "},
		{func(j *hogsend.Journey) { j.ID = "Welcome" }, "ID: "},
		{func(j *hogsend.Journey) { j.ID = "a/b" }, "ID: "},
		{func(j *hogsend.Journey) { j.ID = "a_b" }, "ID: "},
		{func(j *hogsend.Journey) { j.Aliases = []string{"-x"} }, "Aliases: "},
		{func(j *hogsend.Journey) { j.Aliases = []string{"welcome"} }, `"welcome" is used by`}, // J-3
		{func(j *hogsend.Journey) { j.Name = "" }, "Name: "},                                   // J-4
		{func(j *hogsend.Journey) { j.Name = strings.Repeat("é", 100) }, ""},
		{func(j *hogsend.Journey) { j.Name = strings.Repeat("é", 101) }, "Name: "},
		{func(j *hogsend.Journey) { j.Description = strings.Repeat("x", 1001) }, "Description: "},
		{func(j *hogsend.Journey) { j.Version = strings.Repeat("x", 65) }, "Version: "},
		{func(j *hogsend.Journey) { j.Trigger = hogsend.On("") }, "Trigger.Event: "},
		{func(j *hogsend.Journey) { j.Trigger = hogsend.On(strings.Repeat("x", 201)) }, "Trigger.Event: "},
		{func(j *hogsend.Journey) { j.Trigger = hogsend.On("journey:completed") }, ""}, // J-5
		{func(j *hogsend.Journey) { j.Trigger = hogsend.On("email.bounced") }, ""},
		{func(j *hogsend.Journey) { j.Trigger = hogsend.On("journey:complete") }, `did you mean "journey:completed"?`},
		{func(j *hogsend.Journey) { j.Trigger = hogsend.On("email.sent") }, `there is no event "email.sent"`}, // E-75
		{func(j *hogsend.Journey) { j.ExitOn = []hogsend.Exit{{Event: "hogsend:x"}} }, "ExitOn.0.Event: "},
		{func(j *hogsend.Journey) { j.EntryLimit = "" }, "EntryLimit: "}, // J-6
		{func(j *hogsend.Journey) { j.EntryPeriod = time.Hour }, "EntryPeriod: "},
		{func(j *hogsend.Journey) { j.EntryLimit, j.EntryPeriod = hogsend.OncePerPeriod, time.Hour }, ""},
		{func(j *hogsend.Journey) { j.EntryLimit, j.EntryPeriod = hogsend.OncePerPeriod, -1 }, "EntryPeriod: "},
		{func(j *hogsend.Journey) { j.MinSendGap = time.Hour }, ""},
		{func(j *hogsend.Journey) { j.Priority = -1000 }, ""},
		{func(j *hogsend.Journey) { j.Priority = 1001 }, "Priority: must be from -1000 to 1000"},
		{func(j *hogsend.Journey) { j.MinSendGap = -1 }, "MinSendGap: must not be negative"},
		{func(j *hogsend.Journey) { j.Trigger = j.Trigger.Where(hogsend.Prop("n").Gt("9")) }, "Trigger.Where.0.value: must be a number"}, // J-7, C-18
		{func(j *hogsend.Journey) { j.ExitOn = []hogsend.Exit{{Event: "x", Where: []hogsend.Condition{nil}}} }, "ExitOn.0.Where.0: is missing"},
		{func(j *hogsend.Journey) { j.Category = "no spaces" }, "Category: "},
		{func(j *hogsend.Journey) { j.InFlight = hogsend.Pinned }, ""},
		{func(j *hogsend.Journey) { j.InFlight = "stuck" }, "InFlight: must be Upgrade or Pinned"},
		{func(j *hogsend.Journey) { j.Templates = []string{"welcome"} }, ""}, // E-3
		{func(j *hogsend.Journey) { j.Templates = []string{"welcom"} }, `there is no template "welcom", did you mean "welcome"?`},
		{func(j *hogsend.Journey) { j.Run = nil }, "Run: is missing"}, // J-8, T-20
		{func(j *hogsend.Journey) { j.Run = func(workflow.Context, hogsend.Run) error { return nil } }, "validate_test.go:"},
		{func(j *hogsend.Journey) { j.Run = inVariable }, "must be a named top-level function"},
		{func(j *hogsend.Journey) { j.Run = methods{}.run }, "must be a named top-level function"},
		{func(j *hogsend.Journey) { j.Run = generic[int] }, "must be a named top-level function"},
		{func(j *hogsend.Journey) { j.Run = func1 }, ""},
		{func(j *hogsend.Journey) { j.Name = "\xff" }, "Name: must be valid UTF-8"}, // nothing that could not be stored
		{func(j *hogsend.Journey) { j.Trigger = hogsend.On("a\x00") }, "Trigger.Event: must be valid UTF-8 without U+0000"},
		{func(j *hogsend.Journey) { j.Trigger = j.Trigger.Where(hogsend.Prop("a\x00").Exists()) }, "Trigger.Where.0.property: "},
		{func(j *hogsend.Journey) { j.Trigger = j.Trigger.Where(hogsend.Event("x").Exists()) }, "Trigger.Where.0: is not a condition on a property of the event; conditions on the contact belong to Audience"}, // J-7
		{func(j *hogsend.Journey) { j.Trigger = j.Trigger.Where(hogsend.InBucket("b")) }, "Trigger.Where.0: belongs to an Audience"},
		{func(j *hogsend.Journey) { j.Trigger = j.Trigger.Where(hogsend.Not(hogsend.SameAsTrigger("a"))) }, "Trigger.Where.0.conditions.0: SameAsTrigger belongs to exits, waits and digests"},
		{func(j *hogsend.Journey) {
			j.ExitOn = []hogsend.Exit{{Event: "x", Where: []hogsend.Condition{hogsend.SameAsTrigger("")}}}
		}, "ExitOn.0.Where.0.property: "}, // J-155
		{func(j *hogsend.Journey) {
			j.ExitOn = []hogsend.Exit{{Event: "x", Where: []hogsend.Condition{hogsend.InBucket("b")}}}
		}, "ExitOn.0.Where.0: belongs to an Audience"},
		{func(j *hogsend.Journey) { j.Audience = hogsend.SameAsTrigger("a") }, "Audience: SameAsTrigger belongs to exits, waits and digests"}, // J-151
		{func(j *hogsend.Journey) { j.Audience = hogsend.All(hogsend.InBucket("nowhere")) }, `Audience.conditions.0.bucketId: there is no bucket "nowhere"`},
		{func(j *hogsend.Journey) { j.Audience = hogsend.EmailEngagement("nowhere").Opened() }, `Audience.templateKey: there is no template "nowhere"`},
		{func(j *hogsend.Journey) { j.Audience = hogsend.Any() }, ""},
		{func(j *hogsend.Journey) { j.Audience = hogsend.Event("x").Where(hogsend.InBucket("b")).Exists() }, "Audience.where.0: is not a condition on a property"}, // C-28
		{func(j *hogsend.Journey) { j.Audience = hogsend.Event("x").Where(hogsend.SameAsTrigger("b")).Exists() }, "Audience.where.0: SameAsTrigger belongs"},
		{func(j *hogsend.Journey) { j.Audience = hogsend.Event("x").Where(hogsend.Prop("n").Gt(1)).AtLeast(2) }, ""},
		{func(j *hogsend.Journey) { j.Audience = hogsend.Event("bought").Exactly(0) }, ""},
		{func(j *hogsend.Journey) { j.Key = strings.Repeat("k", 201) }, "Key: must have 1 to 200 characters"}, // J-154
		{func(j *hogsend.Journey) { j.Key, j.Trigger = "stateId", hogsend.On("journey:completed") }, ""},
		{func(j *hogsend.Journey) { j.Key, j.Trigger = "stateID", hogsend.On("journey:completed") }, `Key: journey:completed never has the property "stateID", did you mean "stateId"?`},
		{func(j *hogsend.Journey) { j.Trigger = j.Trigger.Where(hogsend.Prop("a").Eq("\x00")) }, "Trigger.Where.0.value: "},
	} {
		j := valid(tt.change)
		err := hogsend.Registry{Journeys: []hogsend.Journey{j}, Templates: templates}.Validate()
		if tt.want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, tt.want)
		require.True(t, strings.HasPrefix(err.Error(), "journey "+j.ID+": "), err.Error())
	}
}

func TestEveryProblemIsReportedAtOnceAndSorted(t *testing.T) {
	t.Parallel() // J-1
	err := hogsend.Registry{
		Journeys: []hogsend.Journey{
			valid(func(j *hogsend.Journey) { j.ID, j.Name = "b", "" }),
			valid(func(j *hogsend.Journey) { j.ID, j.EntryLimit = "a", "twice" }),
		},
		Templates: []hogsend.Template{{Key: "Bad"}, {Key: "x"}, {Key: "x"}},
		Defaults:  hogsend.Defaults{Window: hogsend.Window{Start: "9:00"}, SendWindow: hogsend.Window{Start: "9", End: "17:00"}, Timezone: "Local"}, // S-2, S-30
	}.Validate()
	require.EqualError(t, err, strings.Join([]string{
		`defaults: SendWindow.start: "9" is not a local time such as 9:30 or 17:00`,
		`defaults: Timezone: "Local" is not the name of a time zone`,
		`defaults: Window.end: "" is not a local time such as 9:30 or 17:00`,
		`journey a: EntryLimit: must be Once, OncePerPeriod or Unlimited`,
		`journey b: Name: must have 1 to 100 characters`,
		`template "Bad": Key: must match ^[a-z0-9][a-z0-9/_-]{0,199}$`,
		`template x: Key: is defined twice; set Override to replace the earlier one`,
	}, "\n"))
}

func TestTwoJourneysNeverShareAName(t *testing.T) {
	t.Parallel() // J-3
	for _, second := range []hogsend.Journey{
		valid(func(j *hogsend.Journey) { j.Name = "Second" }),
		valid(func(j *hogsend.Journey) { j.ID, j.Name, j.Aliases = "other", "Second", []string{"welcome"} }),
	} {
		err := hogsend.Registry{Journeys: []hogsend.Journey{valid(func(*hogsend.Journey) {}), second}}.Validate()
		require.ErrorContains(t, err, `"welcome" is used by journey welcome ("Welcome")`)
		require.ErrorContains(t, err, `("Second")`)
	}
}

// E-46, E-50: what says nothing about tracking, and machines that would be everybody.
func TestTrackingIsValidated(t *testing.T) {
	t.Parallel()
	template := hogsend.Template{Key: "a", Subject: "s", HTML: "h", Track: hogsend.TrackClicks}
	require.NoError(t, hogsend.Registry{Templates: []hogsend.Template{template}, MachineAgents: []string{"AcmeScan"}}.Validate())
	template.Track = "some"
	err := hogsend.Registry{
		Templates: []hogsend.Template{template}, Defaults: hogsend.Defaults{Track: "none"}, MachineAgents: []string{"", "x", "Chrome/", "Mozilla/5.0"},
	}.Validate()
	for _, problem := range []string{
		"template a: Track: must be", "defaults: Track: must be", `MachineAgents: "" is too short`, `MachineAgents: "x" is too short`,
		`MachineAgents: "Chrome/" is what browsers say`, `MachineAgents: "Mozilla/5.0" is what browsers say`,
	} {
		require.ErrorContains(t, err, problem)
	}
}
