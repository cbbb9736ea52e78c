package flow

import (
	"slices"
	"strings"
)

// People are those at a node.
type People struct {
	Here   int64 // now
	Passed int64 // of those looked at
	Held   int64 // of those here: by a pause, or until their time comes
}

// Counts are the people of a journey by the nodes of its code.
type Counts struct {
	// Of are those at each node of the tree.
	Of map[*Node]People
	// Start are those who have not come to a step yet.
	Start People
	// Earlier are nodes that no code has any more, in order, with who stands there.
	Earlier []string
	Others  map[string]People
}

// Join puts people, by the node that their enrollment has, onto the nodes of a tree. Whoever
// is held at a node or waits for its time is at it.
func Join(root Seq, people map[string]People) Counts {
	c := Counts{Of: map[*Node]People{}, Others: map[string]People{}}
	var nodes []*Node
	root.Nodes(func(n *Node) {
		if n.ID != "" {
			nodes = append(nodes, n)
		}
	})
	for id, p := range people {
		plain, held := folded(id)
		if held {
			p.Held = p.Here
		}
		if plain == "" || plain == "start" {
			c.Start.Here, c.Start.Held = c.Start.Here+p.Here, c.Start.Held+p.Held
			continue
		}
		at := matching(nodes, plain)
		for _, n := range at {
			sum := c.Of[n]
			sum.Here, sum.Passed, sum.Held = sum.Here+p.Here, sum.Passed+p.Passed, sum.Held+p.Held
			c.Of[n] = sum
		}
		if len(at) == 0 && plain != "end" {
			sum := c.Others[plain]
			sum.Here, sum.Passed, sum.Held = sum.Here+p.Here, sum.Passed+p.Passed, sum.Held+p.Held
			c.Others[plain] = sum
		}
	}
	for id := range c.Others {
		c.Earlier = append(c.Earlier, id)
	}
	slices.Sort(c.Earlier)
	return c
}

// folded is a node without what says that its people are held there.
func folded(id string) (plain string, held bool) {
	if rest, is := strings.CutPrefix(id, "paused:"); is {
		plain, _ = folded(rest)
		return plain, true
	}
	if rest, is := strings.CutPrefix(id, "defer:"); is {
		return "send:" + rest, true
	}
	return id, false
}

// matching are the nodes of an id: those that have it, else those whose pattern fits the most
// of it. A deferred mail with a label of its own has that, and not the template.
func matching(nodes []*Node, id string) []*Node {
	var exact, like []*Node
	longest := 1
	for _, name := range slices.Compact([]string{id, strings.TrimPrefix(id, "send:")}) {
		for _, n := range nodes {
			prefix, open := strings.CutSuffix(n.ID, "*")
			switch {
			case n.ID == name:
				exact = append(exact, n)
			case !open || !strings.HasPrefix(name, prefix) || len(prefix) < longest:
			case len(prefix) > longest:
				like, longest = []*Node{n}, len(prefix)
			default:
				like = append(like, n)
			}
		}
	}
	if exact != nil {
		return exact
	}
	return like
}

// Observed is a tree of nodes that people went through, where the code is not known: in the
// order in which they came, without the ways between them.
func Observed(ids []string, words func(string) string) Seq {
	var root Seq
	seen := map[string]bool{}
	for _, id := range ids {
		plain, _ := folded(id)
		if plain == "" || plain == "start" || plain == "end" || seen[plain] {
			continue
		}
		seen[plain] = true
		kind := Checkpoint
		switch {
		case strings.HasPrefix(plain, "send:"):
			kind = Send
		case strings.HasPrefix(plain, "wait"), strings.HasPrefix(plain, "digest:"):
			kind = Wait
		}
		root = append(root, Part{Node: &Node{Kind: kind, ID: plain, Text: words(plain)}})
	}
	return root
}
