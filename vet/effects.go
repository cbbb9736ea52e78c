package vet

import (
	"go/types"
	"slices"
	"strings"
)

// effectsFact tells what a function does, or what a variable is, by itself or by what it
// uses: the first effect of each kind.
type effectsFact struct {
	Module  string
	Effects []toldEffect
}

// AFact marks the type for package analysis.
func (*effectsFact) AFact() {}

func (f *effectsFact) String() string {
	var all []string
	for _, d := range f.Effects {
		all = append(all, d.What)
	}
	return strings.Join(all, ", ")
}

// effects reports what workflow code does that it must not (T-23, T-24), and tells
// importing packages what the functions of this one do.
func (c *code) effects() {
	c.reach()
	for _, n := range c.all {
		if n.inWorkflow {
			c.reportNode(n)
		}
	}
	c.sum()
	for obj, effects := range c.sums {
		c.ExportObjectFact(obj, &effectsFact{c.Module.Path, effects})
	}
}

// reach marks what the roots use, and what that uses.
func (c *code) reach() {
	var queue []*node
	for _, n := range c.all {
		if n.inWorkflow {
			queue = append(queue, n)
		}
	}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		for _, r := range n.refs {
			next := c.nodes[r.obj]
			if next == nil || next.inWorkflow && (next.inRun || !n.inRun) {
				continue
			}
			next.inWorkflow, next.inRun = true, n.inRun || next.inRun
			queue = append(queue, next)
		}
	}
}

func (c *code) reportNode(n *node) {
	for _, d := range n.effects {
		switch {
		case d.kind != ownCall:
			c.report(d.pos, "%s: %s", d.what, d.why)
		case n.inRun:
			c.report(d.pos, "warning: %s: %s", d.what, d.why)
		}
	}
	for _, r := range n.refs {
		if r.obj.Pkg() == c.Pkg {
			continue
		}
		for _, d := range c.imported(r.obj) {
			switch {
			case d.Known:
			case d.Kind != ownCall:
				c.report(r.pos, "uses %s, which %s: %s", spelled(r.obj), d.What, d.Why)
			case n.inRun:
				c.report(r.pos, "warning: uses %s, which %s: %s", spelled(r.obj), d.What, d.Why)
			}
		}
	}
}

// imported is what a function or variable of another package does. The variables of
// other modules are their own affair.
func (c *code) imported(obj types.Object) []toldEffect {
	var fact effectsFact
	if obj.Pkg() == nil || obj.Pkg() == c.Pkg || !c.ImportObjectFact(obj, &fact) {
		return nil
	}
	var effects []toldEffect
	for _, d := range fact.Effects {
		if fact.Module != c.Module.Path {
			if d.Kind == variable {
				continue
			}
			d.Known = false // nobody looks there
		}
		effects = append(effects, d)
	}
	return effects
}

// sum finds the effects of every node with those of all it uses: the first of each kind,
// in the order of the source.
func (c *code) sum() {
	sums := map[types.Object][]toldEffect{}
	c.sums = sums
	add := func(obj types.Object, d toldEffect) bool {
		if slices.ContainsFunc(sums[obj], func(known toldEffect) bool { return known.Kind == d.Kind }) {
			return false
		}
		sums[obj] = append(sums[obj], d)
		return true
	}
	for obj, n := range c.nodes {
		for _, d := range n.effects {
			add(obj, toldEffect{d.kind, d.what + " (" + c.place(d.pos) + ")", d.why, n.reports(d.kind)})
		}
		if v, ok := obj.(*types.Var); ok {
			if pos, changed := c.changed[v]; changed {
				add(obj, toldEffect{variable, "is changed at " + c.place(pos), byMachineVariable, false})
			}
		}
		for _, r := range n.refs {
			for _, d := range c.imported(r.obj) {
				d.Known = d.Known || n.reports(d.Kind)
				add(obj, d)
			}
		}
	}
	order := c.objects()
	for again := true; again; {
		again = false
		for _, obj := range order {
			n := c.nodes[obj]
			for _, r := range n.refs {
				for _, d := range sums[r.obj] {
					d.Known = d.Known || n.reports(d.Kind)
					again = add(obj, d) || again
				}
			}
		}
	}
}

// reports tells whether an effect of the node is reported where it happens.
func (n *node) reports(k kind) bool { return n.inRun || n.inWorkflow && k != ownCall }

// objects are what has a node, in the order of the source.
func (c *code) objects() []types.Object {
	var all []types.Object
	for obj := range c.nodes {
		all = append(all, obj)
	}
	slices.SortFunc(all, func(a, b types.Object) int { return int(a.Pos() - b.Pos()) })
	return all
}
