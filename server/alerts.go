package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/alert"
	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// ruleReply is the object Rule of §6.6.
type ruleReply struct {
	ID              uuid.UUID       `json:"id"`
	Name            string          `json:"name"`
	Type            string          `json:"type"`
	Threshold       json.RawMessage `json:"threshold"`
	Channel         string          `json:"channel"`
	ChannelConfig   json.RawMessage `json:"channelConfig"`
	Enabled         bool            `json:"enabled"`
	CooldownMinutes int32           `json:"cooldownMinutes"`
	LastFiredAt     *ts             `json:"lastFiredAt"`
	CreatedAt       ts              `json:"createdAt"`
	UpdatedAt       ts              `json:"updatedAt"`
}

func ruleOf(r storedb.AlertRule) ruleReply {
	return ruleReply{
		r.ID, r.Name, r.Type, r.Threshold, r.Channel, r.Shown, r.Enabled, r.CooldownMinutes, tsOrNull(r.LastFiredAt), ts(r.CreatedAt), ts(r.UpdatedAt),
	}
}

// firingReply is one entry of R-109.
type firingReply struct {
	ID             uuid.UUID       `json:"id"`
	AlertRuleID    uuid.UUID       `json:"alertRuleId"`
	Payload        json.RawMessage `json:"payload"`
	DeliveryStatus string          `json:"deliveryStatus"`
	Error          *string         `json:"error"`
	CreatedAt      ts              `json:"createdAt"`
}

// listRules is R-105, in the order in which they were made.
func (s *Server) listRules(r *request) error {
	q := queryOf(r)
	p := q.page()
	if err := q.err(); err != nil {
		return err
	}
	var err error
	if p.Total, err = s.store.AlertRulesCount(r.ctx()); err != nil {
		return err
	}
	rows, err := s.store.AlertRulesList(r.ctx(), p.Offset, p.Limit)
	if err != nil {
		return err
	}
	rules := make([]ruleReply, len(rows))
	for i, row := range rows {
		rules[i] = ruleOf(row)
	}
	return reply(r, http.StatusOK, struct {
		Rules []ruleReply `json:"rules"`
		page
	}{rules, p})
}

// cooldownDefault is how long a rule is silent after it fired, in minutes, maxCooldown the
// longest time.
const (
	cooldownDefault = 60
	maxCooldown     = 30 * 24 * 60
)

// rule reads the fields that have in common over those of a rule.
func (s *Server) rule(r *request, o *object, rule *storedb.AlertRule) error {
	if name := rule.Name; o.read("name", "a string", &name) || rule.Name == "" {
		if strings.TrimSpace(name) == "" || utf8.RuneCountInString(name) > maxKeyName {
			o.report("name", "must have 1 to 100 characters")
		}
		rule.Name = name
	}
	var threshold, config map[string]json.RawMessage
	if o.read("threshold", "an object", &threshold) && !o.found {
		var t alert.Threshold
		if err := json.Unmarshal(rule.Threshold, &t); err != nil {
			return err
		}
		t, err := t.With(threshold)
		var wrong *hogsend.ValidationError
		if errors.As(err, &wrong) {
			o.report(wrong.Field, wrong.Message)
		}
		if rule.Threshold, err = json.Marshal(t); err != nil {
			return err
		}
	}
	given := o.read("channelConfig", "an object", &config)
	if !given && rule.Config == "" {
		o.report("channelConfig", "is required")
	}
	if s.cfg.Alerts == nil {
		return noCourier()
	}
	if given && alert.Channel(rule.Channel).Valid() {
		sealed, shown, err := s.cfg.Alerts.Configure(r.ctx(), alert.Channel(rule.Channel), config, rule.Config)
		var wrong *hogsend.ValidationError
		switch {
		case errors.As(err, &wrong):
			o.report(wrong.Field, wrong.Message)
		case err != nil:
			return err
		}
		rule.Config, rule.Shown = sealed, shown
	}
	minutes := rule.CooldownMinutes
	if o.read("cooldownMinutes", "an integer", &minutes) && (minutes < 1 || minutes > maxCooldown) {
		o.report("cooldownMinutes", "must be an integer from 1 to "+itoa(maxCooldown))
	}
	rule.CooldownMinutes = minutes
	if enabled := o.boolean("enabled"); enabled != nil {
		rule.Enabled = *enabled
	}
	return o.err()
}

