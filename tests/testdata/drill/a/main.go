// Command a is the build that runs when the people enroll.
package main

import (
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/tests/testdata/drill"
)

func main() { drill.Main("1", journey, drill.Staying()) }

func journey(ctx workflow.Context, run hogsend.Run) error {
	if err := drill.Send(ctx, run, "hello"); err != nil {
		return err
	}
	return drill.WaitAndFinish(ctx, run)
}
