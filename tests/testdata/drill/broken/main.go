// Command broken has one send more before the wait that people are parked at, and has
// lost a bucket with a reaction.
package main

import (
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/tests/testdata/drill"
)

func main() { drill.Main("2", journey) }

func journey(ctx workflow.Context, run hogsend.Run) error {
	for _, template := range []string{"hello", "extra"} {
		if err := drill.Send(ctx, run, template); err != nil {
			return err
		}
	}
	return drill.WaitAndFinish(ctx, run)
}
