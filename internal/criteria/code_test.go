package criteria_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/criteria"
)

// written are the conditions of this file, as they are written and as they are.
func written() []hogsend.Condition {
	return []hogsend.Condition{
		hogsend.Prop("plan").Eq("pro \"x\""),
		hogsend.All(hogsend.Prop("seats").Gte(12), hogsend.Any(hogsend.Prop("rate").Lt(0.5), hogsend.Prop("trial").Neq(true)), hogsend.Not(hogsend.Prop("a").Exists())),
		hogsend.Event("app.active").Within(7 * hogsend.Day).AtLeast(10),
		hogsend.Event("order.paid").Where(hogsend.Prop("total").Gt(9.99)).Within(90 * time.Minute).MoreThan(1),
		hogsend.Event("order.paid").Where(hogsend.Prop("total").Gt(1), hogsend.Prop("currency").Contains("E")).Sum("total").Gte(json.Number("12345678901234567890")),
		hogsend.Event("view").Within(1500 * time.Millisecond).Distinct("page").Eq(3),
		hogsend.All(hogsend.Event("x").Exists(), hogsend.Event("x").Within(hogsend.Day).NotExists(), hogsend.Event("y").Exactly(2), hogsend.Event("y").AtMost(5), hogsend.Event("y").LessThan(6)),
		hogsend.Prop("renewsAt").InNext(30 * hogsend.Day),
		hogsend.Prop("renewsAt").Before(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)),
		hogsend.Any(hogsend.EmailEngagement("welcome").Opened(), hogsend.EmailEngagement("welcome").NotClicked(), hogsend.InBucket("power-users")),
	}
}

// squeezed is code without what a printer may choose.
func squeezed(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(strings.Join(strings.Fields(s), ""), ",)", ")"), "3,1,12,0,0,0,0,", "3,1,12,0,0,0,0,")
}

// C-21, check 26: what is copied as Go is what was written, word for word, so that it compiles
// and makes the same tree.
func TestCodeIsWhatWasWritten(t *testing.T) {
	t.Parallel()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "code_test.go", nil, 0)
	require.NoError(t, err)
	var texts []string
	ast.Inspect(file, func(n ast.Node) bool {
		fn, ok := n.(*ast.FuncDecl)
		if !ok || fn.Name.Name != "written" {
			return true
		}
		for _, e := range fn.Body.List[0].(*ast.ReturnStmt).Results[0].(*ast.CompositeLit).Elts {
			var b strings.Builder
			require.NoError(t, printer.Fprint(&b, set, e))
			texts = append(texts, b.String())
		}
		return false
	})
	conditions := written()
	require.Len(t, texts, len(conditions))
	for i, c := range conditions {
		raw, err := criteria.MarshalTree(c)
		require.NoError(t, err)
		again, problems, err := criteria.UnmarshalTree(raw) // as pages read it
		require.NoError(t, err)
		if len(problems) > 0 { // what is no criteria of a bucket
			again = c
		}
		require.Equal(t, squeezed(texts[i]), squeezed(criteria.Code(again)))
	}
}
