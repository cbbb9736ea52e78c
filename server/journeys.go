package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// counts are the enrollments of a journey by status (§2).
type counts struct {
	Active    int64 `json:"active"`
	Waiting   int64 `json:"waiting"`
	Completed int64 `json:"completed"`
	Failed    int64 `json:"failed"`
	Exited    int64 `json:"exited"`
}

func (c *counts) add(status contract.EnrollmentStatus, n int64) {
	switch status {
	case contract.EnrollmentActive:
		c.Active += n
	case contract.EnrollmentWaiting:
		c.Waiting += n
	case contract.EnrollmentCompleted:
		c.Completed += n
	case contract.EnrollmentFailed:
		c.Failed += n
	case contract.EnrollmentExited:
		c.Exited += n
	}
}

type trigger struct {
	Event string          `json:"event"`
	Where json.RawMessage `json:"where,omitempty"`
	Date  *dateTrigger    `json:"date,omitempty"`
}

// dateTrigger is what OnDate triggers on.
type dateTrigger struct {
	Property string `json:"property"`
	Before   *dur   `json:"before,omitempty"`
	After    *dur   `json:"after,omitempty"`
	At       string `json:"at,omitempty"`
	Yearly   bool   `json:"yearly"`
}

func dateOf(d *hogsend.DateTrigger) *dateTrigger {
	if d == nil {
		return nil
	}
	out := &dateTrigger{Property: d.Property, At: d.LocalTime, Yearly: d.EveryYear}
	if before := dur(d.Before); before > 0 {
		out.Before = &before
	}
	if after := dur(d.After); after > 0 {
		out.After = &after
	}
	return out
}

// journeyItem is the object JourneyItem of §2.
type journeyItem struct {
	ID          string             `json:"id"`
	Name        string             `json:"name"`
	Description string             `json:"description,omitempty"`
	Enabled     bool               `json:"enabled"`
	Paused      bool               `json:"paused"`
	Trigger     trigger            `json:"trigger"`
	Key         string             `json:"key,omitempty"`
	EntryLimit  hogsend.EntryLimit `json:"entryLimit"`
	Counts      counts             `json:"counts"`
	*reactionOf
}

// reactionOf is what a JourneyItem adds for the reaction of a bucket (J-10).
type reactionOf struct {
	SourceBucketID string               `json:"sourceBucketId"`
	ReactionKind   hogsend.ReactionKind `json:"reactionKind"`
	DwellSchedule  *dwellSchedule       `json:"dwellSchedule,omitempty"`
}

type dwellSchedule struct {
	Label string `json:"label"`
	After *dur   `json:"after,omitempty"`
	Every *dur   `json:"every,omitempty"`
}

func reactionReply(r *hogsend.ReactionOf) *reactionOf {
	if r == nil {
		return nil
	}
	out := &reactionOf{SourceBucketID: r.BucketID, ReactionKind: r.Kind}
	if r.Kind == hogsend.ReactionDwell {
		out.DwellSchedule = &dwellSchedule{Label: r.Schedule.Label(), After: durOrNull(r.Schedule.After), Every: durOrNull(r.Schedule.Every)}
	}
	return out
}

// journeyDetail is the reply of R-59.
type journeyDetail struct {
	journeyItem
	EntryPeriod  *dur            `json:"entryPeriod"`
	Audience     json.RawMessage `json:"audience,omitempty"`
	Priority     int             `json:"priority,omitempty"`
	PauseEntries string          `json:"pauseEntries,omitempty"`
	ExitOn       []trigger       `json:"exitOn,omitempty"`
	MinSendGap   dur             `json:"suppress"`
	LastChange   *changeReply    `json:"lastChange,omitempty"`
	RecentStates []stateReply    `json:"recentStates"`
}

// stateReply is the object State of §2.
type stateReply struct {
	ID            uuid.UUID                 `json:"id"`
	ContactID     uuid.UUID                 `json:"contactId"`
	UserID        string                    `json:"userId"`
	UserEmail     string                    `json:"userEmail"`
	JourneyID     string                    `json:"journeyId"`
	CurrentNodeID string                    `json:"currentNodeId"`
	Status        contract.EnrollmentStatus `json:"status"`
	WorkflowRunID *string                   `json:"workflowRunId"`
	Context       json.RawMessage           `json:"context"`
	ErrorMessage  *string                   `json:"errorMessage"`
	ExitReason    *contract.ExitReason      `json:"exitReason"`
	EntryCount    int32                     `json:"entryCount"`
	Key           string                    `json:"key,omitempty"`
	CompletedAt   *ts                       `json:"completedAt"`
	ExitedAt      *ts                       `json:"exitedAt"`
	CreatedAt     ts                        `json:"createdAt"`
	UpdatedAt     ts                        `json:"updatedAt"`
}

