package repository

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/contract"
)

func document(t *testing.T, name string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	return string(body)
}

func TestLinksBetweenDocumentsLeadSomewhere(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)
	code := regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")
	files := []string{"README.md"}
	require.NoError(t, fs.WalkDir(os.DirFS(root), "docs", func(name string, _ fs.DirEntry, err error) error {
		if path.Ext(name) == ".md" {
			files = append(files, name)
		}
		return err
	}))
	found := 0
	for _, file := range files {
		for _, target := range link.FindAllStringSubmatch(code.ReplaceAllString(document(t, file), ""), -1) {
			if strings.Contains(target[1], "://") {
				continue
			}
			found++
			_, err := os.Stat(filepath.Join(root, path.Dir(file), target[1]))
			require.NoError(t, err, "%s links to %s", file, target[1])
		}
	}
	require.Greater(t, found, 15)
}

// The table of packages has every package that holds code of the product, and no other.
func TestTheArchitectureNamesEveryPackage(t *testing.T) {
	t.Parallel()
	var here []string
	for file := range sources(t) {
		folder := path.Dir(file)
		top, _, _ := strings.Cut(folder, "/")
		switch {
		case isTest(file), slices.Contains([]string{"cmd", "examples", "tests"}, top), strings.Contains(folder, "testdata"):
		case folder == ".":
			here = append(here, "hogsend")
		case strings.HasPrefix(folder, "internal/provider/"):
			here = append(here, "internal/provider/…")
		case strings.HasPrefix(folder, "hogsendtest/"):
			here = append(here, "hogsendtest")
		default:
			here = append(here, folder)
		}
	}
	slices.Sort(here)
	here = slices.Compact(here)

	_, table, found := strings.Cut(document(t, "docs/architecture.md"), "| package | its one job |")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n\n")
	var named []string
	for _, row := range strings.Split(table, "\n") {
		cells := strings.Split(row, "|")
		if len(cells) < 3 {
			continue
		}
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
			named = append(named, name[1])
		}
	}
	slices.Sort(named)
	require.Equal(t, here, named)
}

// What the glossary says is in the database, is there.
func TestTheGlossaryNamesTablesAndColumnsThatExist(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob(root + "/schema/migrations/*.sql")
	require.NoError(t, err)
	var schema strings.Builder
	for _, name := range names {
		schema.WriteString(document(t, strings.TrimPrefix(name, root+"/")))
	}
	glossary := document(t, "docs/glossary.md")
	found := 0
	for _, line := range strings.Split(glossary, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 5 {
			continue // a table without that column
		}
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[3], -1) {
			for _, word := range strings.Split(name[1], ".") {
				found++
				require.True(t, regexp.MustCompile(`\b`+regexp.QuoteMeta(word)+`\b`).MatchString(schema.String()), "the glossary has %s", name[1])
			}
		}
	}
	require.Greater(t, found, 20)
}

func TestTheStateMachinesHaveTheStatesOfTheCode(t *testing.T) {
	t.Parallel()
	sections := map[string][]string{"Membership": {string(contract.MembershipActive), string(contract.MembershipLeft)}, "Outbox row": {"pending", "delivered", "dead"}}
	for _, s := range []contract.EnrollmentStatus{
		contract.EnrollmentActive, contract.EnrollmentWaiting, contract.EnrollmentCompleted, contract.EnrollmentFailed, contract.EnrollmentExited,
	} {
		sections["Enrollment"] = append(sections["Enrollment"], string(s))
	}
	for _, s := range []contract.SendStatus{
		contract.SendQueued, contract.SendSent, contract.SendDelivered, contract.SendOpened, contract.SendClicked, contract.SendBounced, contract.SendComplained,
		contract.SendFailed, contract.SendSuppressed, contract.SendSkipped,
	} {
		sections["Send"] = append(sections["Send"], string(s))
	}
	text := document(t, "docs/state-machines.md")
	for title, states := range sections {
		_, section, found := strings.Cut(text, "\n## "+title+"\n")
		require.True(t, found, title)
		section, _, _ = strings.Cut(section, "\n## ")
		_, picture, found := strings.Cut(section, "```mermaid\n")
		require.True(t, found, title)
		picture, _, _ = strings.Cut(picture, "```")
		// Only the outermost arrows are states of the row; what is within one is indented.
		var shown []string
		for _, arrow := range regexp.MustCompile(`(?m)^    (\S+) --> (\S+?)(?::|$)`).FindAllStringSubmatch(picture, -1) {
			shown = append(shown, arrow[1], arrow[2])
		}
		slices.Sort(shown)
		shown = slices.DeleteFunc(slices.Compact(shown), func(s string) bool { return s == "[*]" })
		slices.Sort(states)
		require.Equal(t, states, shown, title)
	}
}