// postRule is R-106.
func (s *Server) postRule(r *request) error {
	o, err := readObject(r)
	if err != nil {
		return err
	}
	now := s.instant()
	rule := storedb.AlertRule{ID: uuid.Must(uuid.NewV7()), Enabled: true, CooldownMinutes: cooldownDefault, CreatedAt: now, UpdatedAt: now}
	o.read("type", "a string", &rule.Type)
	o.read("channel", "a string", &rule.Channel)
	t, known := alert.Default(alert.Type(rule.Type))
	if !known {
		o.report("type", "must be one of "+strings.Join(words(alert.Types()), ", "))
	}
	if !alert.Channel(rule.Channel).Valid() {
		o.report("channel", "must be webhook, slack or email")
	}
	if rule.Threshold, err = json.Marshal(t); err != nil {
		return err
	}
	if err := s.rule(r, o, &rule); err != nil {
		return err
	}
	err = s.desk.InsertAlert(r.ctx(), s.who(r), storedb.AlertRuleInsertParams{
		ID: rule.ID, Name: rule.Name, Type: rule.Type, Threshold: rule.Threshold, Channel: rule.Channel, Config: rule.Config, Shown: rule.Shown,
		Enabled: rule.Enabled, CooldownMinutes: rule.CooldownMinutes, Now: now,
	})
	if errors.Is(err, operate.ErrTooManyRules) {
		return conflict("At most 100 alert rules")
	}
	if err != nil {
		return err
	}
	return reply(r, http.StatusCreated, map[string]any{"rule": ruleOf(rule)})
}

func words[T ~string](all []T) []string {
	out := make([]string, len(all))
	for i, one := range all {
		out[i] = string(one)
	}
	slices.Sort(out)
	return out
}

func noCourier() error {
	return &refusal{status: http.StatusServiceUnavailable, text: "Alerts are not configured"}
}

const noRule = "Alert rule not found"

// patchRule is R-107. Type and channel stay what they are.
func (s *Server) patchRule(r *request) error {
	id, err := idParam(r, "id")
	if err != nil {
		return err
	}
	o, err := readObject(r)
	if err != nil {
		return err
	}
	for {
		before, err := s.alertRule(r, id)
		if err != nil {
			return err
		}
		rule, asked := before, *o
		if err := s.rule(r, &asked, &rule); err != nil {
			return err
		}
		rule, err = s.desk.EditAlert(r.ctx(), s.who(r), before, rule)
		switch {
		case errors.Is(err, operate.ErrEdited):
			continue
		case errors.Is(err, store.ErrNotFound):
			return notFound(noRule)
		case err != nil:
			return err
		}
		return reply(r, http.StatusOK, map[string]any{"rule": ruleOf(rule)})
	}
}

// alertRule is the rule of an id.
func (s *Server) alertRule(r *request, id uuid.UUID) (storedb.AlertRule, error) {
	rows, err := s.store.AlertRuleGet(r.ctx(), id)
	if err == nil && len(rows) == 0 {
		err = notFound(noRule)
	}
	if err != nil {
		return storedb.AlertRule{}, err
	}
	return rows[0], nil
}

// deleteRule is R-108.
func (s *Server) deleteRule(r *request) error {
	id, err := idParam(r, "id")
	if err != nil {
		return err
	}
	err = s.desk.DeleteAlert(r.ctx(), s.who(r), id)
	if errors.Is(err, store.ErrNotFound) {
		return notFound(noRule)
	}
	if err != nil {
		return err
	}
	return reply(r, http.StatusOK, map[string]bool{"deleted": true})
}

// testRule is R-130.
func (s *Server) testRule(r *request) error {
	id, err := idParam(r, "id")
	if err != nil {
		return err
	}
	if _, err := readObject(r); err != nil {
		return err
	}
	rule, err := s.alertRule(r, id)
	if err != nil {
		return err
	}
	var t alert.Threshold
	if err := json.Unmarshal(rule.Threshold, &t); err != nil {
		return err
	}
	if s.cfg.Alerts == nil {
		return noCourier()
	}
	failed := s.cfg.Alerts.Try(r.ctx(), alert.Channel(rule.Channel), rule.Config, alert.Firing{
		Rule: rule.Name, RuleID: rule.ID.String(), Type: alert.Type(rule.Type), Window: t.WindowMinutes, Threshold: t.Limit(), At: s.instant(),
	})
	if err := s.desk.TriedAlert(r.ctx(), s.who(r), id, failed == nil); err != nil {
		return err
	}
	out := struct {
		Delivered bool    `json:"delivered"`
		Error     *string `json:"error"`
	}{Delivered: failed == nil}
	if failed != nil {
		text := failed.Error()
		out.Error = &text
	}
	return reply(r, http.StatusOK, out)
}

// listFirings is R-109; what is still being delivered is not among them.
func (s *Server) listFirings(r *request) error {
	q := queryOf(r)
	p := q.page()
	params := storedb.AlertHistoryListParams{RuleID: q.id("ruleId"), RowOffset: p.Offset, RowLimit: p.Limit}
	params.Since, params.Until = q.span()
	if err := q.err(); err != nil {
		return err
	}
	var err error
	if p.Total, err = s.store.AlertHistoryCount(r.ctx(), params.RuleID, params.Since, params.Until); err != nil {
		return err
	}
	rows, err := s.store.AlertHistoryList(r.ctx(), params)
	if err != nil {
		return err
	}
	history := make([]firingReply, len(rows))
	for i, row := range rows {
		history[i] = firingReply{row.ID, row.RuleID, row.Payload, row.Status, row.Error, ts(row.CreatedAt)}
	}
	return reply(r, http.StatusOK, struct {
		History []firingReply `json:"history"`
		page
	}{history, p})
}
