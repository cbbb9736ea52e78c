package ingest

import (
	"time"

	"github.com/hogsend/hogsend/internal/decide/check"
)

// Problem is one breach of the limits of I-10 to I-14.
type Problem = check.Problem

// Validate lists what of the event breaks I-10 to I-14, by path; none means it may be
// ingested. The bound of Timestamp is taken against this process's clock.
func Validate(e *Event) []Problem { return check.Event(e, time.Now()) }
