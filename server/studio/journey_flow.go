package studio

import (
	"fmt"
	"strings"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/flow"
	"github.com/hogsend/hogsend/server/studio/view"
)

// walked is how many people are looked at to say how many came through a step.
const walked = 500

// flowOf draws a journey by its code, or by the steps that people came through, with who
// stands at each (U-46).
func (s *Studio) flowOf(now standingNow, j hogsend.Journey) *view.Flow {
	people, order := map[string]flow.People{}, []string{}
	outOf := int64(0)
	for _, n := range now.passed {
		people[n.Node], outOf = flow.People{Passed: n.People}, n.OutOf
		order = append(order, n.Node)
	}
	for _, n := range now.here {
		p := people[n.Node]
		p.Here = n.People
		people[n.Node] = p
		order = append(order, n.Node)
	}
	d := drawing{journey: j, start: s.triggerWords(j.Trigger.Event), v: &view.Flow{Caption: "The way through " + nameOfJourney(j)}}
	root := flow.Observed(order, nodeWords)
	d.v.Source = "Drawn from what people did: the code of this journey was not read. hogsend flow tells how."
	if code, found := s.cfg.Flow.Of(s.withCode(j)); found {
		root = code.Root
		d.v.Source = "Drawn from the code in " + code.Place + "."
	}
	if len(root) == 0 && len(now.here) == 0 {
		return nil // nothing is known and nobody came
	}
	if outOf > 0 {
		d.v.Source += " Passed: of the " + plural(outOf, "person", "people") + " who entered last."
	}
	d.counts = flow.Join(root, people)
	d.draw(root)
	return d.v
}

// withCode is a journey of this build, which has its function: a reaction that is in force
// comes from the database without it.
func (s *Studio) withCode(j hogsend.Journey) hogsend.Journey {
	if coded, found := s.coded[j.ID]; found {
		return coded
	}
	return j
}

// drawing puts a laid out tree into words and places.
type drawing struct {
	journey hogsend.Journey
	start   string
	counts  flow.Counts
	v       *view.Flow
}

func (d *drawing) draw(root flow.Seq) {
	p := flow.Draw(root, d.start)
	d.v.Width, d.v.Height = p.Width, p.Height
	for i, b := range p.Boxes {
		d.v.Boxes = append(d.v.Boxes, d.box(b, i == 0))
	}
	for _, l := range p.Lines {
		d.v.Lines = append(d.v.Lines, lineOf(l.Points))
		if end := l.Points[len(l.Points)-1]; l.Head {
			d.v.Heads = append(d.v.Heads, fmt.Sprintf("M%d %dl-4 -7h8z", end[0], end[1]))
		}
	}
	for _, l := range p.Labels {
		d.v.Labels = append(d.v.Labels, view.FlowText{X: l.X, Y: l.Y, Text: clip.Short(visible(l.Text), flow.MaxLabel)})
	}
	for _, f := range p.Frames {
		d.v.Frames = append(d.v.Frames, view.FlowFrame{X: f.X, Y: f.Y, W: f.W, H: f.H, Title: view.FlowText{X: f.X + 12, Y: f.Y + 18, Text: clip.Short(visible(f.Text), f.W/8)}})
	}
	d.v.Items = d.items(root)
	if start := d.counts.Start; start.Here > 0 {
		d.v.Items = append([]view.FlowItem{{Text: "The beginning", URL: peopleURL(d.journey, "start"), Note: noteOf(start)}}, d.v.Items...)
	}
	for _, id := range d.counts.Earlier {
		d.v.Earlier = append(d.v.Earlier, view.FlowItem{Text: nodeWords(id), URL: peopleURL(d.journey, id), Note: noteOf(d.counts.Others[id])})
	}
}

