package vet

import (
	"go/ast"
	"go/constant"
	"go/printer"
	"go/token"
	"strings"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/flow"
)

// fact is what a variable holds: the outcome of a step.
type fact struct {
	kind string // wait, any, past, sent, variant, email or says
	text string // the event, or what it says
	// events are those of a WaitForAny.
	events []string
}

func (f fact) otherwise() string {
	if f.kind == "any" {
		return "none came"
	}
	return "else"
}

// remember notes what the first variable of an assignment holds.
func (w *flowWalk) remember(s *ast.AssignStmt) {
	if len(s.Rhs) != 1 {
		return
	}
	id, isName := s.Lhs[0].(*ast.Ident)
	if !isName {
		return
	}
	obj := w.TypesInfo.ObjectOf(id)
	if obj == nil {
		return
	}
	delete(w.facts, obj)
	if named(w.TypesInfo.TypeOf(s.Rhs[0]), rootPath, "Email") {
		key, label := w.templateOf(s.Rhs[0])
		w.facts[obj] = fact{kind: "email", text: key, events: []string{label}}
		return
	}
	call, ok := ast.Unparen(s.Rhs[0]).(*ast.CallExpr)
	if !ok {
		return
	}
	says := func(at int, before string) {
		text := "something of code"
		if at < len(call.Args) {
			text, _ = w.pattern(call.Args[at])
		}
		w.facts[obj] = fact{kind: "says", text: before + text}
	}
	switch {
	case w.calls(call, rootPath, "Run.WaitForEvent"):
		w.facts[obj] = fact{kind: "wait", text: w.fieldText(call.Args[1], "Event")}
	case w.calls(call, rootPath, "Run.WaitForAny"):
		w.facts[obj] = fact{kind: "any", events: w.events(call.Args[1])}
	case w.calls(call, rootPath, "History.Event") && len(call.Args) > 1:
		text, _ := w.pattern(call.Args[1])
		w.facts[obj] = fact{kind: "past", text: first(text, "an event from code")}
	case w.calls(call, rootPath, "Run.Send"):
		w.facts[obj] = fact{kind: "sent"}
	case w.calls(call, rootPath, "Run.Variant"):
		text, _ := w.pattern(call.Args[1])
		w.facts[obj] = fact{kind: "variant", text: text}
	case w.calls(call, rootPath, "Run.InBucket"):
		says(1, "is in the bucket ")
	case w.calls(call, rootPath, "Run.IsSubscribed"):
		w.facts[obj] = fact{kind: "says", text: "wants such mail"}
	case w.calls(call, rootPath, "Run.Throttle"):
		w.facts[obj] = fact{kind: "says", text: "few enough mails lately"}
	case w.calls(call, rootPath, "Run.Matches"):
		w.facts[obj] = fact{kind: "says", text: w.source(call.Args[1])}
	}
}

// about is what is known of a variable, or of a field of one.
func (w *flowWalk) about(e ast.Expr) (fact, string) {
	name := ""
	if call, ok := ast.Unparen(e).(*ast.CallExpr); ok {
		e = call.Fun
	}
	if selector, ok := ast.Unparen(e).(*ast.SelectorExpr); ok {
		name, e = selector.Sel.Name, selector.X
	}
	if id, ok := ast.Unparen(e).(*ast.Ident); ok {
		return w.facts[w.TypesInfo.ObjectOf(id)], name
	}
	return fact{}, name
}

// question is a condition in words, with the words of its two ways.
func (w *flowWalk) question(e ast.Expr) (on, yes, no string) {
	switch e := ast.Unparen(e).(type) {
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			on, yes, no = w.question(e.X)
			return on, no, yes
		}
	case *ast.BinaryExpr:
		about, name := w.about(e.X)
		equal := e.Op == token.EQL
		if (equal || e.Op == token.NEQ) && about.kind == "wait" && name == "" && w.TypesInfo.Types[e.Y].IsNil() {
			if equal {
				return about.text + " came", "time ran out", "came"
			}
			return about.text + " came", "came", "time ran out"
		}
		if (equal || e.Op == token.NEQ) && about.kind == "variant" {
			arm, _ := w.pattern(e.Y)
			if equal {
				return "variant " + about.text, arm, "another arm"
			}
			return "variant " + about.text, "another arm", arm
		}
	default:
		switch about, name := w.about(e); {
		case about.kind == "past" && name == "Found":
			return about.text + " happened before", "yes", "no"
		case about.kind == "sent" && name == "Sent":
			return "the mail went out", "yes", "no"
		case about.kind == "says" && name == "":
			return about.text, "yes", "no"
		}
	}
	return w.source(e), "yes", "no"
}

