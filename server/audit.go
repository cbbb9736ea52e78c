package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// auditReply is one entry of R-101.
type auditReply struct {
	ID         uuid.UUID       `json:"id"`
	Actor      string          `json:"actor"`
	ActorType  string          `json:"actorType"`
	ActorID    *uuid.UUID      `json:"actorId"`
	Action     string          `json:"action"`
	Resource   string          `json:"resource"`
	ResourceID *string         `json:"resourceId"`
	Detail     json.RawMessage `json:"detail"`
	IPAddress  *string         `json:"ipAddress"`
	RequestID  string          `json:"requestId"`
	CreatedAt  ts              `json:"createdAt"`
}

// listAudit is R-101.
func (s *Server) listAudit(r *request) error {
	q := queryOf(r)
	p := q.page()
	actor, resource, action := q.optional("actor"), q.optional("resource"), q.optional("action")
	since, until := q.span()
	if err := q.err(); err != nil {
		return err
	}
	var err error
	p.Total, err = s.store.AuditCount(r.ctx(), storedb.AuditCountParams{Actor: actor, Resource: resource, Action: action, Since: since, Until: until})
	if err != nil {
		return err
	}
	rows, err := s.store.AuditList(r.ctx(), storedb.AuditListParams{
		Actor: actor, Resource: resource, Action: action, Since: since, Until: until, RowLimit: p.Limit, RowOffset: p.Offset,
	})
	if err != nil {
		return err
	}
	logs := make([]auditReply, len(rows))
	for i, row := range rows {
		logs[i] = auditReply{
			row.ID, row.Actor, row.ActorType, row.ActorID, row.Action, row.Resource, row.ResourceID, row.Detail, row.IpAddress, row.RequestID, ts(row.CreatedAt),
		}
	}
	return reply(r, http.StatusOK, struct {
		Logs []auditReply `json:"logs"`
		page
	}{logs, p})
}

// who is the actor of a request, as the audit log names it.
func (s *Server) who(r *request) store.Actor {
	return store.Actor{
		Kind: r.actor.kind, ID: r.actor.rowID, Name: r.actor.name, Address: s.proxies.client(r.Request()), RequestID: requestID(r),
	}
}

// changeReply is the object Change of §2.
type changeReply struct {
	At     ts      `json:"at"`
	By     string  `json:"by"`
	Action string  `json:"action"`
	Reason *string `json:"reason"`
}

// newest is the later one of a change and a stored one; nil for neither.
func newest(c *changeReply, note json.RawMessage) (*changeReply, error) {
	if note == nil {
		return c, nil
	}
	var stored store.LastChange
	if err := json.Unmarshal(note, &stored); err != nil {
		return c, fmt.Errorf("read last change: %w", err)
	}
	if c != nil && !time.Time(c.At).Before(stored.At) {
		return c, nil
	}
	return &changeReply{ts(stored.At), stored.By, stored.Action, stored.Reason}, nil
}