// box is one box with its texts; 216 units have room for about 24 letters beside a number.
func (d *drawing) box(b flow.Box, first bool) view.FlowBox {
	out := view.FlowBox{X: b.X, Y: b.Y, W: b.W, H: b.H}
	middle := b.X + b.W/2
	switch {
	case first:
		out.Kind, out.Name = "start", "Starts with "+d.start
		out.Title = view.FlowText{X: middle, Y: b.Y + 24, Text: "Starts with"}
		out.Sub = view.FlowText{X: middle, Y: b.Y + 41, Text: clip.Short(visible(d.start), 24)}
		if start := d.counts.Start; start.Here > 0 {
			out.URL, out.Held = peopleURL(d.journey, "start"), start.Held > 0
			out.Here = view.FlowText{X: b.X + b.W - 12, Y: b.Y + 33, Text: number(start.Here)}
		}
	case b.Question != "":
		out.Kind, out.Name = "question", visible(b.Question)+"?"
		out.Title = view.FlowText{X: middle, Y: b.Y + 20, Text: clip.Short(visible(b.Question), 30) + "?"}
	case b.Node == nil:
		out.Kind, out.Name = "end", b.End.Words()
		out.Title = view.FlowText{X: middle, Y: b.Y + 17, Text: clip.Short(visible(b.End.Words()), 14)}
	default:
		n := b.Node
		out.Kind = string(n.Kind)
		people := d.counts.Of[n]
		note := noteOf(people)
		out.Name = visible(n.Words())
		room := 27
		if n.ID != "" {
			out.Name += ": " + note
			out.URL = peopleURL(d.journey, n.ID)
		}
		if people.Here > 0 {
			out.Here, room = view.FlowText{X: b.X + b.W - 12, Y: b.Y + 33, Text: number(people.Here)}, 21
			out.Held = people.Held > 0
		}
		title, sub := visible(n.Text), []string{}
		if n.For != "" {
			sub = append(sub, visible(n.For))
		}
		if event, waits := strings.CutPrefix(title, "Waits for "); waits { // its color says the rest
			title, sub = event, []string{"waits " + visible(n.For)}
		}
		out.Title = view.FlowText{X: b.X + 14, Y: b.Y + 23, Text: clip.Short(title, room)}
		if people.Passed > 0 {
			sub = append(sub, number(people.Passed)+" passed")
		}
		out.Sub = view.FlowText{X: b.X + 14, Y: b.Y + 41, Text: clip.Short(strings.Join(sub, " · "), room+6)}
	}
	return out
}

// noteOf is how many are at a step, in words.
func noteOf(p flow.People) string {
	note := number(p.Here) + " here"
	if p.Held > 0 {
		note += " (" + number(p.Held) + " held)"
	}
	if p.Passed > 0 {
		note += ", " + number(p.Passed) + " passed"
	}
	return note
}

// items are a tree as a list, for who does not see the picture and for narrow screens.
func (d *drawing) items(s flow.Seq) []view.FlowItem {
	var out []view.FlowItem
	for _, p := range s {
		switch {
		case p.Node != nil:
			item := view.FlowItem{Text: visible(p.Node.Words())}
			if p.Node.ID != "" {
				item.Note, item.URL = noteOf(d.counts.Of[p.Node]), peopleURL(d.journey, p.Node.ID)
			}
			out = append(out, item)
		case p.Branch != nil:
			item := view.FlowItem{Text: visible(p.Branch.On) + "?"}
			for _, a := range p.Branch.Arms {
				arm := view.FlowItem{Text: visible(a.When), Below: d.items(a.Seq)}
				if len(a.Seq) == 0 {
					arm.Note = "goes on"
				}
				item.Below = append(item.Below, arm)
			}
			out = append(out, item)
		case p.Loop != nil:
			out = append(out, view.FlowItem{Text: visible(p.Loop.Over), Below: d.items(p.Loop.Body)})
		default:
			out = append(out, view.FlowItem{Text: visible(p.End.Words())})
		}
	}
	return out
}

// lineOf is a line through points, with its corners rounded.
func lineOf(points [][2]int) string {
	const radius = 8
	var b strings.Builder
	fmt.Fprintf(&b, "M%d %d", points[0][0], points[0][1])
	for i := 1; i < len(points)-1; i++ {
		p, before, after := points[i], points[i-1], points[i+1]
		in, out := toward(p, before, radius), toward(p, after, radius)
		fmt.Fprintf(&b, "L%d %dQ%d %d %d %d", in[0], in[1], p[0], p[1], out[0], out[1])
	}
	last := points[len(points)-1]
	fmt.Fprintf(&b, "L%d %d", last[0], last[1])
	return b.String()
}

// toward is a point at most so far from p on the way to another one, along an axis.
func toward(p, other [2]int, far int) [2]int {
	for axis := range 2 {
		switch gap := other[axis] - p[axis]; {
		case gap > 0:
			p[axis] += min(far, gap/2)
		case gap < 0:
			p[axis] -= min(far, -gap/2)
		}
	}
	return p
}
