// Package errs loses errors of Run (T-26).
package errs

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

func dropped(ctx workflow.Context, run hogsend.Run) error {
	run.Checkpoint(ctx, "begin")                         // want `the error of run.Checkpoint is discarded: return it`
	_ = run.Sleep(ctx, time.Hour)                        // want `the error of run.Sleep is discarded`
	verdict, _ := run.Send(ctx, hogsend.Email{})         // want `the error of run.Send is discarded`
	past, _ := run.History().Event(ctx, "app.active", 0) // want `the error of History.Event is discarded`
	at, _ := run.When(ctx).Tomorrow().At("09:00")        // want `the error of When.At is discarded`
	_, _ = verdict, past
	defer run.Capture(ctx, "ended", nil)                                         // want `the error of run.Capture is discarded`
	step(ctx, run)                                                               // want `the error of step is discarded`
	workflow.Go(ctx, func(ctx workflow.Context) { _ = run.SleepUntil(ctx, at) }) // want `the error of run.SleepUntil is discarded`
	return nil
}

func step(ctx workflow.Context, run hogsend.Run) error { return run.Sleep(ctx, time.Hour) }

func overwritten(ctx workflow.Context, run hogsend.Run) error {
	_, err := run.Send(ctx, hogsend.Email{Template: "a"}) // want `the error of run.Send is overwritten before it is read`
	_, err = run.Send(ctx, hogsend.Email{Template: "b"})
	return err
}

func overwrittenSometimes(ctx workflow.Context, run hogsend.Run) error {
	err := run.Sleep(ctx, time.Hour) // want `the error of run.Sleep is overwritten before it is read`
	if run.Membership().IsFirstEntry() {
		err = run.Sleep(ctx, time.Hour)
	}
	return err
}

func neverRead(ctx workflow.Context, run hogsend.Run) error {
	contact, err := run.Contact(ctx)
	if err != nil {
		return err
	}
	_, err = run.Send(ctx, hogsend.Email{Subject: contact.Email}) // want `the error of run.Send is never read`
	return nil
}

func inLoop(ctx workflow.Context, run hogsend.Run) (err error) {
	for range 3 {
		err = run.Sleep(ctx, time.Hour) // want `the error of run.Sleep is overwritten before it is read`
	}
	return
}

func exits(ctx workflow.Context, run hogsend.Run) error {
	if run.Membership().IsFirstEntry() {
		run.Exit(ctx, "first") // want `run.Exit is not returned: the journey goes on without effect`
	}
	if err := run.Exit(ctx, "again"); err != nil { // want `run.Exit is not returned`
		workflow.GetLogger(ctx).Info("exit", "error", err.Error())
	}
	return run.Exit(ctx, "returned")
}

// fine is how journeys are written.
func fine(ctx workflow.Context, run hogsend.Run) (err error) {
	if err := run.Checkpoint(ctx, "begin"); err != nil {
		return err
	}
	used, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "feature.used", Timeout: hogsend.Day})
	if err != nil || used != nil {
		return err
	}
	for {
		event, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "feature.used", Timeout: hogsend.Day})
		if event == nil {
			return err
		}
		switch verdict, err := run.Send(ctx, hogsend.Email{Template: "a"}); {
		case err != nil:
			return err
		case verdict.Sent():
			err := run.Exit(ctx, "sent")
			return err
		}
		if again, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "feature.used", Timeout: hogsend.Day}); nil == again {
			return err
		}
		var failure error
		workflow.Go(ctx, func(ctx workflow.Context) { failure = run.Sleep(ctx, time.Hour) })
		if failure != nil {
			return failure
		}
		if err = run.Sleep(ctx, time.Hour); err != nil {
			break
		}
		if _, err = run.Timezone(ctx); err == nil {
			continue
		}
		panic(err)
	}
	err = run.Sleep(ctx, time.Hour)
	return
}
