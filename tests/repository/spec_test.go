package repository

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const specFolder = root + "/docs/spec"

var (
	ruleID = regexp.MustCompile(`\b[A-Z]-\d+\b`)
	// "J-87 to J-89", "J-87 to 89": all of them are meant.
	ruleRange = regexp.MustCompile(`\b([A-Z])-(\d+) to (?:([A-Z])-)?(\d+)\b`)
	// A rule begins with its id in bold, or with a row of a table of routes or quirks.
	ruleHead = regexp.MustCompile(`\*\*([A-Z]-\d+)\b|^\| ([A-Z]-\d+) \|`)
)

// specification is where each rule is written down.
func specification(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(specFolder + "/*.md")
	require.NoError(t, err)
	rules := map[string]string{}
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(t, err)
		for i, line := range strings.Split(string(body), "\n") {
			for _, head := range ruleHead.FindAllStringSubmatch(line, -1) {
				id, place := head[1]+head[2], filepath.Base(file)+":"+strconv.Itoa(i+1)
				require.NotContains(t, rules, id, "%s is a rule at two places: %s and %s", id, rules[id], place)
				rules[id] = place
			}
		}
	}
	require.Greater(t, len(rules), 700, "the specification is found")
	return rules
}

// cited are the ids that a text names. Of the letters only those of rules count:
// "A-1" may be a product in an example.
func cited(text string, letters string) []string {
	var ids []string
	for _, id := range ruleID.FindAllString(text, -1) {
		if strings.Contains(letters, id[:1]) {
			ids = append(ids, id)
		}
	}
	for _, r := range ruleRange.FindAllStringSubmatch(text, -1) {
		from, _ := strconv.Atoi(r[2]) // it matched digits
		to, _ := strconv.Atoi(r[4])
		for n := from; n <= to && strings.Contains(letters, r[1]) && (r[3] == "" || r[3] == r[1]); n++ {
			ids = append(ids, r[1]+"-"+strconv.Itoa(n))
		}
	}
	return ids
}

func letters(rules map[string]string) string {
	all := ""
	for id := range rules {
		if !strings.Contains(all, id[:1]) {
			all += id[:1]
		}
	}
	return all
}

// notBuilt reads the list of rules that are not built yet, each with its reason.
func notBuilt(t *testing.T) map[string]string {
	t.Helper()
	body, err := os.ReadFile(specFolder + "/not-built.txt")
	require.NoError(t, err)
	list := map[string]string{}
	for _, line := range strings.Split(string(body), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		rules, reason, found := strings.Cut(line, ": ")
		require.True(t, found && len(reason) > 10, "a line of the list is IDS: REASON, and this one is not: %s", line)
		ids := cited(rules, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
		require.NotEmpty(t, ids, line)
		for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
			require.NotContains(t, list, id, "%s is on the list twice", id)
			list[id] = reason
		}
	}
	return list
}

// sources are the Go files of the repository, without generated ones.
func sources(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); file != root && strings.HasPrefix(name, ".") || name == "storedb" {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(file) != ".go" {
			return nil
		}
		body, err := os.ReadFile(file)
		files[filepath.ToSlash(strings.TrimPrefix(file, root+"/"))] = string(body)
		return err
	}))
	return files
}

func isTest(file string) bool {
	return strings.HasSuffix(file, "_test.go") || strings.HasPrefix(file, "tests/")
}

// The specification is kept true by tests: each rule has one that cites it, or is said
// not to be built yet, and why.
func TestEveryRuleIsCitedByATestOrSaidToBeMissing(t *testing.T) {
	t.Parallel()
	rules, missing := specification(t), notBuilt(t)
	tested := map[string]string{}
	for file, text := range sources(t) {
		if !isTest(file) || file == "tests/repository/spec_test.go" {
			continue
		}
		for _, id := range cited(text, letters(rules)) {
			tested[id] = file
		}
	}
	for _, id := range slices.Sorted(maps.Keys(rules)) {
		file, isTested := tested[id]
		reason, isMissing := missing[id]
		switch {
		case isTested && isMissing:
			t.Errorf("%s is cited by %s and yet listed as not built: %s", id, file, reason)
		case !isTested && !isMissing:
			t.Errorf("%s (%s) is cited by no test and not listed as not built", id, rules[id])
		}
	}
	for _, id := range slices.Sorted(maps.Keys(missing)) {
		if _, exists := rules[id]; !exists {
			t.Errorf("%s is listed as not built, but there is no such rule", id)
		}
	}
}