func stateOf(e storedb.Enrollment, c storedb.Contact) stateReply {
	out := stateReply{
		ID: e.ID, ContactID: e.ContactID, UserID: contactKey(c), JourneyID: e.JourneyID, CurrentNodeID: e.Node, Status: e.Status,
		WorkflowRunID: e.FirstRunID, Context: e.Context, ErrorMessage: e.Error, ExitReason: e.ExitReason, EntryCount: e.Entry, Key: e.Key,
		CompletedAt: tsOrNull(e.CompletedAt), ExitedAt: tsOrNull(e.ExitedAt), CreatedAt: ts(e.CreatedAt), UpdatedAt: ts(e.UpdatedAt),
	}
	if c.Email != nil {
		out.UserEmail = *c.Email
	}
	return out
}

// logReply is the object Log of §6.2.
type logReply struct {
	ID         uuid.UUID       `json:"id"`
	Action     string          `json:"action"`
	FromNodeID *string         `json:"fromNodeId"`
	ToNodeID   *string         `json:"toNodeId"`
	Detail     json.RawMessage `json:"detail"`
	CreatedAt  ts              `json:"createdAt"`
}

// logOf makes the row's id from what identifies it (J-114).
func logOf(l storedb.StepLog) logReply {
	out := logReply{
		ID:     uuid.NewSHA1(l.EnrollmentID, []byte(l.StepKey+"\x00"+l.Action)),
		Action: l.Action, Detail: l.Detail, CreatedAt: ts(l.At),
	}
	if l.FromNode != "" {
		out.FromNodeID = &l.FromNode
	}
	if l.ToNode != "" {
		out.ToNodeID = &l.ToNode
	}
	return out
}

// served are the enabled journeys (J-12) and the reactions of the buckets in force,
// which no process needs to have compiled in (B-5, B-29).
func (s *Server) served(ctx context.Context) ([]hogsend.Journey, error) {
	rows, err := s.store.AdminBucketDefinitions(ctx)
	if err != nil {
		return nil, fmt.Errorf("read buckets: %w", err)
	}
	all := slices.Clone(s.cfg.Enabled)
	for _, row := range rows {
		var d bucket.Definition
		if err := json.Unmarshal(row.Definition, &d); err != nil {
			return nil, fmt.Errorf("read bucket %s: %w", row.ID, err)
		}
		for i := range d.Reactions {
			j, err := d.Reactions[i].Journey(row.ID)
			if err != nil {
				return nil, err
			}
			all = append(all, j)
		}
	}
	return all, nil
}

// journey finds the journey or reaction that the path names.
func (s *Server) journey(r *request) (hogsend.Journey, error) {
	id, err := param(r, "id")
	if err != nil {
		return hogsend.Journey{}, err
	}
	all, err := s.served(r.ctx())
	if err != nil {
		return hogsend.Journey{}, err
	}
	for _, j := range all {
		if j.ID == id {
			return j, nil
		}
	}
	return hogsend.Journey{}, notFound("Journey not found")
}

// ids are the ids under which enrollments of the journey are stored (J-13).
func ids(j hogsend.Journey) []string { return operate.IDs(j) }

// items describes journeys with their switches and counts.
func (s *Server) items(ctx context.Context, journeys []hogsend.Journey) ([]journeyItem, error) {
	configs, err := s.store.AdminJourneyConfigs(ctx)
	if err != nil {
		return nil, err
	}
	off, paused := map[string]bool{}, map[string]bool{}
	for _, c := range configs {
		off[c.JourneyID], paused[c.JourneyID] = !c.Enabled, c.PausedAt != nil
	}
	var all []string
	owner := map[string]int{}
	out := make([]journeyItem, len(journeys))
	for i, j := range journeys {
		out[i] = journeyItem{
			ID: j.ID, Name: j.Name, Description: j.Description, Enabled: !j.Disabled && !off[j.ID],
			Trigger: trigger{Event: j.Trigger.Event}, Key: j.Key, EntryLimit: j.EntryLimit, reactionOf: reactionReply(j.Reaction),
		}
		for _, id := range ids(j) {
			all, owner[id] = append(all, id), i
			out[i].Paused = out[i].Paused || paused[id]
		}
	}
	rows, err := s.store.AdminJourneyCounts(ctx, all)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		out[owner[row.JourneyID]].Counts.add(row.Status, row.Total)
	}
	return out, nil
}

