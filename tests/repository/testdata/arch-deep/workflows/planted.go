// Package workflows imports nothing that it must not, but what it imports does; see
// tests/repository/arch_test.go.
package workflows

import _ "github.com/hogsend/hogsend/internal/contract"
