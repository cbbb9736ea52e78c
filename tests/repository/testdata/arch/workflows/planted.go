// Package workflows breaks the import rules on purpose; see tests/repository/arch_test.go.
package workflows

import (
	_ "fmt"
	_ "net/http"

	_ "go.temporal.io/sdk/client"
	_ "go.temporal.io/sdk/workflow"

	_ "github.com/hogsend/hogsend"
	_ "github.com/hogsend/hogsend/internal/contract"
	_ "github.com/hogsend/hogsend/internal/store"
)