// Whoever reads an id in code or a test finds the rule.
func TestEveryRuleThatIsCitedExists(t *testing.T) {
	t.Parallel()
	rules := specification(t)
	for file, text := range sources(t) {
		for i, line := range strings.Split(text, "\n") {
			for _, id := range cited(line, letters(rules)) {
				if _, exists := rules[id]; !exists {
					t.Errorf("%s:%d cites %s, which is no rule of docs/spec", file, i+1, id)
				}
			}
		}
	}
}

// What authors read is said in words: one rule at most, at the end, for who wants to
// know more. A package's comment may show how rules are cited.
func TestPublicDocumentationCitesOneRuleAtMost(t *testing.T) {
	t.Parallel()
	all := letters(specification(t))
	atEnd := regexp.MustCompile(`\(([A-Z]-\d+)\)\.?\s*$`)
	for _, folder := range []string{".", "hogsendtest", "app", "members", "provider", "standalone", "vet"} {
		names, err := filepath.Glob(root + "/" + folder + "/*.go")
		require.NoError(t, err)
		require.NotEmpty(t, names, folder)
		for _, name := range names {
			if isTest(name) {
				continue
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, name, nil, parser.ParseComments)
			require.NoError(t, err)
			for _, doc := range publicComments(file) {
				ids := cited(doc.Text(), all)
				if len(ids) > 1 || len(ids) == 1 && doc != file.Doc && !atEnd.MatchString(doc.Text()) {
					t.Errorf("%s cites %s; one rule at the end is enough", set.Position(doc.Pos()), strings.Join(ids, ", "))
				}
			}
		}
	}
}

// publicComments are what go doc shows of a file.
func publicComments(file *ast.File) []*ast.CommentGroup {
	var docs []*ast.CommentGroup
	add := func(groups ...*ast.CommentGroup) {
		for _, g := range groups {
			if g != nil {
				docs = append(docs, g)
			}
		}
	}
	fields := func(list *ast.FieldList) {
		for _, f := range list.List {
			if len(f.Names) == 0 || f.Names[0].IsExported() {
				add(f.Doc, f.Comment)
			}
		}
	}
	add(file.Doc)
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() {
				add(d.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					if !s.Name.IsExported() {
						continue
					}
					add(d.Doc, s.Doc, s.Comment)
					switch body := s.Type.(type) {
					case *ast.StructType:
						fields(body.Fields)
					case *ast.InterfaceType:
						fields(body.Methods)
					}
				case *ast.ValueSpec:
					if s.Names[0].IsExported() {
						add(d.Doc, s.Doc, s.Comment)
					}
				}
			}
		}
	}
	return docs
}

// The tests above find what they look for.
func TestIdsAreRecognized(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"B-14", "J-2"}, cited("// B-14, (J-2), utf-8, A-1043, X-1, eB-3", "BJ"))
	require.Equal(t, []string{"J-87", "J-89", "J-87", "J-88", "J-89"}, cited("J-87 to J-89", "J"))
	require.Equal(t, []string{"J-8", "J-8", "J-9"}, cited("J-8 to 9", "J"))
	require.Equal(t, []string{"J-8", "S-9"}, cited("J-8 to S-9", "JS"), "no range")
	for line, id := range map[string]string{"- **S-3** Valid": "S-3", "**H-1 Base.** The": "H-1", "| R-31 | GET": "R-31", "| 8 | **J-150** | x": "J-150"} {
		head := ruleHead.FindStringSubmatch(line)
		require.NotNil(t, head, line)
		require.Equal(t, id, head[1]+head[2])
	}
	require.Nil(t, ruleHead.FindStringSubmatch("as B-14 says, see | R-3 |"))
}
