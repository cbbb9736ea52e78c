package backend

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// What production is configured with unless told otherwise.
const (
	LateHorizon = 24 * time.Hour
	HopLimit    = 10
	DwellRate   = 50
	BuildID     = "hogsendtest"
	Sender      = "Test <test@example.com>"
	PublicURL   = "https://example.com"
	// LateAfter is how long a pause may hold a mail that SkipLate does not leave out.
	LateAfter = time.Hour
)

// Script is what a backend is made for.
type Script struct {
	Registry hogsend.Registry
	Start    time.Time
	People   []Person
	// Scripted are the buckets that the script itself enters and leaves: their criteria
	// are not evaluated (T-42).
	Scripted map[string]bool
	// Schedules lets the instants of schedules come by themselves: only a script that has
	// an end can have that.
	Schedules bool
	// FromDomains are those that mails may come from besides the sender's; Timezone is that
	// of contacts whose own is not known, "" for what the registry says.
	FromDomains []string
	Timezone    string
	// Sends is asked once for each mail that the gate lets pass.
	Sends Sends
}

// Sends are what becomes of the mails of a template.
type Sends interface {
	Next(template string) SendOutcome
}

// SendOutcome is what becomes of one mail; the zero value goes out.
type SendOutcome struct {
	// Status and Reason are a verdict of the gate that the script gives; "" for none.
	Status contract.SendStatus
	Reason contract.SendReason
	// Retries is how often the provider fails before it takes the mail.
	Retries int
	// Refused is the text with which the provider refuses it for good, Unknown that nobody
	// knows what became of it.
	Refused string
	Unknown bool
}

// ContactID is the uuid of a contact of a script: the same one on every backend and each
// time, since arms of variants are chosen by it.
func ContactID(name string) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte("contact "+strings.ToLower(name)))
}

// OrderedProperty is the property by which Postgres knows that the script has put a
// contact into a bucket that it moves itself.
func OrderedProperty(bucketID string) string { return "hogsendtest:" + bucketID }
