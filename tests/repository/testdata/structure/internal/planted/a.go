package planted

import "time"

type clock struct{ now time.Time }

func first() { second(clock{}) }
