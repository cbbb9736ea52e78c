package email

import (
	"strconv"
	"strings"
	"text/template/parse"
)

// printer appends printed to everything that a template prints, as html/template
// appends its escapers.
type printer struct {
	// source is the name of the HTML that positions refer to, and text what it says; ""
	// is no HTML.
	source, text string
}

func (p *printer) node(n parse.Node) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				p.node(child)
			}
		}
	case *parse.ActionNode:
		if len(n.Pipe.Decl) == 0 {
			p.pipe(n.Pipe)
		}
	case *parse.IfNode:
		p.node(n.List)
		p.node(n.ElseList)
	case *parse.WithNode:
		p.node(n.List)
		p.node(n.ElseList)
	case *parse.RangeNode:
		p.node(n.List)
		p.node(n.ElseList)
	}
}

// pipe appends the function, before an escaper that the author has put at the end: that
// one takes values as they are printed as well.
func (p *printer) pipe(pipe *parse.PipeNode) {
	last := pipe.Cmds[len(pipe.Cmds)-1]
	if name, ok := last.Args[0].(*parse.IdentifierNode); ok && isEscaper(name.Ident) {
		for i, argument := range last.Args[1:] {
			inner := &parse.PipeNode{NodeType: parse.NodePipe, Pos: argument.Position(), Cmds: []*parse.CommandNode{
				{NodeType: parse.NodeCommand, Pos: argument.Position(), Args: []parse.Node{argument}},
				p.command(argument.Position()),
			}}
			last.Args[1+i] = inner
		}
		if len(pipe.Cmds) > 1 {
			before := len(pipe.Cmds) - 1
			pipe.Cmds = append(pipe.Cmds[:before:before], p.command(last.Pos), last)
		}
		return
	}
	pipe.Cmds = append(pipe.Cmds, p.command(pipe.Pos))
}

func isEscaper(name string) bool { return name == "html" || name == "js" || name == "urlquery" }

// command is the call of printed; where a guard may refuse the value, of one that tells
// the guard about the place.
func (p *printer) command(at parse.Pos) *parse.CommandNode {
	command := &parse.CommandNode{NodeType: parse.NodeCommand, Pos: at}
	add := func(n parse.Node) { command.Args = append(command.Args, n) }
	name := func(s string) parse.Node { return parse.NewIdentifier(s).SetTree(nil).SetPos(at) }
	if p.source == "" || int(at) > len(p.text) {
		add(name(printName))
		return command
	}
	before := withoutActions(p.text[:at])
	attribute, start := attributeAt(before)
	style := attribute == "style" || strings.LastIndex(before, "<style") > strings.LastIndex(before, "</style")
	if !start && !style {
		add(name(printName))
		return command
	}
	place, image := placeOf(p.source, p.text[:at]), start && (attribute == "src" || attribute == "background")
	add(name(placeName))
	add(&parse.StringNode{NodeType: parse.NodeString, Pos: at, Quoted: strconv.Quote(place), Text: place})
	add(&parse.BoolNode{NodeType: parse.NodeBool, Pos: at, True: image})
	return command
}
