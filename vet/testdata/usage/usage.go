// Package usage uses Run in ways that fail when a journey comes there (T-46).
package usage

import (
	"encoding/json"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

var defaults = hogsend.Defaults{
	Timezone:   "Europe/Berln",                            // want `"Europe/Berln" is not the name of a time zone`
	Window:     hogsend.Window{Start: "9:00", End: "5pm"}, // want `"5pm" is not a local time such as 9:30 or 17:00`
	SendWindow: hogsend.Window{Start: "9:00"},             // want `the window has a Start alone: it needs Start and End`
	OnBlocked:  hogsend.Defer,
}

var (
	good    = hogsend.Defaults{Timezone: "Europe/Berlin", Window: hogsend.Window{Start: "9:00", End: "17:00"}}
	monday  = hogsend.Weekly(time.Monday, "9:5").TZ("Berlin")                           // want `"9:5" is not a local time` `"Berlin" is not the name of a time zone`
	daily   = hogsend.Recurrence{Period: hogsend.PeriodDay, At: "24:00", Zone: "local"} // want `"24:00" is not a local time` `"local" is not the name`
	tuesday = hogsend.Weekly(time.Tuesday, " 09:00 ").TZ("America/New_York")
	first   = hogsend.Monthly(1, "noon")            // want `"noon" is not a local time`
	renewal = hogsend.OnDate("renewsAt").At("9 am") // want `"9 am" is not a local time`
	early   = hogsend.OnDate("renewsAt").At("9:00")
)

func instants(ctx workflow.Context, run hogsend.Run) error {
	if _, err := run.When(ctx).Tomorrow().TZ("CEST").At("9:00"); err != nil { // want `"CEST" is not the name of a time zone`
		return err
	}
	if _, err := run.When(ctx).Next(time.Friday).Window("9:00", "25:00").At("10"); err != nil { // want `"25:00" is not a local time` `"10" is not a local time`
		return err
	}
	if _, err := run.When(ctx).On("1 March").NextLocal(""); err != nil { // want `"1 March" is not a date` `"" is not a local time`
		return err
	}
	if _, err := run.When(ctx).On("2020-03-01").IfPast(hogsend.Now).TZ("UTC").At("9:00"); err != nil {
		return err
	}
	zone, err := hogsend.LoadZone("Europe/London")
	if err != nil {
		return err
	}
	at, _ := run.Event().Properties.String("at")                                    // not constant
	_, err = hogsend.At(run.Event().OccurredAt.In(zone), "GMT+1").Tomorrow().At(at) // want `"GMT\+1" is not the name`
	return err
}

func waits(ctx workflow.Context, run hogsend.Run) error {
	if _, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "paid"}); err != nil { // want `the wait has no deadline: give Timeout, hogsend.Forever for none, or Until`
		return err
	}
	if _, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "paid", Timeout: 0}); err != nil { // want `the wait has no deadline`
		return err
	}
	forgotten := hogsend.Wait{Event: "paid", Where: nil} // want `the wait has no deadline`
	if _, err := run.WaitForEvent(ctx, forgotten); err != nil {
		return err
	}
	both := hogsend.Wait{Event: "paid", Timeout: time.Hour, Until: run.Event().OccurredAt} // want `the wait has Timeout and Until: give one of them`
	if _, err := run.WaitForEvent(ctx, both); err != nil {
		return err
	}
	later := hogsend.Wait{Event: "paid"}
	later.Timeout = time.Hour
	if _, err := run.WaitForEvent(ctx, later); err != nil {
		return err
	}
	if _, err := run.WaitForAny(ctx, hogsend.AnyOf{Waits: []hogsend.Wait{{Event: "a"}, {Event: "b"}}}); err != nil { // want `the wait has no deadline`
		return err
	}
	if _, err := run.WaitForAny(ctx, hogsend.AnyOf{Timeout: hogsend.Forever, Waits: []hogsend.Wait{
		{Event: "a", Timeout: time.Hour}, // want `Timeout of one wait of several: it belongs to all of them, beside Waits`
		{Event: "b", Label: "b"},         // want `Label of one wait of several`
	}}); err != nil {
		return err
	}
	if _, err := run.WaitForAny(ctx, hogsend.AnyOf{Timeout: time.Hour, Waits: []hogsend.Wait{{Event: "a"}, {Event: "b"}}}); err != nil {
		return err
	}
	if _, err := run.Digest(ctx, hogsend.Digest{Max: 10}); err != nil { // want `the digest has no deadline: give Window or Until`
		return err
	}
	_, err := run.Digest(ctx, hogsend.Digest{Window: time.Hour})
	return err
}

