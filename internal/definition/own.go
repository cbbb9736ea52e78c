package definition

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/naming"
)

// CheckOwn reports every problem of the author's activities and workflows, and of the
// names that journeys list, a line each (J-164).
func CheckOwn(r hogsend.Registry, activities []hogsend.Activity, workflows []hogsend.Workflow) error {
	var problems []string
	report := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	names := make([]string, 0, len(activities))
	for _, a := range activities {
		if problem := OwnNameProblem(a.Name); problem != "" {
			report("activity %q: Name: %s", a.Name, problem)
		}
		if slices.Contains(names, a.Name) {
			report("activity %q: Name: is used twice", a.Name)
		}
		names = append(names, a.Name)
		if problem := firstOf(ActivityProblem(a.Func), literalProblem(a.Func, true)); problem != "" {
			report("activity %q: Func: %s", a.Name, problem)
		}
	}
	var flows []string
	for _, w := range workflows {
		if problem := OwnNameProblem(w.Name); problem != "" {
			report("workflow %q: Name: %s", w.Name, problem)
		}
		if slices.Contains(flows, w.Name) {
			report("workflow %q: Name: is used twice", w.Name)
		}
		flows = append(flows, w.Name)
		if problem := firstOf(functionProblem(w.Func), literalProblem(w.Func, false)); problem != "" {
			report("workflow %q: Func: %s", w.Name, problem)
		}
	}
	for _, j := range append(slices.Clone(r.Journeys), Reactions(r)...) {
		for i, name := range j.Activities {
			if !slices.Contains(names, name) {
				report("journey %s: Activities.%d: there is no activity %q%s", j.ID, i, name, naming.Suggestion(name, names))
			}
		}
	}
	if len(problems) == 0 {
		return nil
	}
	slices.Sort(problems)
	return errors.New(strings.Join(slices.Compact(problems), "\n"))
}

func firstOf(problems ...string) string {
	for _, p := range problems {
		if p != "" {
			return p
		}
	}
	return ""
}

// OwnNameProblem says why an activity or a workflow of the author's cannot have a name, ""
// if it can.
func OwnNameProblem(name string) string {
	if problem := naming.Problem(name, 1, 200); problem != "" {
		return problem
	}
	for _, prefix := range []string{"journey-", "bucket-", "hogsend"} {
		if strings.HasPrefix(name, prefix) {
			return fmt.Sprintf("names that begin with %q are hogsend's own", prefix)
		}
	}
	if name == contract.CheckCallName || slices.Contains(contract.ActivityNames(), name) {
		return "is the name of an activity of hogsend's own"
	}
	return ""
}

// ActivityProblem says why a value is no activity, "" if it is one.
func ActivityProblem(fn any) string {
	if problem := functionProblem(fn); problem != "" {
		return problem
	}
	const form = "must be func(context.Context[, In]) ([Out, ]error)"
	t := reflect.TypeOf(fn)
	fits := !t.IsVariadic() && (t.NumIn() == 1 || t.NumIn() == 2) && t.In(0) == reflect.TypeFor[context.Context]() &&
		(t.NumOut() == 1 || t.NumOut() == 2) && t.Out(t.NumOut()-1) == reflect.TypeFor[error]()
	if !fits {
		return form
	}
	return ""
}

func functionProblem(fn any) string {
	if v := reflect.ValueOf(fn); fn == nil || v.Kind() != reflect.Func || v.IsNil() {
		return "must be a function"
	}
	return ""
}

// literalProblem finds function literals, which have no name of their own in a stack or
// in Temporal's analyzer.
func literalProblem(fn any, methods bool) string {
	if functionProblem(fn) != "" {
		return ""
	}
	f := runtime.FuncForPC(reflect.ValueOf(fn).Pointer())
	if f == nil {
		return "must be a named function"
	}
	name := f.Name()[strings.LastIndex(f.Name(), "/")+1:]
	_, name, _ = strings.Cut(name, ".") // the package
	method, isMethod := strings.CutSuffix(name, "-fm")
	if methods && isMethod {
		name = method[strings.LastIndex(method, ".")+1:]
	}
	if strings.ContainsAny(name, ".-([") {
		if methods {
			return "must be a named function or a method, not a literal"
		}
		return "must be a named top-level function, not a literal or a method"
	}
	return ""
}
