package hogsendtest

import historypb "go.temporal.io/api/history/v1"

// FirstHistory is the first history that a run made, for the test of the gate, which is
// none of this package because the command that it runs knows this package.
func FirstHistory(r *Result) []*historypb.HistoryEvent { return r.stored[0].events }
