package server

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/server/studio"
)

// studioPreview looks through everybody for a page, as R-74 does, and counts each leaf. Of
// both together only a few run at a time.
func (s *Server) studioPreview(ctx context.Context, p rollout.PreviewParams, leaves []hogsend.Condition) (rollout.Preview, []int64, error) {
	select {
	case s.previews <- struct{}{}:
		defer func() { <-s.previews }()
	default:
		return rollout.Preview{}, nil, studio.ErrBusy
	}
	p.Timeout = s.cfg.PreviewTimeout
	found, err := rollout.NewPreview(ctx, s.cfg.Previews, p)
	if err != nil {
		return found, nil, err
	}
	counts, err := rollout.CountEach(ctx, s.cfg.Previews, leaves, p.Timeout)
	return found, counts, err
}

// studioSendTest is R-85 for a page.
func (s *Server) studioSendTest(ctx context.Context, by store.Actor, key, to string, props json.RawMessage) (uuid.UUID, error) {
	to = address.Trim(to)
	if _, err := address.Parse(to); err != nil {
		return uuid.Nil, &hogsend.ValidationError{Field: "to", Message: err.Error()}
	}
	props, err := s.cfg.Renderer.PreviewProps(key, props)
	if err != nil {
		return uuid.Nil, err
	}
	id := uuid.Must(uuid.NewV7())
	row, err := s.cfg.Submit(ctx, contract.DirectSend{
		SendRequest: contract.SendRequest{Key: "test:" + id.String(), Template: key, Props: props, SkipPreferenceCheck: true}, ID: id, To: to, Test: true,
	}, store.Entry{Actor: by, Action: "templates.send_test", ResourceID: key}.Write(ctx))
	return row.ID, err
}

// studioResend is R-82 for a page; refused says what stands against it.
func (s *Server) studioResend(ctx context.Context, by store.Actor, mail uuid.UUID) (id uuid.UUID, refused string, err error) {
	rows, err := s.cfg.Store.SendGet(ctx, mail)
	if err != nil {
		return id, "", err
	}
	if len(rows) == 0 {
		return id, "The mail is not kept any more", nil
	}
	before := rows[0]
	err = s.resendable(ctx, before)
	var no *refusal
	if errors.As(err, &no) {
		return id, no.text, nil
	}
	if err != nil {
		return id, "", err
	}
	key, queued, err := s.resendKey(ctx, before)
	if err != nil {
		return id, "", err
	}
	if queued != nil {
		return queued.ID, "", nil
	}
	var row storedb.Send
	row, err = s.cfg.Submit(ctx, resendOf(before, key), store.Entry{Actor: by, Action: "emails.resend", ResourceID: before.ID.String(), ContactID: before.ContactID}.Write(ctx))
	var wrong *hogsend.ValidationError
	if errors.As(err, &wrong) {
		return id, wrong.Field + " " + wrong.Message, nil
	}
	return row.ID, "", err
}
