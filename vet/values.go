package vet

import (
	"errors"
	"go/ast"
	"go/types"
	"time"

	"github.com/hogsend/hogsend"
)

// values reports time zones, times of day and dates that are written out and do not
// exist (T-46). A program tells of them at start, or a journey when it comes there.
func (c *code) values() {
	for _, file := range c.files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				c.argumentValues(n)
			case *ast.CompositeLit:
				c.fieldValues(n)
			}
			return true
		})
	}
}

func (c *code) argumentValues(call *ast.CallExpr) {
	check := func(at int, problem func(string) string, names ...string) {
		if at < len(call.Args) && c.calls(call, rootPath, names...) {
			c.value(call.Args[at], problem)
		}
	}
	check(0, zoneProblem, "LoadZone", "When.TZ", "Recurrence.TZ")
	check(1, zoneProblem, "At", "Window.Clamp")
	check(0, clockProblem, "When.At", "When.NextLocal", "When.Window", "Trigger.At", "Daily")
	check(1, clockProblem, "When.Window", "Weekly", "Monthly")
	check(0, dateProblem, "When.On")
}

// fieldValues looks at the fields that hold a zone or a time of day. An empty one means
// the default, but in a window that has the other end.
func (c *code) fieldValues(lit *ast.CompositeLit) {
	n, ok := types.Unalias(c.TypesInfo.TypeOf(lit)).(*types.Named)
	if !ok || !is(n.Obj(), rootPath, n.Obj().Name()) {
		return
	}
	for _, element := range lit.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			return // by position, which nobody does
		}
		key, ok := pair.Key.(*ast.Ident)
		if !ok {
			return
		}
		problem := clockProblem
		switch n.Obj().Name() + "." + key.Name {
		case "Defaults.Timezone", "Recurrence.Zone", "Schedule.Zone":
			problem = zoneProblem
		case "Window.Start", "Window.End":
			if len(lit.Elts) == 1 {
				c.report(lit.Pos(), "the window has a %s alone: it needs Start and End", key.Name)
			}
		case "Recurrence.At", "Schedule.At", "DateTrigger.LocalTime":
		default:
			continue
		}
		if text, ok := c.text(pair.Value); !ok || text != "" {
			c.value(pair.Value, problem)
		}
	}
}

// value reports a constant text with a problem.
func (c *code) value(e ast.Expr, problem func(string) string) {
	if text, ok := c.text(e); ok {
		if found := problem(text); found != "" {
			c.report(e.Pos(), "%s", found)
		}
	}
}

func zoneProblem(name string) string {
	if _, err := hogsend.LoadZone(name); err != nil {
		return err.Error()
	}
	return ""
}

// clockProblem asks a window that begins then.
func clockProblem(text string) string {
	return problemOf(hogsend.Window{Start: text, End: "0:00"}.Validate())
}

// dateProblem asks a chain, for which an instant that has passed is no mistake.
func dateProblem(text string) string {
	_, err := hogsend.At(time.Time{}, "UTC").On(text).IfPast(hogsend.Now).At("0:00")
	return problemOf(err)
}

// problemOf is what an error says is wrong, without the name of a field that the line has.
func problemOf(err error) string {
	var invalid *hogsend.ValidationError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &invalid):
		return invalid.Message
	}
	return err.Error()
}
