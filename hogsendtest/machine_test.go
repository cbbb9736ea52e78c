package hogsendtest

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/hogsend/hogsend/internal/contract"
)

// machine is the state machine of enrollments (J-58 to J-68) as the spec tells it, for
// journeys that are lists of operations. It knows neither workflows nor tables.
type machine struct {
	now         time.Duration
	away        int // outages of the worker under way
	seq         int // of events
	words       map[string][]point
	enrollments []*life
	pausedAt    map[string]time.Duration
	decisions   []string
}

// point is an instant, and where the events of one instant have their order.
type point struct {
	at  time.Duration
	seq int
}

func (m point) after(o point) bool { return m.at > o.at || m.at == o.at && m.seq > o.seq }

// operation is one thing that a journey does: mail, sleep, listen, fail.
type operation struct {
	does string
	d    time.Duration
}

// life is one enrollment.
type life struct {
	contact, journey   string
	entry, mails, next int
	status             contract.EnrollmentStatus
	node               string
	log                []string
	made               time.Duration
	mark               point // where waits look back to (J-117)

	waits, rung bool
	deadline    time.Duration
	heard       *point

	held, released, skip bool
	heldAt               time.Duration
	due                  *time.Duration
}

func (n *life) live() bool {
	return n.status.Live()
}

func (n *life) name() string { return fmt.Sprintf("%s %s#%d", n.contact, n.journey, n.entry) }

func (m *machine) log(n *life, what string) {
	n.log = append(n.log, fmt.Sprintf("%s +%s", what, m.now))
}

// of are the journey's enrollments of a contact.
func (m *machine) of(contact, journey string) (all []*life) {
	for _, n := range m.enrollments {
		if n.contact == contact && n.journey == journey {
			all = append(all, n)
		}
	}
	return all
}

// event goes through exits, waits and triggers (J-17). An internal one is about a
// journey.
func (m *machine) event(contact, name, about string) {
	m.seq++
	at := point{m.now, m.seq}
	for _, j := range lifeJourneys() {
		for _, n := range m.of(contact, j.ID) {
			if n.live() && j.ExitOn != nil && j.ExitOn[0].Event == name && (j.ExitOn[0].Where == nil || about == "mails") { // J-71
				m.end(n, contract.EnrollmentExited, "exited event:"+name)
			}
		}
	}
	if name == "word" {
		m.words[contact] = append(m.words[contact], at)
		for _, n := range m.enrollments {
			listens := n.live() && n.waits && lifeProgram(n.journey)[n.next].does == "listen"
			if n.contact == contact && listens && n.heard == nil && m.now <= n.deadline { // J-126
				n.heard = &at
			}
		}
	}
	for _, j := range lifeJourneys() {
		if j.Trigger.Event == name {
			m.enroll(contact, j.ID, string(j.EntryLimit), at)
		}
	}
}

// enroll asks the guards, in their order (J-32 to J-43).
func (m *machine) enroll(contact, journey, limit string, at point) {
	earlier := m.of(contact, journey)
	var ended, live *life
	for _, n := range earlier {
		if n.live() {
			live = n
		} else {
			ended = n
		}
	}
	_, paused := m.pausedAt[journey]
	decision := "enrolled"
	switch {
	case paused:
		decision = "journey_paused"
	case limit == "once" && ended != nil:
		decision = "already_entered_once"
	case limit == "once_per_period" && ended != nil && m.now-ended.made < 24*time.Hour:
		decision = "period_not_elapsed"
	case live != nil:
		decision = "already_active"
	}
	m.decisions = append(m.decisions, fmt.Sprintf("%s %s %s +%s", contact, journey, decision, m.now))
	if decision != "enrolled" {
		return
	}
	n := &life{contact: contact, journey: journey, entry: len(earlier) + 1, status: contract.EnrollmentActive, node: "start", made: m.now, mark: at}
	m.enrollments = append(m.enrollments, n)
	m.log(n, "enrolled") // J-58
}

// end is the one way into a terminal state (J-61 to J-63): nothing leads out of it.
func (m *machine) end(n *life, status contract.EnrollmentStatus, what string) {
	n.status, n.waits, n.held = status, false, false
	m.log(n, what)
	m.event(n.contact, "journey:"+string(status), n.journey)
}

func (m *machine) cancel(contact, journey string) {
	for _, n := range m.of(contact, journey) {
		if n.live() {
			m.end(n, contract.EnrollmentExited, "exited admin")
		}
	}
}

func (m *machine) pause(journey string) {
	if _, paused := m.pausedAt[journey]; !paused {
		m.pausedAt[journey] = m.now
	}
}

