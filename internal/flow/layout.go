package flow

import "unicode/utf8"

// Sizes of the picture, in its own units.
const (
	nodeWidth  = 232
	nodeHeight = 54
	condHeight = 30
	endWidth   = 96
	endHeight  = 26
	rowGap     = 30
	armGap     = 24
	armWidth   = 72 // of a way on which nothing happens, and which says little
	letter     = 7  // of a label
	armLead    = 40 // from a question to its ways: its labels stand there
	framePad   = 16
	gutter     = 22 // left of a loop's steps: the way back
	margin     = 8
)

// MaxLabel is how many letters of a label there is room for.
const MaxLabel = 30

// Drawing is a picture: boxes, the lines between them, and what is written at lines.
type Drawing struct {
	Width, Height int
	Boxes         []Box
	Lines         []Line
	Labels        []Label
	Frames        []Frame
}

// Box is a node, a question or an end.
type Box struct {
	X, Y, W, H int
	Node       *Node // nil for a question and for an end
	Question   string
	End        End
}

// Line goes through points; the last one has a head where it leads to a box.
type Line struct {
	Points [][2]int
	Head   bool
}

// Label is a text, in the middle above a point.
type Label struct {
	X, Y int
	Text string
}

// Frame is a loop.
type Frame struct {
	X, Y, W, H int
	Text       string
}

// size is what a part takes: to the left and right of its axis, and down.
type size struct{ left, right, height int }

func (s size) with(o size) size {
	return size{max(s.left, o.left), max(s.right, o.right), s.height + o.height}
}

// Draw lays a tree out below its start, whose words are start: parts below each other on an
// axis, the ways of a question beside each other. It takes time in proportion to the tree.
func Draw(root Seq, start string) *Drawing {
	d := &Drawing{}
	all := Seq{{Node: &Node{Kind: Effect, Text: start}}}
	all = append(all, root...)
	if !root.Ends() {
		all = append(all, Part{End: Completed})
	}
	s := all.measure()
	d.Width, d.Height = s.left+s.right+2*margin, s.height+2*margin
	d.seq(all, margin+s.left, margin)
	return d
}

func (s Seq) measure() size {
	var out size
	for i, p := range s {
		if i > 0 {
			out.height += rowGap
		}
		out = out.with(p.measure())
	}
	return out
}

func (p Part) measure() size {
	switch {
	case p.Node != nil:
		return size{nodeWidth / 2, nodeWidth / 2, nodeHeight}
	case p.Branch != nil:
		width, height := p.Branch.measure()
		half := max(width, nodeWidth) / 2
		return size{half, half, condHeight + armLead + height + rowGap}
	case p.Loop != nil:
		b := p.Loop.Body.measure()
		return size{max(b.left, nodeWidth/2) + framePad + gutter, max(b.right, nodeWidth/2) + framePad, b.height + 2*framePad + endHeight}
	}
	return size{endWidth / 2, endWidth / 2, endHeight}
}

// measure is how wide the ways of a question are together, and how high the highest.
func (b *Branch) measure() (width, height int) {
	for i, a := range b.Arms {
		if i > 0 {
			width += armGap
		}
		s := a.measure()
		width, height = width+s.left+s.right, max(height, s.height)
	}
	return width, height
}

func (a Arm) measure() size {
	s := a.Seq.measure()
	half := max(armWidth, letter*min(MaxLabel, utf8.RuneCountInString(a.When))) / 2
	return size{max(s.left, half), max(s.right, half), s.height}
}

// seq places parts below y on an axis; it returns where they end and whether what comes next
// is reached.
func (d *Drawing) seq(s Seq, axis, y int) (bottom int, open bool) {
	open = true
	for i, p := range s {
		if i > 0 {
			if open {
				d.line(true, [2]int{axis, y}, [2]int{axis, y + rowGap})
			}
			y += rowGap
		}
		y, open = d.part(p, axis, y)
	}
	return y, open
}

func (d *Drawing) line(head bool, points ...[2]int) {
	d.Lines = append(d.Lines, Line{points, head})
}

func (d *Drawing) part(p Part, axis, y int) (bottom int, open bool) {
	switch {
	case p.Node != nil:
		d.Boxes = append(d.Boxes, Box{X: axis - nodeWidth/2, Y: y, W: nodeWidth, H: nodeHeight, Node: p.Node})
		return y + nodeHeight, true
	case p.Branch != nil:
		return d.branch(p.Branch, axis, y)
	case p.Loop != nil:
		return d.loop(p.Loop, axis, y)
	}
	d.Boxes = append(d.Boxes, Box{X: axis - endWidth/2, Y: y, W: endWidth, H: endHeight, End: p.End})
	return y + endHeight, false
}

func (d *Drawing) branch(b *Branch, axis, y int) (bottom int, open bool) {
	d.Boxes = append(d.Boxes, Box{X: axis - nodeWidth/2, Y: y, W: nodeWidth, H: condHeight, Question: b.On})
	width, height := b.measure()
	top, from := y+condHeight+armLead, y+condHeight
	end := top + height + rowGap
	x := axis - width/2
	for _, a := range b.Arms {
		s := a.measure()
		at := x + s.left
		x += s.left + s.right + armGap
		d.Labels = append(d.Labels, Label{at, top - armLead/2 + 4, a.When})
		turn := from + 12
		if len(a.Seq) == 0 {
			d.line(false, [2]int{axis, from}, [2]int{axis, turn}, [2]int{at, turn}, [2]int{at, end - 12}, [2]int{axis, end - 12}, [2]int{axis, end})
			open = true
			continue
		}
		d.line(true, [2]int{axis, from}, [2]int{axis, turn}, [2]int{at, turn}, [2]int{at, top})
		below, goesOn := d.seq(a.Seq, at, top)
		if goesOn {
			d.line(false, [2]int{at, below}, [2]int{at, end - 12}, [2]int{axis, end - 12}, [2]int{axis, end})
			open = true
		}
	}
	return end, open
}

func (d *Drawing) loop(l *Loop, axis, y int) (bottom int, open bool) {
	s := Part{Loop: l}.measure()
	d.Frames = append(d.Frames, Frame{X: axis - s.left, Y: y, W: s.left + s.right, H: s.height, Text: l.Over})
	top := y + framePad + endHeight
	d.line(true, [2]int{axis, y}, [2]int{axis, top})
	below, goesOn := d.seq(l.Body, axis, top)
	end := y + s.height
	if goesOn {
		back := axis - s.left + gutter/2
		d.line(true, [2]int{axis, below}, [2]int{axis, below + 8}, [2]int{back, below + 8}, [2]int{back, top - 8}, [2]int{axis, top - 8}, [2]int{axis, top})
	}
	return end, true
}
