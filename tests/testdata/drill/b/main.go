// Command b has one send more, behind a version: who passed here before goes on as
// they were.
package main

import (
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/tests/testdata/drill"
)

func main() { drill.Main("2", journey, drill.Staying()) }

func journey(ctx workflow.Context, run hogsend.Run) error {
	if err := drill.Send(ctx, run, "hello"); err != nil {
		return err
	}
	if run.Version(ctx, "extra-mail", 1) >= 1 {
		if err := drill.Send(ctx, run, "extra"); err != nil {
			return err
		}
	}
	return drill.WaitAndFinish(ctx, run)
}