// tag is what a switch is about.
func (w *flowWalk) tag(e ast.Expr) (string, fact) {
	about, name := w.about(e)
	switch {
	case about.kind == "any" && name == "Index":
		return "what came", about
	case about.kind == "variant" && name == "":
		return "variant " + about.text, about
	}
	return w.source(e), fact{}
}

func (w *flowWalk) caseWords(e ast.Expr, about fact, isCondition bool) string {
	if isCondition {
		on, yes, _ := w.question(e)
		if yes != "yes" {
			return yes
		}
		return on
	}
	value := w.TypesInfo.Types[e].Value
	if about.kind == "any" && value != nil {
		if i, exact := constant.Int64Val(value); exact && i >= 0 && int(i) < len(about.events) {
			return about.events[i]
		}
		return "none came"
	}
	if text, known := w.pattern(e); known {
		return text
	}
	return w.source(e)
}

// source is an expression as it is written, in a line.
func (w *flowWalk) source(e ast.Expr) string {
	var b strings.Builder
	if printer.Fprint(&b, w.Fset, e) != nil {
		return "a condition"
	}
	text := strings.Join(strings.Fields(b.String()), " ")
	if runes := []rune(text); len(runes) > 80 {
		text = string(runes[:79]) + "…"
	}
	return text
}

// pattern is a text: whole if it is constant, which known says, else what is constant at its
// beginning, and * for the rest.
func (w *flowWalk) pattern(e ast.Expr) (text string, known bool) {
	if text, ok := w.text(e); ok {
		return text, true
	}
	if sum, ok := ast.Unparen(e).(*ast.BinaryExpr); ok && sum.Op == token.ADD {
		begin, whole := w.pattern(sum.X)
		if whole {
			return begin + "*", false
		}
		return begin, false
	}
	return "*", false
}

// literal is the value that an argument is written as; nil if that is not seen.
func (w *flowWalk) literal(e ast.Expr) *ast.CompositeLit {
	for _, file := range w.files {
		if e.Pos() >= file.FileStart && e.Pos() <= file.FileEnd {
			return w.written(file, e)
		}
	}
	return nil
}

// fieldText is a field of a value that is text, as a pattern; "" where it is not given.
func (w *flowWalk) fieldText(e ast.Expr, name string) string {
	lit := w.literal(e)
	if lit == nil {
		return "*"
	}
	value, ok := field(lit, name)
	if !ok {
		return ""
	}
	text, _ := w.pattern(value)
	return text
}

// events are those that a WaitForAny waits for.
func (w *flowWalk) events(e ast.Expr) []string {
	var out []string
	lit := w.literal(e)
	if lit == nil {
		return nil
	}
	list, ok := field(lit, "Waits")
	if !ok {
		return nil
	}
	waits := w.literal(list)
	if waits == nil {
		return nil
	}
	for _, one := range waits.Elts {
		out = append(out, w.fieldText(one, "Event"))
	}
	return out
}

