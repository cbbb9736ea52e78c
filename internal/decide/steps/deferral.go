package steps

import (
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// DefaultMaxDefer is how long a send is deferred at most, unless told otherwise (E-27).
const DefaultMaxDefer = 7 * hogsend.Day

const (
	// TurnPause is how long a deferred send lets one go first that is to be tried before it,
	// Turns how often: what stands still for longer, as its workflow is blocked, keeps nobody
	// waiting (E-27).
	TurnPause = 500 * time.Millisecond
	Turns     = 20
)

// Deferral is how a send was deferred so far; the zero value is not at all. Each time is
// a wait of its own, of which at most the newest is open (E-26).
type Deferral struct {
	// Times is how often it was deferred, Since when for the first time.
	Times int
	Since time.Time
	// Open says that the send stands at the newest wait, which ends at Due.
	Open bool
	Due  time.Time
	// Reason is that of the check that it was deferred for last.
	Reason contract.SendReason
}

// early reports that the send is not to be tried yet: an attempt is repeated, or
// Temporal's clock is ahead.
func (d Deferral) early(now time.Time) bool { return d.Open && d.Due.After(now) }

// firstTry is when the send was tried first.
func (d Deferral) firstTry(now time.Time) time.Time {
	if d.Times == 0 {
		return now
	}
	return d.Since
}

// tooLong refuses what was deferred for longer than it may be, for the reason that it was
// deferred for.
func (d Deferral) tooLong(now time.Time, most time.Duration) *Refusal {
	if !d.Open || now.Sub(d.Since) <= most {
		return nil
	}
	return &Refusal{Status: contract.SendSkipped, Reason: d.Reason}
}

// until is the instant to which a refused send is deferred; zero if it is not. The last
// try is at the end of the longest deferral.
func (d Deferral) until(now time.Time, refused *Refusal, how hogsend.OnBlocked, most time.Duration) time.Time {
	last := d.firstTry(now).Add(most)
	switch {
	case refused == nil || refused.Until.IsZero() || how != hogsend.Defer || !now.Before(last):
		return time.Time{}
	case refused.Until.After(last):
		return last
	}
	return refused.Until
}
