package vet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/checker"
	"golang.org/x/tools/go/packages"
)

// Check analyzes the packages that the patterns name below dir, "." if there are none,
// and writes a line file:line: message for each finding, sorted. It returns how many
// there are. Errors are of loading: what does not compile cannot be checked.
//
// It reads the source of the packages of the module, or workspace, alone: what a
// function of another module does is known to go vet -vettool (T-28).
func Check(ctx context.Context, dir string, patterns []string, w io.Writer) (findings int, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return 0, fmt.Errorf("find folder: %w", err)
	}
	asked, loaded, err := load(ctx, dir, patterns)
	if err != nil {
		return 0, err
	}
	ours := map[string]*packages.Package{}
	for _, p := range loaded {
		ours[p.ID] = p
	}
	for _, p := range loaded {
		for path, imported := range p.Imports {
			if p.Imports[path] = ours[imported.ID]; ours[imported.ID] == nil {
				delete(p.Imports, path) // its source was not loaded
			}
		}
	}
	graph, err := checker.Analyze([]*analysis.Analyzer{Analyzer}, loaded, nil)
	if err != nil {
		return 0, fmt.Errorf("analyze packages: %w", err)
	}
	return write(w, dir, graph, asked)
}

type finding struct {
	file    string
	line    int
	message string
}

func write(w io.Writer, dir string, graph *checker.Graph, asked []*packages.Package) (int, error) {
	var found []finding
	for _, action := range graph.Roots {
		if action.Err != nil {
			return 0, fmt.Errorf("analyze %s: %w", action.Package.PkgPath, action.Err)
		}
		if !slices.ContainsFunc(asked, func(p *packages.Package) bool { return p.ID == action.Package.ID }) {
			continue
		}
		for _, d := range action.Diagnostics {
			p := action.Package.Fset.Position(d.Pos)
			if relative, err := filepath.Rel(dir, p.Filename); err == nil && filepath.IsLocal(relative) {
				p.Filename = relative
			}
			found = append(found, finding{p.Filename, p.Line, d.Message})
		}
	}
	slices.SortFunc(found, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line), cmp.Compare(a.message, b.message))
	})
	found = slices.Compact(found)
	for _, f := range found {
		if _, err := fmt.Fprintf(w, "%s:%d: %s\n", f.file, f.line, f.message); err != nil {
			return 0, fmt.Errorf("write findings: %w", err)
		}
	}
	return len(found), nil
}

// own are the paths of the packages, and of those they import, whose source is at hand
// to be changed.
func own(asked []*packages.Package) []string {
	var paths []string
	packages.Visit(asked, nil, func(p *packages.Package) {
		if m := p.Module; m != nil && (m.Main || m.Replace != nil && m.Replace.Version == "") {
			paths = append(paths, p.PkgPath)
		}
	})
	return paths
}

func problems(loaded []*packages.Package) error {
	var all []error
	for _, p := range loaded {
		for _, problem := range p.Errors {
			all = append(all, problem)
		}
	}
	return errors.Join(all...)
}