// step is the part that a call of Run is.
func (w *flowWalk) step(call *ast.CallExpr) (flow.Part, bool) {
	n := &flow.Node{}
	switch args := call.Args; {
	case w.calls(call, rootPath, "Run.Sleep") && len(args) > 1:
		n.Kind, n.Text = flow.Wait, "Waits"
		n.ID, n.For = "wait:*", "as long as code says"
		if d, ok := w.duration(args[1]); ok {
			n.ID, n.For = "wait:"+contract.ShortDuration(d), criteria.LengthWords(d)
		}
		w.labeled(n, args, 2)
	case w.calls(call, rootPath, "Run.SleepUntil") && len(args) > 1:
		n.Kind, n.Text, n.ID, n.For = flow.Wait, "Waits", "wait-until:*", "until a time from code"
		w.labeled(n, args, 2)
	case w.calls(call, rootPath, "Run.WaitForEvent") && len(args) == 2:
		event := w.fieldText(args[1], "Event")
		n.Kind, n.Text, n.ID, n.For = flow.Wait, "Waits for "+event, "wait-event:"+event, w.patience(args[1], "Timeout")
		w.labelField(n, args[1])
	case w.calls(call, rootPath, "Run.WaitForAny") && len(args) == 2:
		n.Kind, n.Text, n.ID, n.For = flow.Wait, "Waits for "+orWords(w.events(args[1])), "wait-any", w.patience(args[1], "Timeout")
		w.labelField(n, args[1])
	case w.calls(call, rootPath, "Run.Digest") && len(args) == 2:
		event := w.fieldText(args[1], "Event")
		n.Kind, n.Text, n.ID, n.For = flow.Wait, "Collects "+event, "digest:"+event, w.patience(args[1], "Window")
		if event == "" {
			n.Text, n.ID = "Collects events like the first", "digest:*"
		}
		w.labelField(n, args[1])
	case w.calls(call, rootPath, "Run.Send") && len(args) == 2:
		w.mail(n, args[1])
	case w.calls(call, rootPath, "Run.Checkpoint") && len(args) == 2:
		label, _ := w.pattern(args[1])
		n.Kind, n.ID, n.Text = flow.Checkpoint, label, label
	case w.calls(call, rootPath, "Run.Trigger") && len(args) == 2:
		n.Kind, n.Text = flow.Effect, "Event "+first(w.fieldText(args[1], "Event"), "from code")
	case w.calls(call, rootPath, "Run.Capture") && len(args) > 1:
		text, _ := w.pattern(args[1])
		n.Kind, n.Text = flow.Effect, "Tells analytics "+text
	case w.calls(call, rootPath, "Run.Identify"):
		n.Kind, n.Text = flow.Effect, "Sets properties"
	case w.calls(call, rootPath, "Run.Do") && len(args) > 1:
		n.Kind, n.Text = flow.Effect, "Calls "+first(w.fieldText(args[1], "Activity"), "an activity")
	case w.calls(call, rootPath, "Run.Exit") && len(args) == 2:
		reason, _ := w.pattern(args[1])
		return flow.Part{End: flow.Exit + flow.End(":"+reason)}, true
	default:
		return flow.Part{}, false
	}
	return flow.Part{Node: n}, true
}

func first(a, b string) string {
	if a == "" || a == "*" {
		return b
	}
	return a
}

func orWords(names []string) string {
	switch n := len(names); n {
	case 0:
		return "one of several events"
	case 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " or " + names[n-1]
	}
}

// labeled takes the label that an author gave among the arguments.
func (w *flowWalk) labeled(n *flow.Node, args []ast.Expr, at int) {
	if at < len(args) {
		n.ID, _ = w.pattern(args[at])
		n.Text = "Waits: " + n.ID
	}
}

func (w *flowWalk) labelField(n *flow.Node, e ast.Expr) {
	if label := w.fieldText(e, "Label"); label != "" && label != "*" {
		n.ID = label
	}
}

// mail is a send: written out, made by a template's With, or held by a variable.
func (w *flowWalk) mail(n *flow.Node, e ast.Expr) {
	n.Kind = flow.Send
	key, label := w.templateOf(e)
	if about, name := w.about(e); about.kind == "email" && name == "" {
		key, label = about.text, about.events[0]
	}
	n.Text, n.ID = "Mail "+key, contract.SendNode(key)
	if key == "*" {
		n.Text = "Mail"
	}
	if label != "" {
		n.ID = label
	}
}

// templateOf is the template of a mail, and its label if it has one, as patterns.
func (w *flowWalk) templateOf(e ast.Expr) (key, label string) {
	if call, ok := ast.Unparen(e).(*ast.CallExpr); ok && w.calls(call, rootPath, "Mail.With") {
		if selector, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok {
			if text, found := w.templates[w.used(selector.X)]; found {
				return text, ""
			}
		}
		return "*", ""
	}
	if key = w.fieldText(e, "Template"); key == "" {
		key = "*"
	}
	if label = w.fieldText(e, "Label"); label == "*" {
		label = ""
	}
	return key, label
}

// patience is how long a wait lasts at most.
func (w *flowWalk) patience(e ast.Expr, name string) string {
	lit := w.literal(e)
	if lit == nil {
		return "as long as code says"
	}
	if value, ok := field(lit, name); ok {
		d, known := w.duration(value)
		switch {
		case !known:
			return "as long as code says"
		case d == hogsend.Forever:
			return "without an end"
		}
		return "at most " + criteria.LengthWords(d)
	}
	return "until a time from code"
}

// duration is a constant length of time.
func (w *flowWalk) duration(e ast.Expr) (time.Duration, bool) {
	value := w.TypesInfo.Types[e].Value
	if value == nil || value.Kind() != constant.Int {
		return 0, false
	}
	n, exact := constant.Int64Val(value)
	return time.Duration(n), exact
}
