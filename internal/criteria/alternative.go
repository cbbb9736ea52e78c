package criteria

import (
	"encoding/json"
	"time"
)

// Alternative is one of several events that a wait is for, as it is stored (J-130).
type Alternative struct {
	Event string `json:"event"`
	// Where are its conditions, as Marshal writes them; none is nil.
	Where json.RawMessage `json:"where,omitempty"`
	// Lookback is as of a wait for one event (J-128).
	Lookback time.Duration `json:"lookback,omitempty"`
	// Fresh looks back to nothing (J-160).
	Fresh bool `json:"fresh,omitempty"`
}
