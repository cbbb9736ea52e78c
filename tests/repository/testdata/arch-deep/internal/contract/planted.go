// Package contract breaks the import rules on purpose; see tests/repository/arch_test.go.
package contract

import _ "github.com/hogsend/hogsend/internal/store"
