// Package memory plays scripts in memory. It keeps what Postgres keeps in production
// (contacts, events, enrollments, waits, memberships, sends, preferences, the outbox) as
// rows of its own, loads and writes them as production does, and leaves every decision
// to package decide: what a script comes to here it comes to there.
package memory

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/registry"
)

// Config is what a backend is made of.
type Config struct {
	backend.Setting
	Renderer *email.Renderer
	// Arms are forced arms of variants, by contact and name.
	Arms map[[2]string]string
}

// Backend is a backend in memory. Its methods are called by one goroutine at a time; mu
// makes that visible to all.
type Backend struct {
	Config
	mu      sync.Mutex
	decider decide.Config
	index   *registry.Index
	// authored has reactions as their author defined them; those in force leave out what only
	// sends look at.
	authored *registry.Index
	buckets  *decide.Buckets
	windows  []criteria.Window    // of all buckets that are evaluated
	known    map[string]bool      // names of events that something listens to
	due      map[string]time.Time // the next instant of each schedule, by event
	ticked   time.Time            // up to when edges were applied
	rules    []*steps.DateRule    // journeys that dates trigger
	dates    map[datePlace]*steps.DateDue

	contacts    []*contact
	byID        map[uuid.UUID]*contact // merged ones lead to the survivor
	byName      map[string]*contact
	keys        map[decide.ContactKey]uuid.UUID
	taken       map[eventKey]uuid.UUID // the contact that took it
	events      []*event
	eventByID   map[uuid.UUID]*event
	enrollments map[uuid.UUID]*enrollment
	order       []*enrollment
	waits       []*wait
	waitByID    map[uuid.UUID]*wait
	digests     []*digest
	paused      []*pausedEffect
	preferences []*preference
	sends       []*send
	sendByKey   map[string]*send
	deferrals   map[string]*deferral // by the key of the send
	once        map[string]json.RawMessage
	decisions   []decide.Decision
	logs        []stepLog
	logged      map[logKey]int
	captures    []backend.Capture
	changes     []backend.PropertyChange
	switches    map[string]*journeySwitch // by the present id
	outbox      []backend.Message
	told        map[string]bool // keys of the outbox
	ids         uint64
}

type eventKey struct{ space, key string }

// idOf is the id of something that a step may make again.
func idOf(parts ...any) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte(strings.TrimSuffix(fmt.Sprintln(parts...), "\n")))
}

// newID makes a uuid in the order of time, the same in each play of a script.
func (b *Backend) newID() uuid.UUID {
	b.ids++
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], b.ids<<16)
	id[6], id[8] = 0x70, 0x80
	binary.BigEndian.PutUint32(id[12:], uint32(b.ids)) //nolint:gosec // low bits, for the eye
	return id
}

func (b *Backend) canonical(journeyID string) string { return b.index.ID(journeyID) }

// Activities implements backend.Backend. Each may run any number of times with the
// effect of once.
func (b *Backend) Activities() map[string]any {
	return map[string]any{
		contract.ClaimEnrollmentName:     of(b, b.claim),
		contract.FinishEnrollmentName:    of(b, b.finishEnrollment),
		contract.BeginWaitName:           of(b, b.beginWait),
		contract.EndWaitName:             of(b, b.endWait),
		contract.ReadContactName:         locked(b, b.readContact),
		contract.IsSubscribedName:        of(b, b.isSubscribed),
		contract.MatchesName:             of(b, b.matches),
		contract.SendName:                b.sendMail,
		contract.TriggerName:             of(b, b.trigger),
		contract.CheckpointName:          of(b, b.checkpoint),
		contract.KeepOnceName:            of(b, b.keepOnce),
		contract.ReadOnceName:            locked(b, b.readOnce),
		contract.ExitName:                of(b, b.exit),
		contract.BeginCallName:           of(b, b.beginCall),
		contract.EndCallName:             of(b, b.endCall),
		contract.AbandonPausedEffectName: of(b, b.abandon),
		contract.DwellName:               locked(b, b.dwell),
		contract.IdentifyName:            of(b, b.identify),
		contract.CaptureName:             of(b, b.capture),
		contract.FindInstantName:         of(b, b.findInstant),
		contract.ReadTimezoneName:        locked(b, b.readTimezone),
		contract.PastEventsName:          of(b, b.pastEvents),
		contract.PastEntriesName:         of(b, b.pastEntries),
		contract.PastMailsName:           of(b, b.pastMails),
		contract.ChooseVariantName:       of(b, b.chooseVariant),
		contract.ThrottleName:            of(b, b.throttle),
		contract.CollectDigestName:       of(b, b.collectDigest),
	}
}

// locked makes an activity of a method.
func locked[Request, Result any](b *Backend, fn func(Request) (Result, error)) func(context.Context, Request) (Result, error) {
	return func(_ context.Context, r Request) (Result, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		result, err := fn(r)
		return result, final(err)
	}
}

// of makes an activity of a method that is about an enrollment.
func of[Request interface{ Of() string }, Result any](b *Backend, fn func(*enrollment, Request) (Result, error)) func(context.Context, Request) (Result, error) {
	return locked(b, func(r Request) (result Result, err error) {
		n, err := b.enrollment(r.Of())
		if err != nil {
			return result, err
		}
		return fn(n, r)
	})
}

// final hands the errors of authors to their journeys as they are, as production does.
func final(err error) error {
	var invalid *hogsend.ValidationError
	var failed *hogsend.SendError
	switch {
	case errors.As(err, &invalid):
		return temporal.NewNonRetryableApplicationError(invalid.Error(), contract.ErrorTypeValidation, nil, *invalid)
	case errors.As(err, &failed):
		return temporal.NewNonRetryableApplicationError(failed.Error(), contract.ErrorTypeSend, nil, *failed)
	case errors.Is(err, errNotFound):
		return temporal.NewNonRetryableApplicationError(err.Error(), "NotFound", err)
	}
	return err
}

var errNotFound = errors.New("not found")

// Close implements backend.Backend.
func (b *Backend) Close() {}

// Outbox implements backend.Backend.
func (b *Backend) Outbox() ([]backend.Message, error) {
	messages := b.outbox
	b.outbox = nil
	return messages, nil
}

// datePlace is where a contact is due: in one journey.
type datePlace struct {
	contact uuid.UUID
	journey string
}
