package demo

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/email"
)

// past is what is made up until it is written.
type past struct {
	cfg    Config
	mails  *email.Renderer
	chance *rand.Rand
	people []person
	rows   map[string]*rows
	err    error // the first mail that could not be written
}

// person is somebody who never was.
type person struct {
	id                      uuid.UUID
	user, email, name, plan string
	joined                  time.Time
	silent                  bool // no mail may go to them any more
}

func first() []string {
	return strings.Fields("Ada Alan Barbara Claude Dorothy Edsger Frances Grace Hedy Ida Joan Katherine Leslie Margaret Niklaus Olga Peter Radia Sophie Tim Ursula Vint Wanda Yukihiro Zoe")
}

func last() []string {
	return strings.Fields("Lovelace Turing Liskov Shannon Vaughan Dijkstra Allen Hopper Lamarr Rhodes Clarke Johnson Lamport Hamilton Wirth Naur Perlman Wilson Berners Martin Cerf Szmielew Matsumoto Hofer Nakamura O'Brien Müller García Kowalska Okafor")
}

func zones() []string {
	return []string{"Europe/London", "Europe/Berlin", "America/New_York", "America/Los_Angeles", "Asia/Tokyo", "Australia/Sydney"}
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// happens with a probability in percent.
func (p *past) happens(percent int) bool { return p.chance.IntN(100) < percent }

func (p *past) within(d time.Duration) time.Duration { return time.Duration(p.chance.Int64N(int64(d))) }

// person makes up one of the people: what is known of them, what they did, where that
// led them.
func (p *past) person(i int) {
	given, family := pick(p.chance, first()), pick(p.chance, last())
	joined := p.cfg.Now.Add(-3*hogsend.Day - p.within(57*hogsend.Day)).Truncate(time.Millisecond)
	host := pick(p.chance, []string{"example.com", "mail.example.org", "acme.example", "studio.example.net"})
	local := strings.ToLower(strings.NewReplacer("'", "", "ü", "u", "í", "i").Replace(given + "." + family))
	w := person{
		id: p.id(joined), user: fmt.Sprintf("user_%d", 1001+i), email: fmt.Sprintf("%s.%d@%s", local, 1+i, host), name: given, joined: joined,
		plan: pick(p.chance, []string{"free", "free", "pro", "pro", "team"}),
	}
	properties := fmt.Sprintf(`{"firstName":%q,"lastName":%q,"plan":%q,"seats":%d,"country":%q}`, given, family, w.plan, 1+p.chance.IntN(40), pick(p.chance, []string{"GB", "DE", "US", "JP", "AU", "PL"}))
	seen := joined
	for range p.chance.IntN(9) {
		at := joined.Add(p.within(p.cfg.Now.Sub(joined) - time.Hour))
		p.event(w, "app.active", `{"screen":"board"}`, at)
		if at.After(seen) {
			seen = at
		}
	}
	var zone any
	if p.happens(80) {
		zone = pick(p.chance, zones())
	}
	p.add("contacts", "id external_id email email_key timezone properties first_seen_at last_seen_at created_at updated_at written_at",
		w.id, w.user, w.email, email1(w.email), zone, properties, joined, seen, joined, joined, joined)
	p.add("contact_keys", "kind key contact_id created_at", "user", w.user, w.id, joined)
	for n, j := range p.journeys() {
		// The first journeys of a registry are those that most people go through.
		if share := max(4, 90-25*n); p.happens(share) {
			p.wentThrough(&w, j, joined.Add(p.within(max(time.Hour, p.cfg.Now.Sub(joined)-2*hogsend.Day))))
		}
	}
	if !w.silent && p.happens(3) {
		p.opted(w, true, nil, p.cfg.Now.Add(-p.within(hogsend.Day)))
	}
	p.people = append(p.people, w)
}

func email1(address string) string { return strings.ToLower(address) }

// internal reports whether an event is one of hogsend's own.
func internal(event string) bool {
	return strings.HasPrefix(event, "bucket:") || strings.HasPrefix(event, "journey:") || strings.HasPrefix(event, "email.")
}

func (p *past) event(w person, name, properties string, at time.Time) uuid.UUID {
	id := p.id(at)
	p.add("events", "id contact_id name properties source occurred_at received_at", id, w.id, name, properties, "api", at, at)
	return id
}

// opted is somebody who wants no mail, or whose address takes none.
func (p *past) opted(w person, all bool, suppressed *string, at time.Time) {
	bounces := 0
	if suppressed != nil && *suppressed == "bounce" {
		bounces = 1
	}
	var since any
	if suppressed != nil {
		since = at
	}
	p.add("preferences", "id email email_key contact_id unsubscribed_all suppressed suppression_reason suppressed_at bounce_count created_at updated_at",
		p.id(at), w.email, email1(w.email), w.id, all, suppressed != nil, suppressed, since, bounces, at, at)
}
