package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// sourceItem is one source of R-121.
type sourceItem struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Auth       string `json:"auth"`
	Variable   string `json:"variable"`
	Configured bool   `json:"configured"`
	URL        string `json:"url"`
}

// destinationItem is one destination of R-121.
type destinationItem struct {
	ID        string   `json:"id"`
	URL       *string  `json:"url"`
	Events    []string `json:"events"`
	SeenAt    ts       `json:"seenAt"`
	Pending   int64    `json:"pending"`
	LastError *string  `json:"lastError"`
}

// listWebhooks is R-121: who may tell us, and whom we tell.
func (s *Server) listWebhooks(r *request) error {
	sources := []sourceItem{}
	for _, source := range s.cfg.Registry.Sources {
		name := source.Name
		if name == "" {
			name = source.ID
		}
		sources = append(sources, sourceItem{
			ID: source.ID, Name: name, Auth: string(source.Auth.Type), Variable: source.Auth.SecretEnv, Configured: s.cfg.Sources[source.ID] != nil,
			URL: strings.TrimSuffix(s.cfg.PublicURL, "/") + "/v1/webhooks/" + source.ID,
		})
	}
	rows, err := s.store.DestinationsList(r.ctx())
	if err != nil {
		return fmt.Errorf("list destinations: %w", err)
	}
	destinations := make([]destinationItem, len(rows))
	for i, row := range rows {
		destinations[i] = destinationItem{ID: row.ID, Events: row.Events, SeenAt: ts(row.SeenAt), Pending: row.Pending, LastError: row.LastError}
		if k := slices.IndexFunc(s.cfg.Registry.Webhooks, func(w hogsend.Webhook) bool { return w.ID == row.ID }); k >= 0 {
			origin := originOf(s.cfg.Registry.Webhooks[k].URL) // its path and query may be a secret
			destinations[i].URL = &origin
		}
	}
	return reply(r, http.StatusOK, struct {
		Sources      []sourceItem      `json:"sources"`
		Destinations []destinationItem `json:"destinations"`
	}{sources, destinations})
}

// testWebhook is R-122: a message that says nothing, by the way of all others.
func (s *Server) testWebhook(r *request) error {
	id := r.Param("id")
	if _, err := readObject(r); err != nil {
		return err
	}
	rows, err := s.store.DestinationsList(r.ctx())
	if err != nil {
		return fmt.Errorf("list destinations: %w", err)
	}
	if !slices.ContainsFunc(rows, func(row storedb.DestinationsListRow) bool { return row.ID == id }) {
		return notFound("Unknown destination")
	}
	now := s.now().UTC()
	payload, err := json.Marshal(contract.WebhookPayload{Type: "hogsend.test", At: now, Data: json.RawMessage(`{"test":true}`)})
	if err != nil {
		return fmt.Errorf("encode payload: %w", err)
	}
	row := uuid.Must(uuid.NewV7())
	err = s.store.Change(r.ctx(), func(q *storedb.Queries) error {
		if _, err := q.DestinationTell(r.ctx(), row, id, payload); err != nil {
			return err
		}
		return s.audited(r, "webhooks.test", id, nil)(q)
	})
	if err != nil {
		return fmt.Errorf("tell destination: %w", err)
	}
	return reply(r, http.StatusAccepted, map[string]any{"id": contract.WebhookID(row.String()), "outboxId": row})
}
