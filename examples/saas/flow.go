package saas

import _ "embed"

//go:generate go run ../../cmd/hogsend flow -o hogsend_flow.json .

//go:embed hogsend_flow.json
var flow []byte

// Flow is what the journeys do, read from their source: Studio draws it.
func Flow() []byte { return flow }
