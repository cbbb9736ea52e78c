package server

import (
	"cmp"
	"net/http"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// pausedJourney is the journey of.
type pausedJourney struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Enabled   bool   `json:"enabled"`
	Paused    bool   `json:"paused"`
	UpdatedAt ts     `json:"updatedAt"`
}

// pausedOf is the journey as it stands; one that was never touched is as old as the request.
func (s *Server) pausedOf(r *request, j hogsend.Journey) (pausedJourney, error) {
	out := pausedJourney{ID: j.ID, Name: j.Name, Enabled: !j.Disabled, UpdatedAt: ts(s.instant())}
	for _, id := range ids(j) {
		rows, err := s.store.PauseConfig(r.ctx(), id)
		if err != nil {
			return out, err
		}
		for _, row := range rows {
			out.Paused = out.Paused || row.PausedAt != nil
			if id == j.ID {
				out.Enabled, out.UpdatedAt = !j.Disabled && row.Enabled, ts(row.UpdatedAt)
			}
		}
	}
	return out, nil
}

// pauseJourney is R-61: once it answers, no effect of the journey begins (J-100).
func (s *Server) pauseJourney(r *request) error {
	j, err := s.journey(r)
	if err != nil {
		return err
	}
	o, err := readObject(r)
	if err != nil {
		return err
	}
	reason, entries := o.text("reason", maxReason), contract.PauseEntries(o.text("entries", maxReason))
	if entries = cmp.Or(entries, contract.HoldEntries); !entries.Valid() {
		o.report("entries", "must be hold or drop")
	}
	preview := o.boolean("preview")
	if err := o.err(); err != nil {
		return err
	}
	now, err := s.store.IngestClock(r.ctx()) // the clock by which effects are paused
	if err != nil {
		return err
	}
	if preview != nil && *preview {
		return s.previewPause(r, j, now)
	}
	if err := s.desk.Pause(r.ctx(), s.who(r), j, reason, entries, now); err != nil {
		return err
	}
	out, err := s.pausedOf(r, j)
	if err != nil {
		return err
	}
	return reply(r, http.StatusOK, map[string]any{"journey": out})
}

// pausePreview is what a pause would meet (J-107).
type pausePreview struct {
	Journey    pausedJourney `json:"journey"`
	InFlight   int64         `json:"inFlight"`
	Held       int64         `json:"held"`
	WaitsDue   dueSoon       `json:"waitsDue"`
	EffectsDue dueSoon       `json:"effectsDue"` // mails that were deferred
	NextWake   *ts           `json:"nextWake"`
}

type dueSoon struct {
	Hour int64 `json:"in1h"`
	Day  int64 `json:"in24h"`
}

func (s *Server) previewPause(r *request, j hogsend.Journey, now time.Time) error {
	due, err := s.store.PausePreview(r.ctx(), ids(j), now)
	if err != nil {
		return err
	}
	held, err := s.store.PausedEffectsCount(r.ctx(), ids(j), now, s.lateAfter().Seconds())
	if err != nil {
		return err
	}
	out := pausePreview{
		InFlight: due.InFlight, Held: held.Held, WaitsDue: dueSoon{due.WaitsHour, due.WaitsDay}, EffectsDue: dueSoon{due.SendsHour, due.SendsDay},
		NextWake: tsOrNull(due.NextWake),
	}
	if out.Journey, err = s.pausedOf(r, j); err != nil {
		return err
	}
	return reply(r, http.StatusOK, out)
}

// resumed is the reply of R-62; the counts are those of a preview (J-107).
type resumed struct {
	Journey pausedJourney `json:"journey"`
	*held
}

type held struct {
	Held      int64 `json:"held"`
	HeldSends int64 `json:"heldSends"`
	// HeldEntries are those that are held at their start.
	HeldEntries int64 `json:"heldEntries"`
	// Late is how many of the sends and entries the policy would skip.
	Late   int64 `json:"late"`
	Oldest *ts   `json:"oldest"`
}

// lateAfter is how long a send may have been held before skip_late skips it (J-105).
func (s *Server) lateAfter() time.Duration {
	if s.cfg.LateAfter == 0 {
		return time.Hour
	}
	return s.cfg.LateAfter
}

// resumeJourney is R-62.
func (s *Server) resumeJourney(r *request) error {
	j, err := s.journey(r)
	if err != nil {
		return err
	}
	o, err := readObject(r)
	if err != nil {
		return err
	}
	policy := contract.ResumePolicy(o.text("policy", maxReason))
	if policy == "" {
		policy = contract.CatchUp
	}
	if !policy.Valid() {
		o.report("policy", "must be catch_up, skip_late or reschedule")
	}
	preview := o.boolean("preview")
	if err := o.err(); err != nil {
		return err
	}
	late := s.lateAfter()
	now, err := s.store.IngestClock(r.ctx())
	if err != nil {
		return err
	}
	var out resumed
	if preview != nil && *preview {
		row, err := s.store.PausedEffectsCount(r.ctx(), ids(j), now, late.Seconds())
		if err != nil {
			return err
		}
		out.held = &held{Held: row.Held, HeldSends: row.Sends, HeldEntries: row.Entries}
		if row.Held > 0 {
			out.Oldest = tsOrNull(&row.Oldest)
		}
		if policy == contract.SkipLate {
			out.Late = row.Late
		}
	} else if err := s.desk.Resume(r.ctx(), s.who(r), j, policy, late, now); err != nil {
		return err
	}
	if out.Journey, err = s.pausedOf(r, j); err != nil {
		return err
	}
	return reply(r, http.StatusOK, out)
}
