package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/naming"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// maxClientKey is the longest key of a client (H-11).
const maxClientKey = 255

// clientKeys is the name space in which a client's key names its mail: the same key is the
// same send for ever (E-28, H-11).
var clientKeys = uuid.MustParse("6f0f3b52-8d0b-4d2e-9b0a-0d6a3c1d8a10")

// sentReply is the reply of.
type sentReply struct {
	EmailSendID uuid.UUID            `json:"emailSendId"`
	Status      string               `json:"status"`
	Reason      *contract.SendReason `json:"reason,omitempty"`
}

// sent says what the gate decided, whatever became of the mail since.
func sent(row storedb.Send) sentReply {
	out := sentReply{EmailSendID: row.ID, Status: string(row.Status), Reason: row.Reason}
	switch {
	case row.Status == contract.SendSuppressed:
		if row.Reason != nil && (*row.Reason == contract.SendUnsubscribedAll || *row.Reason == contract.SendCategoryOptOut) {
			out.Status = "unsubscribed"
		}
	case row.Status != contract.SendSkipped:
		out.Status, out.Reason = string(contract.SendQueued), nil
	}
	return out
}

// postEmail is R-10.
func (s *Server) postEmail(r *request) error {
	o, err := readObject(r)
	if err != nil {
		return err
	}
	send, user := s.directSend(o), o.text("userId", maxPersonID)
	to := o.address("to")
	key := r.Request().Header.Get("Idempotency-Key")
	if key == "" {
		o.read("idempotencyKey", "a string", &key)
	}
	o.person("userId", user, s.cfg.JunkIDs)
	if utf8.RuneCountInString(key) > maxClientKey || !isText(key) {
		o.report("idempotencyKey", "must have at most 255 characters of valid text")
	}
	if to == "" && user == "" {
		o.report("to", "to or userId required")
	}
	if err := o.err(); err != nil {
		return err
	}
	send.ID = uuid.Must(uuid.NewV7())
	if key != "" {
		send.ID = uuid.NewSHA1(clientKeys, []byte(key))
	}
	send.Key = "api:" + send.ID.String()
	known, err := s.cfg.Store.SendFind(r.ctx(), send.Key)
	if err != nil {
		return err
	}
	if len(known) > 0 {
		return reply(r, http.StatusAccepted, sent(known[0]))
	}
	if err := s.mailable(send.Template); err != nil {
		return err
	}
	if send.ContactID, send.To, err = s.recipient(r, user, to); err != nil {
		return err
	}
	row, err := s.submit(r, send)
	if err != nil {
		return err
	}
	return reply(r, http.StatusAccepted, sent(row))
}

// maxPersonID is the longest id of a person (H-12).
const maxPersonID = 512

// address is an optional e-mail address.
func (o *object) address(name string) string {
	given := address.Trim(o.text(name, 320))
	if given == "" {
		return ""
	}
	if _, err := address.Parse(given); err != nil {
		o.report(name, err.Error())
	}
	return given
}

// directSend reads what a mail is.
func (s *Server) directSend(o *object) contract.DirectSend {
	var send contract.DirectSend
	send.Template, send.From, send.Subject = o.text("template", 200), o.text("from", 320), o.text("subject", 998)
	send.ReplyTo, send.Category = o.text("replyTo", 320), o.text("category", 64)
	send.Props = o.props()
	if skip := o.boolean("skipPreferenceCheck"); skip != nil {
		send.SkipPreferenceCheck = *skip
	}
	if send.Template == "" {
		o.report("template", "is required")
	}
	return send
}

// props are those of a mail, an object.
func (o *object) props() json.RawMessage {
	var props map[string]json.RawMessage
	switch {
	case !o.read("props", "an object", &props):
		return nil
	case len(o.fields["props"]) > maxProps:
		o.report("props", "must have at most 64 KiB")
	}
	return o.fields["props"]
}

// mailable refuses a template that is not there (E-3).
func (s *Server) mailable(template string) error {
	if s.cfg.Submit == nil || s.cfg.Renderer == nil {
		return &refusal{status: http.StatusServiceUnavailable, text: "Mails cannot be sent by this process"}
	}
	if _, ok := s.cfg.Renderer.Lookup(template); !ok {
		return invalid(detail{Path: "template", Message: "there is no template " + template + naming.Suggestion(template, s.cfg.Renderer.Keys())})
	}
	return nil
}

// recipient is whom a mail goes to. Without an address of its own it goes to the contact's
// as it is when it is claimed; an address that nobody has makes a contact (E-9).
func (s *Server) recipient(r *request, user, to string) (contactID uuid.UUID, address string, err error) {
	c, known, err := s.whom(r, user, to)
	switch {
	case err != nil:
		return contactID, "", err
	case known && user != "" && to == "" && addressOf(c) == "":
		return contactID, "", invalid(detail{Path: "userId", Message: "the contact has no e-mail address"})
	case known && user != "":
		return c.ID, to, nil
	case known:
		return c.ID, "", nil
	case user != "":
		return contactID, "", notFound("Contact not found")
	}
	made, err := s.cfg.Ingest.Upsert(r.ctx(), ingest.Person{Email: to})
	return made.ContactID, "", err
}

// submit hands a mail in. What is wrong with it names its field.
func (s *Server) submit(r *request, send contract.DirectSend, also ...ingest.Write) (storedb.Send, error) {
	row, err := s.cfg.Submit(r.ctx(), send, also...)
	var wrong *hogsend.ValidationError
	switch {
	case errors.As(err, &wrong):
		return row, invalid(detail{Path: wrong.Field, Message: wrong.Message})
	case errors.Is(err, store.ErrNotFound): // erased meanwhile
		return row, notFound("Contact not found")
	}
	return row, err
}
