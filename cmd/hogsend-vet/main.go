// Command hogsend-vet checks journeys, by itself or for go vet:
//
//	hogsend-vet ./...
//	go vet -vettool=$(which hogsend-vet) ./...
//
// It exits 1 on findings, and 2 if it could not look.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/tools/go/analysis/unitchecker"

	"github.com/hogsend/hogsend/vet"
)

func main() {
	if byGoVet(os.Args[1:]) {
		unitchecker.Main(vet.Analyzer)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(check(ctx, os.Args[1:]))
}

// byGoVet reports whether the arguments are those of go vet: a question about the tool,
// or flags and the description of one package.
func byGoVet(args []string) bool {
	return len(args) > 0 && (strings.HasPrefix(args[0], "-V=") || args[0] == "-flags" || strings.HasSuffix(args[len(args)-1], ".cfg"))
}

func check(ctx context.Context, patterns []string) int {
	findings, err := vet.Check(ctx, ".", patterns, os.Stdout)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "hogsend-vet:", err)
		return 2
	case findings > 0:
		return 1
	}
	return 0
}