// resume says when each held effect goes on (J-103 to J-106).
func (m *machine) resume(journey string, policy ResumePolicy) {
	since, paused := m.pausedAt[journey]
	if !paused {
		return
	}
	delete(m.pausedAt, journey)
	for _, n := range m.enrollments {
		if n.journey != journey || !n.held {
			continue
		}
		due := m.now
		if policy == Reschedule {
			from := n.heldAt
			if n.due != nil {
				from = *n.due
			}
			due = max(due, from+m.now-since)
		}
		n.due, n.skip = &due, policy == SkipLate && m.now-n.heldAt > time.Hour
	}
}

// settle lets everybody go on who can.
func (m *machine) settle() {
	for moved := true; moved; {
		moved = false
		for _, n := range slices.Clone(m.enrollments) {
			_, paused := m.pausedAt[n.journey]
			if n.held && n.due != nil && !paused && *n.due <= m.now {
				n.held, n.due, n.released = false, nil, true
				n.status, n.node = contract.EnrollmentActive, "send:note"
				resumed := "resumed"
				if n.skip {
					resumed += " paused_late"
				}
				m.log(n, resumed)
				moved = true
			}
			if m.away == 0 && m.step(n) {
				moved = true
			}
		}
	}
}

// step does the next thing of an enrollment; it reports whether there was one.
func (m *machine) step(n *life) bool {
	program := lifeProgram(n.journey)
	switch {
	case !n.live() || n.held || n.waits && !n.rung && n.heard == nil:
		return false
	case n.next == len(program):
		m.end(n, contract.EnrollmentCompleted, "completed")
		return true
	}
	switch o := program[n.next]; {
	case n.waits:
		m.wake(n, o)
	case o.does == "mail":
		m.mail(n)
	case o.does == "fail":
		m.end(n, contract.EnrollmentFailed, "failed")
	default:
		m.wait(n, o)
	}
	return true
}

func (m *machine) mail(n *life) {
	skip := n.released && n.skip
	if _, paused := m.pausedAt[n.journey]; paused { // J-101
		n.held, n.heldAt, n.skip, n.status, n.node = true, m.now, false, contract.EnrollmentWaiting, "paused:send:note"
		m.log(n, "paused")
		return
	}
	n.released, n.skip, n.node = false, false, "send:note"
	n.next++
	if skip { // J-105
		m.log(n, "send_gated paused_late")
		return
	}
	n.mails++
	m.log(n, "sent")
}

// wait looks back to the mark, then waits (J-125).
func (m *machine) wait(n *life, o operation) {
	n.node, n.deadline = "wait:"+shortly(o.d), m.now+o.d
	if o.does == "listen" {
		n.node = "wait-event:word"
		for _, word := range m.words[n.contact] {
			if word.after(n.mark) {
				n.heard = &word
				break
			}
		}
	}
	m.log(n, "wait_started")
	if n.waits = true; n.heard == nil {
		n.status = contract.EnrollmentWaiting // J-59
	}
}

func (m *machine) wake(n *life, o operation) {
	outcome := "timeout"
	n.status = contract.EnrollmentActive // J-60
	if o.does == "listen" {
		n.mark = point{n.deadline, math.MaxInt}
	}
	silent := o.does == "listen" && n.heard == nil
	if n.heard != nil {
		outcome, n.mark = "event", *n.heard
	}
	n.waits, n.rung, n.heard = false, false, nil
	n.next++
	m.log(n, "wait_ended "+outcome)
	if silent {
		m.end(n, contract.EnrollmentExited, "exited silence")
	}
}

func shortly(d time.Duration) string { return fmt.Sprintf("%dh", d/time.Hour) }

// run plays a script. Of one instant what is scripted comes first and deadlines last.
func (m *machine) run(lines []lifeLine, end time.Duration) {
	for {
		m.settle()
		at, timed := end, false
		for _, n := range m.enrollments {
			_, paused := m.pausedAt[n.journey]
			if n.held && n.due != nil && !paused && *n.due > m.now {
				at = min(at, *n.due)
			}
		}
		for _, n := range m.enrollments {
			if n.live() && n.waits && !n.rung && n.deadline < at {
				at, timed = n.deadline, true
			}
		}
		scripted := len(lines) > 0 && lines[0].at <= at
		if !scripted && at == end {
			m.now = end
			return
		}
		if scripted {
			m.now = lines[0].at
			lines[0].onMachine(m)
			lines = lines[1:]
			continue
		}
		m.now = at
		for _, n := range m.enrollments {
			if timed && n.live() && n.waits && n.deadline <= at {
				n.rung = true
			}
		}
	}
}

// outcome is what came of a script, a line each.
func (m *machine) outcome() []string {
	lines := []string{}
	for _, n := range m.enrollments {
		ends := 0
		if !n.live() {
			ends = 1 // exactly one terminal event (J-87 to J-89)
		}
		lines = append(lines, fmt.Sprintf("%s %s at %s, %d mails, ended %d times: %s", n.name(), n.status, n.node, n.mails, ends, strings.Join(n.log, ", ")))
	}
	slices.SortFunc(lines, cmp.Compare[string])
	slices.Sort(m.decisions)
	return append(lines, m.decisions...)
}
