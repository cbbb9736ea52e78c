package repository

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The bars of a package: what it may have in lines if it is internal, and which share of
// its files may refer to each other in a circle if it is not small. Neither tests nor
// generated code count.
const (
	mostInternalLines = 2500
	smallLines        = 1000
	mostCircular      = 1.0 / 3
)

func TestPackagesAreSmallAndTheirFilesReferOneWay(t *testing.T) {
	t.Parallel()
	require.Empty(t, tooLarge(measure(t, root)))
}

func TestAPackageThatIsTooLargeOrCircularIsFound(t *testing.T) {
	t.Parallel()
	found := measure(t, "testdata/structure")
	require.Equal(t, []house{{folder: "internal/planted", lines: 19, files: 4, circles: [][]string{{"a.go", "b.go", "c.go"}}}}, found,
		"a refers to b by a function, b to c by a method of an imported type's field, c to a by a type")
	found[0].lines = smallLines
	require.Empty(t, tooLarge(found))
	found[0].lines++
	require.Equal(t, []string{"internal/planted: 3 of 4 files refer to each other: a.go, b.go, c.go"}, tooLarge(found))
	found[0].lines, found[0].circles = mostInternalLines+1, nil
	require.Equal(t, []string{"internal/planted: 2501 lines, more than 2500"}, tooLarge(found))
	found[0].folder = "server"
	require.Empty(t, tooLarge(found))
}

// house is what there is to know of a package.
type house struct {
	folder       string
	lines, files int
	// circles are the files that refer to each other, by way of others as well.
	circles [][]string
}

func tooLarge(houses []house) []string {
	var problems []string
	for _, h := range houses {
		if strings.HasPrefix(h.folder, "internal/") && h.lines > mostInternalLines {
			problems = append(problems, fmt.Sprintf("%s: %d lines, more than %d", h.folder, h.lines, mostInternalLines))
		}
		circular := slices.Concat(h.circles...)
		if h.lines > smallLines && float64(len(circular)) > mostCircular*float64(h.files) {
			problems = append(problems, fmt.Sprintf("%s: %d of %d files refer to each other: %s", h.folder, len(circular), h.files, strings.Join(circular, ", ")))
		}
	}
	return problems
}

// measure reads every package below root.
func measure(t *testing.T, root string) []house {
	t.Helper()
	var houses []house
	require.NoError(t, filepath.WalkDir(root, func(folder string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		if err := skip(root, folder, entry.Name()); err != nil {
			return err
		}
		h, err := measurePackage(folder)
		if err == nil && h.files > 0 {
			name, relErr := filepath.Rel(root, folder)
			h.folder, err = filepath.ToSlash(name), relErr
			houses = append(houses, h)
		}
		return err
	}))
	slices.SortFunc(houses, func(a, b house) int { return strings.Compare(a.folder, b.folder) })
	return houses
}

func measurePackage(folder string) (house, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return house{}, err
	}
	fset := token.NewFileSet()
	var files []*ast.File
	h := house{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return house{}, err
		}
		if ast.IsGenerated(file) {
			continue
		}
		files = append(files, file)
		h.lines += fset.File(file.FileStart).LineCount() - 1
	}
	h.files, h.circles = len(files), circles(references(fset, files))
	return h, nil
}

// references are the files that each file refers to: by a name of the package, or by a
// method. Fields do not count: who reads one has named the type or was given it.
func references(fset *token.FileSet, files []*ast.File) map[string][]string {
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: nothingImported{}, Error: func(error) {}} // what is not known is no reference
	own, _ := config.Check("", fset, files, info)
	all := map[string]map[string]bool{}
	for _, file := range files {
		from := fset.Position(file.FileStart).Filename
		all[from] = map[string]bool{}
		ast.Inspect(file, func(n ast.Node) bool {
			if name, ok := n.(*ast.Ident); ok {
				if object := info.Uses[name]; object != nil && object.Pkg() == own && refers(object) {
					if to := fset.Position(object.Pos()).Filename; to != from {
						all[from][to] = true
					}
				}
			}
			return true
		})
	}
	graph := map[string][]string{}
	for from, to := range all {
		graph[filepath.Base(from)] = nil
		for _, path := range slices.Sorted(maps.Keys(to)) {
			graph[filepath.Base(from)] = append(graph[filepath.Base(from)], filepath.Base(path))
		}
	}
	return graph
}

func refers(object types.Object) bool {
	_, isFunc := object.(*types.Func)
	return isFunc || object.Parent() == object.Pkg().Scope()
}

// nothingImported leaves out what is not the package's own, which is most of the time
// that it takes to check types.
type nothingImported struct{}

func (nothingImported) Import(string) (*types.Package, error) {
	return nil, errors.New("not imported")
}

// circles are the strongly connected parts of more than one file, by Tarjan.
func circles(graph map[string][]string) [][]string {
	w := &walk{graph: graph, index: map[string]int{}, low: map[string]int{}}
	for _, file := range slices.Sorted(maps.Keys(graph)) {
		if w.index[file] == 0 {
			w.visit(file)
		}
	}
	slices.SortFunc(w.found, func(a, b []string) int { return cmp.Or(len(b)-len(a), strings.Compare(a[0], b[0])) })
	return w.found
}

type walk struct {
	graph      map[string][]string
	index, low map[string]int
	stack      []string
	found      [][]string
}

func (w *walk) visit(file string) {
	w.index[file] = len(w.index) + 1
	w.low[file] = w.index[file]
	w.stack = append(w.stack, file)
	for _, next := range w.graph[file] {
		if w.index[next] == 0 {
			w.visit(next)
			w.low[file] = min(w.low[file], w.low[next])
		} else if slices.Contains(w.stack, next) {
			w.low[file] = min(w.low[file], w.index[next])
		}
	}
	if w.low[file] != w.index[file] {
		return
	}
	at := slices.Index(w.stack, file)
	if part := slices.Sorted(slices.Values(w.stack[at:])); len(part) > 1 {
		w.found = append(w.found, part)
	}
	w.stack = w.stack[:at]
}
