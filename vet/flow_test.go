package vet_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/flow"
	"github.com/hogsend/hogsend/vet"
)

func readFlow(t *testing.T, dir string, patterns ...string) *flow.File {
	t.Helper()
	data, err := vet.Flow(t.Context(), dir, patterns)
	require.NoError(t, err)
	f, err := flow.Parse(data)
	require.NoError(t, err)
	return f
}

func nodes(n *flow.Node) string { return n.ID }

// U-46: what the code of a journey does, in the order in which it does it, with the nodes at
// which its people stand.
func TestFlowOfTheExamples(t *testing.T) {
	t.Parallel()
	f := readFlow(t, "..", "./examples/...")
	for name, want := range map[string]string{
		"saas.welcome": `├─ Mail welcome  send:welcome
├─ Waits for feature.used, at most 2 days  wait-event:feature.used
├─ feature.used came?
│  ├─ came: done
│  └─ time ran out: goes on
├─ Mail nudge  send:nudge
└─ done
`,
		"saas.onboarding": `├─ for each of tips()
│  ├─ Waits: until:*, until a time from code  until:*
│  ├─ an event from code happened before?
│  │  ├─ yes: next one
│  │  └─ no: goes on
│  └─ Mail tip  tip:*
└─ done
`,
		"saas.checkout": `├─ for each of 2 hours, 2 days
│  ├─ Waits for subscription.started, checkout.canceled, card.declined or chat.opened, as long as code says  wait-any
│  ├─ what came?
│  │  ├─ subscription.started or checkout.canceled: done
│  │  ├─ card.declined: goes on
│  │  ├─ chat.opened: leaves: chat
│  │  └─ none came: goes on
│  └─ Mail checkout  send:checkout
└─ done
`,
		"saas.milestone": `├─ Mail milestone  send:milestone
├─ the mail went out?
│  ├─ no: done
│  └─ yes: goes on
├─ Sets properties
└─ done
`,
		"cookbook.winBack": `├─ variant win-back?
│  ├─ mail
│  │  └─ Mail come-back  send:come-back
│  └─ another arm: goes on
├─ Waits for app.opened, at most 14 days  wait-event:app.opened
├─ Tells analytics win-back.ended
└─ done
`,
		"cookbook.renewal": `├─ Mail renewal  send:renewal
├─ Waits: until-last-week, 23 days  until-last-week
├─ Mail renewal  send:renewal
└─ done
`,
	} {
		require.Equal(t, want, f.Functions["github.com/hogsend/hogsend/examples/"+name].Root.Text(nodes), name)
	}
	require.Len(t, f.Functions, 26)
}

// U-46: a function that is given the Run is read where it is called, in another package and
// with a way that returns early; one that calls itself is named.
func TestFlowGoesThroughFunctions(t *testing.T) {
	t.Parallel()
	f := readFlow(t, "..", "./vet/testdata/flows")
	require.Equal(t, `├─ Mail hello  send:hello
├─ Waits for paid, without an end  paid
├─ run.Enrollment().Key == ""?
│  ├─ yes: goes on
│  └─ no
│     ├─ Mail receipt  send:receipt
│     └─ Waits 3 days  wait:72h
├─ Waits for a, without an end  wait-any
├─ what came?
│  ├─ a
│  │  └─ Calls Charge
│  └─ else: fails
├─ again and again
│  ├─ Mail tip  send:tip
│  ├─ is in the bucket power?
│  │  ├─ yes: out of the loop
│  │  └─ no: goes on
│  └─ endless()
└─ done
`, f.Functions["github.com/hogsend/hogsend/vet/testdata/flows.journey"].Root.Text(nodes))
}

// The picture of the example application that the stock binary has is that of its code:
// go run ./cmd/hogsend flow -o examples/saas/hogsend_flow.json ./examples/saas
func TestTheExamplesPictureIsOfItsCode(t *testing.T) {
	t.Parallel()
	data, err := vet.Flow(t.Context(), "..", []string{"./examples/saas"})
	require.NoError(t, err)
	kept, err := os.ReadFile("../examples/saas/hogsend_flow.json")
	require.NoError(t, err)
	require.Equal(t, string(data), string(kept))
}

// Outside of a module the go command is quoted, in one line.
func TestFlowOutsideOfAModule(t *testing.T) {
	t.Parallel()
	_, err := vet.Flow(t.Context(), t.TempDir(), nil)
	require.ErrorContains(t, err, "list packages: go: ")
	require.NotContains(t, err.Error(), "stderr")
	require.NotContains(t, err.Error(), "\n")
}
