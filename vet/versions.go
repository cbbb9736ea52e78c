package vet

import (
	"go/token"
	"go/types"
	"slices"
)

// versions reports a change of Run.Version that one journey asks for in two places: a
// second change under an old name is decided by the marker of the first (T-27).
func (c *code) versions() {
	told := map[token.Pos]bool{}
	for _, root := range c.all {
		if !root.takesRun {
			continue
		}
		var found []version
		for _, n := range c.reachable(root) {
			found = append(found, n.versions...)
		}
		slices.SortFunc(found, func(a, b version) int { return int(a.pos - b.pos) })
		first := map[string]version{}
		for _, v := range found {
			if earlier, used := first[v.change]; used && !told[v.pos] {
				told[v.pos] = true
				c.report(v.pos, "the change %q of Version is used at %s as well: give each change a name of its own, or keep what Version returned", v.change, c.place(earlier.pos))
				continue
			}
			first[v.change] = v
		}
	}
}

// reachable are the functions of the package that a node leads to, itself first. What a
// definition names, such as the handlers of a bucket, is another journey's code.
func (c *code) reachable(root *node) []*node {
	found := []*node{root}
	for i := 0; i < len(found); i++ {
		for _, r := range found[i].refs {
			if _, isVar := r.obj.(*types.Var); isVar {
				continue
			}
			if next := c.nodes[r.obj]; next != nil && !slices.Contains(found, next) {
				found = append(found, next)
			}
		}
	}
	return found
}
