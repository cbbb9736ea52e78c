package memory

import (
	"github.com/hogsend/hogsend/internal/decide"
)

// transaction is one change under way: the backend of its decider.
type transaction struct {
	*Backend
	identities *decide.Identities
}
