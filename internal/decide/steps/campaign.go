package steps

import (
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/zone"
)

// DefaultCampaignExpiry is how late a campaign may start at most, unless told otherwise
// (E-73).
const DefaultCampaignExpiry = 24 * time.Hour

// Campaign is what decides about the next step of a campaign.
type Campaign struct {
	Now    time.Time
	Status contract.CampaignStatus
	Paused bool
	// DueAt is when it starts: as it was scheduled, or else when it was created.
	DueAt time.Time
	// Started says that its recipients are frozen, Over that its final figures are stored.
	Started, Over bool
	Expiry        time.Duration // 0 for DefaultCampaignExpiry
}

// CampaignStep is what a campaign does next.
type CampaignStep string

// The steps.
const (
	CampaignOver    CampaignStep = "over"
	CampaignSpares  CampaignStep = "spares"  // whoever was not claimed before the cancel
	CampaignHeld    CampaignStep = "held"    // until it is woken
	CampaignWaits   CampaignStep = "waits"   // for DueAt
	CampaignExpires CampaignStep = "expires" // it could not start in time: nobody is mailed
	CampaignStarts  CampaignStep = "starts"
	CampaignSends   CampaignStep = "sends"
)

// Next is the next step (E-73).
func (c Campaign) Next() CampaignStep {
	expiry := c.Expiry
	if expiry == 0 {
		expiry = DefaultCampaignExpiry
	}
	late := !c.Started && c.Now.Sub(c.DueAt) > expiry
	switch {
	case c.Over:
		return CampaignOver
	case c.Status == contract.CampaignCanceled:
		return CampaignSpares
	case !c.Status.Live():
		return CampaignOver
	case late:
		return CampaignExpires
	case c.Paused:
		return CampaignHeld
	case !c.Started && c.DueAt.After(c.Now):
		return CampaignWaits
	case !c.Started:
		return CampaignStarts
	}
	return CampaignSends
}

// RecipientPause is how long a recipient waits after so many failures that may pass: a
// second, doubling to a minute (E-31).
func RecipientPause(failures int) time.Duration {
	return min(time.Second<<min(failures, 6), time.Minute)
}

// wall is how a time on the wall is spelled, to the minute or the second.
var wall = [2]string{"2006-01-02T15:04", "2006-01-02T15:04:05"}

// LocalInstant is when a time on the wall, such as 2026-02-01T09:00, comes in a zone. One
// that a change of the clocks leaves out is moved forward by it (S-14).
func LocalInstant(text, name string) (time.Time, error) {
	day, err := time.Parse(wall[0], text)
	if err != nil {
		if day, err = time.Parse(wall[1], text); err != nil {
			return time.Time{}, &hogsend.ValidationError{Field: "sendAtLocal", Message: "must be a local time such as 2026-02-01T09:00"}
		}
	}
	loc, err := zone.Load(name)
	if err != nil {
		return time.Time{}, err
	}
	at := day.Sub(day.Truncate(24 * time.Hour))
	return zone.AtLocal(zone.Noon(day), at, loc).UTC(), nil
}

// FirstLocal is when a time on the wall comes first on earth.
func FirstLocal(text string) (time.Time, error) {
	at, err := LocalInstant(text, "UTC")
	return at.Add(-14 * time.Hour), err
}
