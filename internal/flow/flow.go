// Package flow is the picture of a journey: the tree of what its code does, the people who
// stand at its steps, where each step is drawn, and the same as text (U-46). The tree is read
// from source by package vet.
package flow

import (
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"strings"

	"github.com/hogsend/hogsend"
)

// File is what journeys do, by the functions that are their code, as runtime.Func names them
// ("example.com/shop.welcome").
type File struct {
	Module    string              `json:"module"`
	Functions map[string]Function `json:"functions"`
}

// Function is the code of a journey or a reaction.
type Function struct {
	// Place is the file, by its last element: lines would change with every edit.
	Place string `json:"place"`
	Root  Seq    `json:"root"`
}

// Seq are parts one after the other.
type Seq []Part

// Part is a part of a journey: exactly one of its fields is set.
type Part struct {
	Node   *Node   `json:"node,omitempty"`
	Branch *Branch `json:"branch,omitempty"`
	Loop   *Loop   `json:"loop,omitempty"`
	End    End     `json:"end,omitempty"`
}

// End is where a way through a journey ends.
type End string

// The ends. Exit is followed by a colon and its reason, Again and Out belong to a loop.
const (
	Completed End = "completed"
	Exit      End = "exit"
	Again     End = "again"
	Out       End = "out"
	Failed    End = "failed"
)

// Kind is what a node does.
type Kind string

// The kinds of nodes. People stand at a Send, a Wait and a Checkpoint; an Effect passes.
const (
	Send       Kind = "send"
	Wait       Kind = "wait"
	Checkpoint Kind = "checkpoint"
	Effect     Kind = "effect"
)

// Node is a step. ID is what enrollments at it have as their node; one that ends in * stands
// for all that begin so, because it is known at run time only. "" is that of an effect.
type Node struct {
	Kind Kind   `json:"kind"`
	ID   string `json:"id,omitempty"`
	// Text is what it does, in words, and For how long it waits at most.
	Text string `json:"text"`
	For  string `json:"for,omitempty"`
}

// Branch goes one of several ways.
type Branch struct {
	On   string `json:"on"`
	Arms []Arm  `json:"arms"`
}

// Arm is one of the ways; an empty one goes straight on.
type Arm struct {
	When string `json:"when"`
	Seq  Seq    `json:"seq,omitempty"`
}

// Loop is gone through any number of times.
type Loop struct {
	Over string `json:"over"`
	Body Seq    `json:"body"`
}

// Parse reads what Marshal wrote; an empty text is no file.
func Parse(data []byte) (*File, error) {
	if len(data) == 0 {
		return nil, nil //nolint:nilnil // there is none
	}
	var f File
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("read flow: %w", err)
	}
	return &f, nil
}

// Marshal writes a file, the same for the same code.
func (f *File) Marshal() ([]byte, error) {
	data, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		return nil, fmt.Errorf("write flow: %w", err)
	}
	return append(data, '\n'), nil
}

// Nodes visits the nodes of a tree in order.
func (s Seq) Nodes(visit func(*Node)) {
	for _, p := range s {
		switch {
		case p.Node != nil:
			visit(p.Node)
		case p.Branch != nil:
			for _, a := range p.Branch.Arms {
				a.Seq.Nodes(visit)
			}
		case p.Loop != nil:
			p.Loop.Body.Nodes(visit)
		}
	}
}

// Ends reports whether nothing comes after a tree.
func (s Seq) Ends() bool {
	if len(s) == 0 {
		return false
	}
	last := s[len(s)-1]
	if last.Branch != nil {
		for _, a := range last.Branch.Arms {
			if !a.Seq.Ends() {
				return false
			}
		}
		return true
	}
	return last.End != ""
}

// Words are a node in a line.
func (n *Node) Words() string {
	switch {
	case n.For == "":
		return n.Text
	case n.Text == "Waits":
		return n.Text + " " + n.For
	}
	return n.Text + ", " + n.For
}

// Words are an end in words.
func (e End) Words() string {
	kind, reason, found := strings.Cut(string(e), ":")
	switch {
	case kind == string(Exit) && found:
		return "leaves: " + reason
	case kind == string(Exit):
		return "leaves"
	case e == Again:
		return "next one"
	case e == Out:
		return "out of the loop"
	case e == Failed:
		return "fails"
	}
	return "done"
}

// Text is a tree as lines for a terminal. note is written behind each node.
func (s Seq) Text(note func(*Node) string) string {
	var b strings.Builder
	s.text(&b, "", note)
	return b.String()
}

func (s Seq) text(b *strings.Builder, indent string, note func(*Node) string) {
	for i, p := range s {
		rail, below := "├─ ", "│  "
		if i == len(s)-1 {
			rail, below = "└─ ", "   "
		}
		switch {
		case p.Node != nil:
			line := p.Node.Words()
			if more := note(p.Node); more != "" {
				line += "  " + more
			}
			b.WriteString(indent + rail + line + "\n")
		case p.Branch != nil:
			b.WriteString(indent + rail + p.Branch.On + "?\n")
			for k, a := range p.Branch.Arms {
				mark, under := "├─ ", "│  "
				if k == len(p.Branch.Arms)-1 {
					mark, under = "└─ ", "   "
				}
				line := indent + below + mark + a.When
				if len(a.Seq) == 0 {
					b.WriteString(line + ": goes on\n")
					continue
				}
				if len(a.Seq) == 1 && a.Seq[0].End != "" {
					b.WriteString(line + ": " + a.Seq[0].End.Words() + "\n")
					continue
				}
				b.WriteString(line + "\n")
				a.Seq.text(b, indent+below+under, note)
			}
		case p.Loop != nil:
			b.WriteString(indent + rail + p.Loop.Over + "\n")
			p.Loop.Body.text(b, indent+below, note)
		default:
			b.WriteString(indent + rail + p.End.Words() + "\n")
		}
	}
}

// Of is the code of a journey, if the file has it.
func (f *File) Of(j hogsend.Journey) (Function, bool) {
	if f == nil || j.Run == nil {
		return Function{}, false
	}
	code := runtime.FuncForPC(reflect.ValueOf(j.Run).Pointer())
	if code == nil {
		return Function{}, false
	}
	found, ok := f.Functions[code.Name()]
	return found, ok
}
