package studio

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/users"
)

func (s *Studio) handle(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, hr *http.Request) {
		r := &request{Request: hr, w: w, began: s.cfg.Now(), id: w.Header().Get("X-Request-Id"), zone: time.UTC}
		headers(w.Header())
		hr.Body = http.MaxBytesReader(w, hr.Body, cmp.Or(rt.most, maxForm))
		err := s.admit(r, rt)
		if err == nil {
			err = rt.do(r)
		}
		if err != nil {
			s.fail(r, err)
		}
	}
}

// headers are those of every page (U-49).
func headers(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'none'; connect-src 'self'; "+
		"form-action 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	// With no-referrer a browser says of our own forms that they come from "null" (U-48).
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Cookie")
}

// admit lets in who may use a page.
func (s *Studio) admit(r *request, rt route) error {
	if !s.cfg.Sessions.SameSite(r.Request) {
		return &problem{status: http.StatusForbidden, heading: "Not from here", text: "This was sent from another site, so nothing was done. Open the page here and try again."}
	}
	var err error
	if r.session, err = s.cfg.Sessions.SignedIn(r.w, r.Request); err != nil {
		return err
	}
	if r.session != nil {
		if zone, err := hogsend.LoadZone(r.session.User.Timezone); err == nil {
			r.zone = zone
		}
		r.pulse = s.pulse(r.ctx())
	}
	if rt.open {
		return nil
	}
	if r.session == nil {
		return s.toSignIn(r)
	}
	if wait, ok := s.cfg.Spend(r.session.User.ID); !ok {
		seconds := strconv.Itoa(int((wait + time.Second - 1) / time.Second))
		r.w.Header().Set("Retry-After", seconds)
		return &problem{status: http.StatusTooManyRequests, heading: "Too many pages", text: "You asked for more than an installation answers one user in a minute. Try again in " + seconds + " s."}
	}
	r.live = rt.live
	if !may(users.Role(r.session.User.Role), rt.role) {
		return s.notForRole(r, rt.role)
	}
	return nil
}

// maxHelpers is how many of those who could help are named.
const maxHelpers = 3

// notForRole says which role a page needs, and who has it (U-10).
func (s *Studio) notForRole(r *request, needed users.Role) error {
	rows, err := s.cfg.Users.List(r.ctx())
	if err != nil {
		return err
	}
	var who []string
	for _, row := range rows {
		if may(users.Role(row.User.Role), needed) && row.User.Password != nil && len(who) < maxHelpers {
			who = append(who, visible(row.User.Email))
		}
	}
	text := fmt.Sprintf("You are signed in as %s, and this needs the role %s. An admin can give it to you.", r.session.User.Role, needed)
	if len(who) > 0 {
		text += " It can be done by " + strings.Join(who, ", ") + "."
	}
	return &problem{status: http.StatusForbidden, heading: "Not for your role", text: text}
}

// pulse is not older than five seconds. What cannot be read leaves the frame without it:
// the page itself says what is wrong.
func (s *Studio) pulse(ctx context.Context) pulse {
	now, last := s.cfg.Now(), s.pulses.get()
	if age := now.Sub(last.at); last.known && age >= 0 && age < pulseLife {
		return last
	}
	// While one looks, which takes its time when Temporal is down, the others go on with
	// what is known.
	if !s.pulses.asking.TryLock() {
		if last.known {
			return last
		}
		s.pulses.asking.Lock()
	}
	defer s.pulses.asking.Unlock()
	p := pulse{at: now, health: s.cfg.Health(ctx)}
	err := s.read(ctx, func(q *storedb.Queries) error {
		row, err := q.OverviewPulse(ctx, most+1, now.Add(-workerUpFor))
		p.troubles, p.letters, p.digests = row.Troubles, row.DeadLetters, row.Digests
		return err
	})
	p.known = err == nil
	p.unattended, p.lagging = p.health.Workers == 0, p.health.Lag > lagAfter
	s.pulses.set(p)
	return p
}
