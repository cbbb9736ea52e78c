package hogsendtest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest"
)

func saysHello(ctx workflow.Context, run hogsend.Run) error {
	_, err := run.Send(ctx, hogsend.Email{Template: "welcome", Label: "hello"})
	return err
}

// E-14, E-21 to E-27, J-134, T-4, T-14: caps, gaps and windows hold in the kit as they do in
// production; a worker that is lost anywhere changes nothing. A refusal ends no enrollment.
func TestSendsAreHeldAndDeferred(t *testing.T) {
	t.Parallel()
	first, second := path(saysHello), path(saysHello)
	second.ID, second.Name, second.MinSendGap = "second", "Second", 3*hogsend.Day
	r := registryOf(first, second)
	r.Templates = []hogsend.Template{{Key: "welcome", Subject: "Hello", HTML: "<p>{{.Name}}</p>"}}
	r.Defaults = hogsend.Defaults{
		SendWindow: hogsend.Window{Start: "12:00", End: "15:00"}, OnBlocked: hogsend.Defer,
		FrequencyCap: hogsend.FrequencyCap{Count: 1, Window: time.Hour},
	}
	s := hogsendtest.New(t, r)
	person := s.Contact(ada())
	person.At(0, "go")
	person.At(2*hogsend.Day, "go")
	got := s.Run()
	require.Equal(t, `+0s event go
+0s path enrolled path
+0s second enrolled second
+0s path send_gated defer:hello outside_window until +2h
+0s second send_gated defer:hello outside_window until +2h
+2h path sent hello
+2h path completed
+2h second send_gated defer:hello frequency_capped until +3h 1ms
+3h 1ms second sent hello
+3h 1ms second completed
+2d event go
+2d path#2 enrolled path#2
+2d second#2 enrolled second#2
+2d path#2 send_gated defer:hello outside_window until +2d 2h
+2d second#2 send_gated defer:hello outside_window until +2d 2h
+2d 2h path#2 sent hello
+2d 2h path#2 completed
+2d 2h second#2 send_gated hello suppress_gap
+2d 2h second#2 completed
`, got.Timeline("ada"))
	require.Equal(t, []string{"welcome", "welcome", "welcome"}, got.Mailbox.Templates("ada"))
	require.Equal(t, "suppress_gap", got.Mailbox[3].Verdict.Reason)
	require.Equal(t, []string{"start", "defer:hello", "hello"}, got.Enrollment("ada", "path").Nodes)
}
