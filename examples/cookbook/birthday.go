package cookbook

import (
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// HappyBirthday is the mail to who has a birthday.
var HappyBirthday = hogsend.For[struct{}](hogsend.Template{
	Key: "birthday", Subject: "Happy birthday, {{.Name}}",
	HTML: `<h1>Happy birthday, {{.Name}}</h1><p>Your present waits until tonight.</p><mail-button href="https://example.com/gift">Open it</mail-button>`,
})

// Birthday congratulates every year, at eight in the morning of who has the birthday.
var Birthday = hogsend.Journey{
	ID: "birthday", Name: "Birthday",
	Trigger:    hogsend.OnDate("birthday").At("8:00").Yearly(),
	EntryLimit: hogsend.Unlimited,
	Run:        birthday,
}

func birthday(ctx workflow.Context, run hogsend.Run) error {
	if _, err := run.Send(ctx, HappyBirthday.With(struct{}{})); err != nil {
		return err
	}
	opened, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "gift.opened", Timeout: hogsend.Day})
	if err != nil {
		return err
	}
	return run.Capture(ctx, "birthday.ended", hogsend.Properties{"opened": opened != nil})
}
