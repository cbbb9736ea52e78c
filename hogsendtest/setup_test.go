package hogsendtest_test

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest"
)

var _ = flag.Bool("update", false, "store the histories of testdata anew")

type noteProps struct {
	Word string `json:"word"`
}

func registryOf(journeys ...hogsend.Journey) hogsend.Registry {
	return hogsend.Registry{Journeys: journeys, Templates: []hogsend.Template{
		{Key: "note", Subject: "A note for {{.Name}}", HTML: "<p>Hello {{.Name}} {{.Props.Word}}</p>", Props: noteProps{}},
		{Key: "other", Subject: "Another", HTML: "<p>Well {{.Name}}</p>", Category: "news"},
	}}
}

// path is a journey that everybody can enter by the event go.
func path(run hogsend.JourneyFunc, changes ...func(j *hogsend.Journey)) hogsend.Journey {
	j := hogsend.Journey{ID: "path", Name: "Path", Trigger: hogsend.On("go"), EntryLimit: hogsend.Unlimited, Run: run}
	for _, change := range changes {
		change(&j)
	}
	return j
}

func ada() hogsendtest.Person {
	return hogsendtest.Person{UserID: "ada", Email: "ada@example.com", Timezone: "Europe/London", Properties: hogsend.Properties{"plan": "free"}}
}

// trial is a T that keeps what a script is failed for.
type trial struct {
	t        *testing.T
	failures []string
	logs     []string
}

var errStopped = errors.New("stopped")

func (x *trial) Helper()             {}
func (x *trial) Name() string        { return x.t.Name() }
func (x *trial) Testing() *testing.T { return x.t }
func (x *trial) FailNow()            { panic(errStopped) }

func (x *trial) Logf(format string, args ...any) {
	x.logs = append(x.logs, fmt.Sprintf(format, args...))
}

func (x *trial) Errorf(format string, args ...any) {
	x.failures = append(x.failures, fmt.Sprintf(format, args...))
}

// failure is what a script is failed for; "" when it passes.
func failure(t *testing.T, script func(t hogsendtest.T)) string {
	t.Helper()
	x := &trial{t: t}
	func() {
		defer func() {
			if p := recover(); p != nil && p != errStopped { //nolint:errorlint // the very value
				panic(p)
			}
		}()
		script(x)
	}()
	return strings.Join(x.failures, "\n")
}

// failureOf is what the plain script of one journey is failed for.
func failureOf(t *testing.T, run hogsend.JourneyFunc) string {
	t.Helper()
	return failure(t, func(t hogsendtest.T) {
		s := hogsendtest.New(t, registryOf(path(run)))
		s.Contact(ada()).At(0, "go")
		s.Run()
	})
}

func send(ctx workflow.Context, run hogsend.Run, template string) error {
	_, err := run.Send(ctx, hogsend.Email{Template: template})
	return err
}
