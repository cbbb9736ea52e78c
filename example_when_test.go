package hogsend_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/hogsend/hogsend"
)

// monday is 2026-06-01, ten o'clock in New York.
func monday() time.Time { return time.Date(2026, 6, 1, 14, 0, 0, 0, time.UTC) }

func ExampleAt() {
	at, err := hogsend.At(monday(), "America/New_York").Next(time.Friday).At("9:00")
	fmt.Println(at, err)
	// Output: 2026-06-05 13:00:00 +0000 UTC <nil>
}

func ExampleWhen() {
	at := hogsend.At(monday(), "America/New_York")
	fmt.Println(at.NextLocal("17:30"))
	fmt.Println(at.NextLocal("9:00")) // has passed today
	fmt.Println(at.Tomorrow().At("9:00"))
	fmt.Println(at.In(7 * hogsend.Day).At("9:00"))
	fmt.Println(at.TZ("Asia/Tokyo").NextLocal("9:00"))
	fmt.Println(at.Tomorrow().At("9 o'clock"))
	// Output:
	// 2026-06-01 21:30:00 +0000 UTC <nil>
	// 2026-06-02 13:00:00 +0000 UTC <nil>
	// 2026-06-02 13:00:00 +0000 UTC <nil>
	// 2026-06-08 13:00:00 +0000 UTC <nil>
	// 2026-06-02 00:00:00 +0000 UTC <nil>
	// 0001-01-01 00:00:00 +0000 UTC at: "9 o'clock" is not a local time such as 9:30 or 17:00
}

func ExampleWhen_IfPast() {
	at := hogsend.At(monday(), "America/New_York").Next(time.Monday)
	fmt.Println(at.At("9:00"))
	fmt.Println(at.IfPast(hogsend.Now).At("9:00"))
	// Output:
	// 2026-06-08 13:00:00 +0000 UTC <nil>
	// 2026-06-01 14:00:00 +0000 UTC <nil>
}

func ExampleWhen_Window() {
	at := hogsend.At(monday(), "America/New_York").Window("9:00", "17:00")
	fmt.Println(at.NextLocal("16:00"))
	fmt.Println(at.NextLocal("22:00")) // moved to the morning
	// Output:
	// 2026-06-01 20:00:00 +0000 UTC <nil>
	// 2026-06-02 13:00:00 +0000 UTC <nil>
}

// Quiet hours from ten in the evening to eight in the morning are the window from eight
// to ten.
func ExampleWindow_Clamp() {
	awake := hogsend.Window{Start: "8:00", End: "22:00"}
	fmt.Println(awake.Clamp(monday(), "America/New_York"))
	fmt.Println(awake.Clamp(monday(), "Asia/Tokyo")) // eleven in the evening
	// Output:
	// 2026-06-01 14:00:00 +0000 UTC <nil>
	// 2026-06-01 23:00:00 +0000 UTC <nil>
}

// Berlin sets its clocks forward at two in the night of March 29th: half past two is
// half past three then.
func ExampleRecurrence_Next() {
	nightly := hogsend.Daily("2:30").TZ("Europe/Berlin")
	at := time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC)
	for range 3 {
		at, _ = nightly.Next(at)
		fmt.Println(at)
	}
	// Output:
	// 2026-03-28 01:30:00 +0000 UTC
	// 2026-03-29 01:30:00 +0000 UTC
	// 2026-03-30 00:30:00 +0000 UTC
}

// Months that are too short have no instant.
func ExampleMonthly() {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for range 3 {
		at, _ = hogsend.Monthly(31, "9:00").Next(at)
		fmt.Println(at)
	}
	_, err := hogsend.Monthly(0, "9:00").Next(at)
	fmt.Println(err)
	// Output:
	// 2026-01-31 09:00:00 +0000 UTC
	// 2026-03-31 09:00:00 +0000 UTC
	// 2026-05-31 09:00:00 +0000 UTC
	// day: must be 1 to 31
}

// A date of the contact's, and a day of every year.
func ExampleWhen_On() {
	w := hogsend.At(monday(), "America/New_York")
	fmt.Println(w.On("2026-12-24").Plus(-30).At("9:00"))
	fmt.Println(w.Yearly(time.February, 29).At("9:00"))
	_, err := w.On("2020-01-01").At("9:00")
	fmt.Println(errors.Is(err, hogsend.ErrPast))
	// Output:
	// 2026-11-24 14:00:00 +0000 UTC <nil>
	// 2027-02-28 14:00:00 +0000 UTC <nil>
	// true
}

func ExampleParseWeekday() {
	fmt.Println(hogsend.ParseWeekday("fri"))
	fmt.Println(hogsend.ParseWeekday("Freitag"))
	// Output:
	// Friday <nil>
	// Sunday weekday: "Freitag" is not a day of the week
}

func ExampleLoadZone() {
	berlin, err := hogsend.LoadZone("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	fmt.Println(monday().In(berlin).Format("Monday 15:04"))
	_, err = hogsend.LoadZone("Berlin")
	fmt.Println(err)
	// Output:
	// Monday 16:00
	// "Berlin" is not the name of a time zone
}
