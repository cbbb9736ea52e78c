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
	if len(os.Args) == 2 && (strings.HasPrefix(os.Args[1], "-V=") || os.Args[1] == "-flags" || strings.HasSuffix(os.Args[1], ".cfg")) {
		unitchecker.Main(vet.Analyzer)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(check(ctx, os.Args[1:]))
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
