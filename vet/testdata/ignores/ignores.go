// Package ignores says of lines that they are fine (T-28).
package ignores

import (
	"os"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

func excused(ctx workflow.Context, run hogsend.Run) error {
	_ = os.Getenv("PLAN") //hogsend:ignore the same on every worker for ever
	//hogsend:ignore it is not on the line
	_ = os.Getenv("PLAN")            // want `calls os.Getenv`
	_ = run.Checkpoint(ctx, "begin") //hogsend:ignore it is there for the log only
	_ = os.Getenv("PLAN")            /* want `calls os.Getenv` `//hogsend:ignore needs a reason behind it` */ //hogsend:ignore
	_ = os.Getenv("PLAN")            /* want `calls os.Getenv` `//hogsend:ignore needs a reason behind it` */ //hogsend:ignored
	return nil
}

var definition = hogsend.Journey{ID: "excused", Run: excused}
