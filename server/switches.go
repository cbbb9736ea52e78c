package server

// readSwitch reads the body of a switch.
func readSwitch(r *request) (enabled bool, reason string, err error) {
	o, err := readObject(r)
	if err != nil {
		return false, "", err
	}
	reason = o.text("reason", maxReason)
	given := o.boolean("enabled")
	if given == nil && !o.found {
		o.report("enabled", "must be true or false")
	}
	if err := o.err(); err != nil {
		return false, "", err
	}
	return *given, reason, nil
}

// switched is a journey or a bucket after a switch.
type switched struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Enabled   bool   `json:"enabled"`
	UpdatedAt ts     `json:"updatedAt"`
}
