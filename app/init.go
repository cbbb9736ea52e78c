package app

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"go/format"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"text/template"
	"unicode"

	"github.com/spf13/cobra"
)

//go:embed scaffold/*.tmpl
var scaffold embed.FS

// scaffolded are the files of a new project and what they are made of.
func scaffolded(name string) map[string]string {
	return map[string]string{
		"go.mod": "go.mod.tmpl", "registry.go": "registry.go.tmpl", "welcome.go": "welcome.go.tmpl", "welcome_test.go": "welcome_test.go.tmpl",
		"templates/layout.html": "layout.html.tmpl", "templates/welcome.html": "welcome.html.tmpl", "templates/nudge.html": "nudge.html.tmpl",
		"cmd/" + name + "/main.go": "main.go.tmpl", "Taskfile.yml": "Taskfile.yml.tmpl", ".github/workflows/ci.yml": "ci.yml.tmpl",
		".gitignore": "gitignore.tmpl", "README.md": "README.md.tmpl",
	}
}

// project is what the files of a new project name.
type project struct {
	Name, Module, Package string
	// Version is that of hogsend, Replace a checkout of it to use instead; "" for none.
	Version, Replace string
	Go               string
}

func (p *program) initCommand() *cobra.Command {
	var module, replace string
	var noTidy bool
	cmd := &cobra.Command{
		Use: "init DIR", Short: "Make a project of your own: a journey, its mails, its test, and a program", Args: cobra.ExactArgs(1),
		Long: `Makes a project in a folder that is empty or does not exist: a Go module with a registry, a
journey, its mails and its test, a lean program, a Taskfile, a CI file and a .gitignore; then
runs go mod tidy. From there to the first mail:

  hogsend init shop && cd shop
  hogsend dev --watch ./cmd/shop
  hogsend events send user.created --user ada --email ada@example.com    # in another terminal

The hogsend command is a tool of the module as well: go tool hogsend.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.initProject(cmd.Context(), args[0], module, replace, !noTidy)
		},
	}
	cmd.Flags().StringVar(&module, "module", "", "path of the Go module, such as example.com/shop (default: the folder's name)")
	cmd.Flags().StringVar(&replace, "replace", "", "a checkout of hogsend to use instead of a release (default: the current folder, if it is one)")
	cmd.Flags().BoolVar(&noTidy, "no-tidy", false, "do not run go mod tidy, which may download modules")
	return cmd
}

// modulePattern is what a module path may be here: what go accepts, and nothing that needs
// quoting.
var modulePattern = regexp.MustCompile(`^[a-z0-9][A-Za-z0-9._~-]*(/[A-Za-z0-9._~-]+)*$`)

func (p *program) initProject(ctx context.Context, dir, module, replace string, tidy bool) error {
	path := dir
	if !filepath.IsAbs(path) {
		path = filepath.Join(p.Dir, path)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	project, err := p.newProject(path, module, replace)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("init: %w", err)
	}
	for _, e := range entries {
		if e.Name() != ".git" {
			return fmt.Errorf("init: %s is not empty: it has %s", dir, e.Name())
		}
	}
	for file, from := range scaffolded(project.Name) {
		body, err := project.render(file, from)
		if err != nil {
			return err
		}
		target := filepath.Join(path, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil { //nolint:gosec // source code is for everybody
			return fmt.Errorf("init: %w", err)
		}
		if err := os.WriteFile(target, body, 0o644); err != nil { //nolint:gosec // see above
			return fmt.Errorf("init: %w", err)
		}
	}
	if tidy {
		p.progress("go mod tidy, which downloads what is missing")
		cmd := exec.CommandContext(ctx, "go", "mod", "tidy")
		cmd.Dir, cmd.Env = path, p.Environ
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s is made, but go mod tidy failed in it: %w\n%s", dir, err, bytes.TrimSpace(out))
		}
	}
	printLine(p.Stdout, "%s is a project now; next:\n\n  cd %s\n  hogsend dev --watch ./cmd/%s\n  hogsend events send user.created --user ada --email ada@example.com    # in another terminal\n\n",
		dir, dir, project.Name)
	printLine(p.Stdout, "go test ./... plays its journey; README.md of the folder tells the rest.\n")
	return nil
}

func (p *program) newProject(path, module, replace string) (project, error) {
	name := identifier(filepath.Base(path))
	if name == "" {
		return project{}, fmt.Errorf("init: the folder's name %q has no letters to name a package by; choose another one", filepath.Base(path))
	}
	if module == "" {
		module = name
	}
	if !modulePattern.MatchString(module) || strings.HasPrefix(module, modulePath) {
		return project{}, fmt.Errorf("--module: %q is no module path such as example.com/shop", module)
	}
	if replace == "" && isCheckout(p.Dir) {
		replace = first(p.Dir, ".")
	}
	if replace != "" {
		var err error
		if replace, err = filepath.Abs(replace); err != nil {
			return project{}, fmt.Errorf("--replace: %w", err)
		}
		if !isCheckout(replace) {
			return project{}, fmt.Errorf("--replace: %s is no checkout of hogsend", replace)
		}
		if strings.ContainsAny(replace, " \t\"'`\n") {
			replace = "`" + replace + "`"
		}
	}
	return project{Name: name, Package: name, Module: module, Version: libraryVersion(), Replace: replace, Go: goVersion}, nil
}

// goVersion is the least version of Go that hogsend needs.
const goVersion = "1.26.8"

// isCheckout reports whether the module of a folder is hogsend itself.
func isCheckout(dir string) bool {
	body, err := os.ReadFile(filepath.Join(dir, "go.mod")) //nolint:gosec // of the folder that the command names
	return err == nil && (bytes.HasPrefix(body, []byte("module "+modulePath+"\n")) || bytes.HasPrefix(body, []byte("module "+modulePath+"\r\n")))
}

// identifier makes a Go package's name of the name of a folder.
func identifier(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) && b.Len() > 0) {
			b.WriteRune(r)
		}
	}
	switch name := b.String(); {
	case token.IsKeyword(name), name == "main", name == "hogsend", name == "app", name == "init", name == "workflow", name == "embed", name == "fmt", name == "files", name == "file", name == "welcome":
		return name + "mail"
	default:
		return name
	}
}

// libraryVersion is the version of hogsend that this binary is built with.
func libraryVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
			if m.Path == modulePath && m.Replace == nil && strings.HasPrefix(m.Version, "v") && !strings.Contains(m.Version, "+") {
				return m.Version
			}
		}
	}
	return "v" + Version
}

// render makes a file of the project. Templates of mails are left as they are.
func (p project) render(file, from string) ([]byte, error) {
	body, err := scaffold.ReadFile("scaffold/" + from)
	if err != nil {
		return nil, fmt.Errorf("init: %w", err)
	}
	t, err := template.New(file).Delims("<<", ">>").Parse(string(body))
	if err != nil {
		return nil, fmt.Errorf("init: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return nil, fmt.Errorf("init: %w", err)
	}
	if strings.HasSuffix(file, ".go") {
		if body, err = format.Source(b.Bytes()); err != nil {
			return nil, fmt.Errorf("init: format %s: %w", file, err)
		}
		return body, nil
	}
	return b.Bytes(), nil
}
