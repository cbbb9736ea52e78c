package view

// Flow is the picture of a journey (U-46), and the same as a list.
type Flow struct {
	Caption, Source string
	Width, Height   int
	Boxes           []FlowBox
	Lines, Heads    []string // paths
	Labels          []FlowText
	Frames          []FlowFrame
	Items           []FlowItem
	Earlier         []FlowItem // nodes that no code has any more
}

// FlowBox is a step, a question or an end.
type FlowBox struct {
	Kind       string // start, send, wait, checkpoint, effect, question, end
	X, Y, W, H int
	Name       string // all of it, in a sentence
	URL        string // who is there
	Title, Sub FlowText
	Here       FlowText
	Held       bool
}

// FlowText is a text at a place of the picture.
type FlowText struct {
	X, Y int
	Text string
}

// FlowFrame is a loop.
type FlowFrame struct {
	X, Y, W, H int
	Title      FlowText
}

// FlowItem is a step of the list, with what is below it.
type FlowItem struct {
	Text, URL, Note string
	Below           []FlowItem
}