// listJourneys is R-58.
func (s *Server) listJourneys(r *request) error {
	q := queryOf(r)
	p, enabled := q.page(), q.boolean("enabled")
	if err := q.err(); err != nil {
		return err
	}
	all, err := s.served(r.ctx())
	if err != nil {
		return err
	}
	items, err := s.items(r.ctx(), all)
	if err != nil {
		return err
	}
	if enabled != nil {
		items = slices.DeleteFunc(items, func(i journeyItem) bool { return i.Enabled != *enabled })
	}
	slices.SortFunc(items, func(a, b journeyItem) int { return strings.Compare(a.ID, b.ID) })
	p.Total = int64(len(items))
	return reply(r, http.StatusOK, struct {
		Journeys []journeyItem `json:"journeys"`
		page
	}{cut(p, items), p})
}

// getJourney is R-59.
func (s *Server) getJourney(r *request) error {
	j, err := s.journey(r)
	if err != nil {
		return err
	}
	items, err := s.items(r.ctx(), []hogsend.Journey{j})
	if err != nil {
		return err
	}
	out := journeyDetail{journeyItem: items[0], Priority: j.Priority, MinSendGap: dur(j.MinSendGap), RecentStates: []stateReply{}}
	if out.Trigger, err = triggerOf(j.Trigger.Event, j.Trigger.Conditions); err != nil {
		return err
	}
	out.Trigger.Date = dateOf(j.Trigger.Date)
	if out.Paused {
		if out.PauseEntries, err = s.pauseEntries(r, j); err != nil {
			return err
		}
	}
	if j.Audience != nil {
		if out.Audience, err = criteria.MarshalTree(j.Audience); err != nil {
			return err
		}
	}
	for _, rule := range j.ExitOn {
		t, err := triggerOf(rule.Event, rule.Where)
		if err != nil {
			return err
		}
		out.ExitOn = append(out.ExitOn, t)
	}
	if j.EntryLimit == hogsend.OncePerPeriod {
		period := dur(j.EntryPeriod)
		if period == 0 {
			period = dur(24 * time.Hour) // J-29
		}
		out.EntryPeriod = &period
	}
	for _, id := range ids(j) {
		configs, err := s.store.PauseConfig(r.ctx(), id)
		if err != nil {
			return err
		}
		for _, row := range configs {
			if out.LastChange, err = newest(out.LastChange, row.LastChange); err != nil {
				return err
			}
		}
	}
	rows, err := s.store.AdminStatesRecent(r.ctx(), ids(j))
	if err != nil {
		return err
	}
	for _, row := range rows {
		out.RecentStates = append(out.RecentStates, stateOf(row.Enrollment, row.Contact))
	}
	return reply(r, http.StatusOK, map[string]any{"journey": out})
}

func triggerOf(event string, where []hogsend.Condition) (trigger, error) {
	t := trigger{Event: event}
	if len(where) == 0 {
		return t, nil
	}
	var err error
	t.Where, err = criteria.Marshal(where)
	return t, err
}

// switchJourney is R-60. A switch can only disable (J-33).
func (s *Server) switchJourney(r *request) error {
	j, err := s.journey(r)
	if err != nil {
		return err
	}
	enabled, reason, err := readSwitch(r)
	if err != nil {
		return err
	}
	if enabled && j.Disabled {
		return conflict("Journey is disabled in code")
	}
	row, err := s.desk.SwitchJourney(r.ctx(), s.who(r), j, enabled, reason, s.instant())
	if err != nil {
		return err
	}
	return reply(r, http.StatusOK, map[string]any{"journey": switched{j.ID, j.Name, enabled, ts(row.UpdatedAt)}})
}