func arms(ctx workflow.Context, run hogsend.Run) error {
	if _, err := run.Variant(ctx, "subject", hogsend.Arm{Name: "a", Weight: 1}, hogsend.Arm{Name: "a", Weight: 1}); err != nil { // want `two arms are named "a": names are unique`
		return err
	}
	doubled := []hogsend.Arm{{"x", 1}, {"y", 1}, {"x", 2}} // want `two arms are named "x"`
	if _, err := run.Variant(ctx, "price", doubled...); err != nil {
		return err
	}
	if _, err := run.Variant(ctx, "time", hogsend.Arm{Name: "a"}, hogsend.Arm{Weight: 0}); err != nil { // want `no arm has a weight: none can be chosen` `an arm without a name`
		return err
	}
	_, err := run.Variant(ctx, "good", hogsend.Arm{Name: "a", Weight: 1}, hogsend.Arm{Name: "b"})
	return err
}

func labels(ctx workflow.Context, run hogsend.Run) error {
	if _, err := run.Send(ctx, hogsend.Email{Template: "one", Label: "first"}); err != nil {
		return err
	}
	if _, err := run.Send(ctx, hogsend.Email{Template: "two", Label: "first"}); err != nil { // want `the label of this mail is used at .*usage.go:\d+ as well: the second Send returns duplicate_send_label`
		return err
	}
	for range 3 {
		if _, err := run.Send(ctx, hogsend.Email{Template: "three", Label: "again"}); err != nil { // want `the mail has the same label whenever the loop comes here`
			return err
		}
	}
	for {
		if _, err := run.Send(ctx, hogsend.Email{Template: "four", Label: "once"}); err != nil {
			return err
		}
		break
	}
	if err := last(ctx, run); err != nil {
		return err
	}
	return last(ctx, run) // want `the label of this mail is used at .*usage.go:\d+ as well`
}

func last(ctx workflow.Context, run hogsend.Run) error {
	mail := hogsend.Email{Template: "last", Label: "last"}
	_, err := run.Send(ctx, mail)
	return err
}

// Either of two ways may have the label, and a mail without one as many as it likes.
func branches(ctx workflow.Context, run hogsend.Run) error {
	if run.Enrollment().Entry > 1 {
		_, err := run.Send(ctx, hogsend.Email{Template: "one", Label: "first"})
		return err
	}
	for range 3 {
		if _, err := run.Send(ctx, hogsend.Email{Template: "unlabeled"}); err != nil {
			return err
		}
	}
	_, err := run.Send(ctx, hogsend.Email{Template: "two", Label: "first"})
	return err
}

func coupon() (any, error) { return "TAKE10", nil }

func greeting() (any, error) { return "Hello", nil }

func onces(ctx workflow.Context, run hogsend.Run) error {
	var text string
	for range 2 {
		if err := run.Once(ctx, "kept", &text, coupon); err != nil {
			return err
		}
	}
	return run.Once(ctx, "kept", &text, greeting) // want `this Once has the label of the one at .*usage.go:\d+ and gets the value of usage.coupon: usage.greeting is never called`
}

func sleeps(ctx workflow.Context, run hogsend.Run) error {
	if err := run.Sleep(ctx, time.Hour); err != nil {
		return err
	}
	if err := run.Checkpoint(ctx, "slept"); err != nil {
		return err
	}
	if _, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "paid", Timeout: time.Hour, Fresh: true}); err != nil { // want `warning: what comes during the sleep at .*usage.go:\d+ is missed by this wait, as it is Fresh`
		return err
	}
	_, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "paid", Timeout: time.Hour, Fresh: true})
	return err
}

func looksFirst(ctx workflow.Context, run hogsend.Run) error {
	if err := run.Sleep(ctx, time.Hour); err != nil {
		return err
	}
	if _, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "paid", Timeout: -1}); err != nil {
		return err
	}
	_, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "paid", Timeout: time.Hour, Fresh: true})
	return err
}

func numbers(_ workflow.Context, run hogsend.Run) error {
	properties := run.Event().Properties
	if amount, ok := properties["amount"].(float64); ok && amount > 100 { // want `a number of properties is a json.Number, never float64: ask Properties.Int or Properties.Float`
		return nil
	}
	value, ok := properties["count"]
	if count, whole := value.(int); ok && whole && count > 1 { // want `never int`
		return nil
	}
	switch n := value.(type) {
	case int64, time.Duration: // want `never int64` `never time.Duration`
		return nil
	case json.Number, string, bool:
		_ = n
	}
	if item, ok := properties["item"].(map[string]any); ok {
		if price, ok := item["price"].(float32); ok && price > 1 { // want `never float32`
			return nil
		}
	}
	for _, each := range properties { // want `ranges over a map`
		if _, ok := each.(uint); ok { // want `never uint`
			return nil
		}
	}
	if _, ok := properties["amount"].(json.Number); ok {
		return nil
	}
	var answer any = 42
	_ = answer.(int) // not of properties
	return nil
}
