package contract

// AlertsType is the type of the workflow that evaluates alert rules, AlertsID the id of the
// schedule that starts it (O-13). AlertType is that of the workflow of one firing.
const (
	AlertsType = "hogsend-alerts"
	AlertsID   = "hogsend/alerts"
	AlertType  = "hogsend-alert"
)

// AlertWorkflowID is the id of the workflow of a firing, alert-<firing uuid>.
func AlertWorkflowID(firingID string) string { return "alert-" + firingID }

// FailAlertRequest gives a firing up.
type FailAlertRequest struct {
	FiringID string `json:"firingId"`
	Reason   string `json:"reason"`
}

// Encrypted marks it: what a channel answered may tell where it leads.
func (FailAlertRequest) Encrypted() {}