// listStates is R-63.
func (s *Server) listStates(r *request) error {
	j, err := s.journey(r)
	if err != nil {
		return err
	}
	q := queryOf(r)
	p, status, key := q.page(), q.oneOf("status", "active", "waiting", "completed", "failed", "exited"), q.optional("key")
	contact, none, err := s.filterContact(r, q)
	if err = errors.Join(q.err(), err); err != nil {
		return err
	}
	states := []stateReply{}
	if !none {
		if p.Total, err = s.store.AdminStatesCount(r.ctx(), storedb.AdminStatesCountParams{JourneyIds: ids(j), Status: status, ContactID: contact, Key: key}); err != nil {
			return err
		}
		rows, err := s.store.AdminStatesList(r.ctx(), storedb.AdminStatesListParams{
			JourneyIds: ids(j), Status: status, ContactID: contact, Key: key, RowOffset: p.Offset, RowLimit: p.Limit, MaxBytes: maxListBytes,
		})
		if err != nil {
			return err
		}
		p.shown(len(rows))
		for _, row := range rows {
			states = append(states, stateOf(row.Enrollment, row.Contact))
		}
	}
	return reply(r, http.StatusOK, struct {
		States []stateReply `json:"states"`
		page
	}{states, p})
}

// state finds the enrollment that the path names.
func (s *Server) state(r *request) (storedb.AdminStateGetRow, error) {
	id, err := idParam(r, "stateId")
	if err != nil {
		return storedb.AdminStateGetRow{}, err
	}
	row, err := s.store.StateGet(r.ctx(), id)
	if errors.Is(err, store.ErrNotFound) {
		return row, notFound("State not found")
	}
	return row, err
}

// stateOfJourney finds the enrollment that the path names within its journey.
func (s *Server) stateOfJourney(r *request) (storedb.AdminStateGetRow, error) {
	j, err := s.journey(r)
	if err != nil {
		return storedb.AdminStateGetRow{}, err
	}
	row, err := s.state(r)
	if err == nil && !slices.Contains(ids(j), row.Enrollment.JourneyID) {
		err = notFound("State not found")
	}
	return row, err
}

// maxLogs is how many rows R-64 shows; R-69 pages through all of them.
const maxLogs = 1000

// getState is R-64.
func (s *Server) getState(r *request) error {
	row, err := s.stateOfJourney(r)
	if err != nil {
		return err
	}
	logs, err := s.logs(r.ctx(), row.Enrollment.ID, page{Limit: maxLogs})
	if err != nil {
		return err
	}
	return reply(r, http.StatusOK, struct {
		State stateReply `json:"state"`
		Logs  []logReply `json:"logs"`
	}{stateOf(row.Enrollment, row.Contact), logs})
}

// listLogs is R-69.
func (s *Server) listLogs(r *request) error {
	row, err := s.state(r)
	if err != nil {
		return err
	}
	q := queryOf(r)
	p := q.page()
	if err := q.err(); err != nil {
		return err
	}
	if p.Total, err = s.store.AdminLogsCount(r.ctx(), row.Enrollment.ID); err != nil {
		return err
	}
	logs, err := s.logs(r.ctx(), row.Enrollment.ID, p)
	if err != nil {
		return err
	}
	p.shown(len(logs))
	return reply(r, http.StatusOK, struct {
		State stateReply `json:"state"`
		Logs  []logReply `json:"logs"`
		page
	}{stateOf(row.Enrollment, row.Contact), logs, p})
}

func (s *Server) logs(ctx context.Context, enrollment uuid.UUID, p page) ([]logReply, error) {
	rows, err := s.store.AdminLogsList(ctx, storedb.AdminLogsListParams{EnrollmentID: enrollment, RowOffset: p.Offset, RowLimit: p.Limit, MaxBytes: maxListBytes})
	if err != nil {
		return nil, err
	}
	logs := make([]logReply, len(rows))
	for i, l := range rows {
		logs[i] = logOf(l)
	}
	return logs, nil
}

// pauseEntries says what the pause of a journey does with new entries (J-168).
func (s *Server) pauseEntries(r *request, j hogsend.Journey) (string, error) {
	for _, id := range ids(j) {
		rows, err := s.store.PauseConfig(r.ctx(), id)
		if err != nil {
			return "", err
		}
		for _, row := range rows {
			if row.PausedAt != nil {
				return row.PauseEntries, nil
			}
		}
	}
	return "", nil
}
