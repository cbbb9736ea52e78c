package store

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hogsend/hogsend/internal/store/storedb"
)

// AcceptMail keeps a mail of the mailbox provider under its key and returns its id
// and digest, or those of the mail that is already there (E-40).
func (s *Store) AcceptMail(ctx context.Context, key, id string, digest []byte, message json.RawMessage) (string, []byte, error) {
	row, err := s.MailboxAccept(ctx, storedb.MailboxAcceptParams{Key: key, ID: id, Digest: digest, Message: message})
	if err != nil {
		return "", nil, fmt.Errorf("accept mail: %w", err)
	}
	return row.ID, row.Digest, nil
}

// Mail is one mail of the mailbox.
type Mail struct {
	ID, From, To, Subject, HTML, Text string
	// Files are what it carried, without contents.
	Files []MailFile
	// Template and JourneyID are those of the send, "" if there is none.
	Template, JourneyID string
	At                  time.Time
}

// MailFile is a file of a mail; Inline is the content id under which the HTML shows it.
type MailFile struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Inline string `json:"inline,omitempty"`
	Size   int    `json:"size"`
}

// ListMailsParams says which mails to list.
type ListMailsParams struct {
	// To narrows to one address, compared without case; "" means all.
	To string
	// After is the Next of the page before; "" starts at the beginning.
	After string
	// Limit is the size of a page; 0 means 100.
	Limit int
	// Newest lists the newest mails first instead of the oldest.
	Newest bool
}

// MailPage is one page of the mailbox; Next is "" on the last one.
type MailPage struct {
	Mails []Mail
	Next  string
}

// ErrMalformedCursor is returned for a cursor that no page gave.
var ErrMalformedCursor = errors.New("malformed cursor")

// ListMails lists the mailbox by the time of acceptance. A mail that is accepted
// while pages are read appears at most once.
func (s *Store) ListMails(ctx context.Context, p ListMailsParams) (MailPage, error) {
	if p.Limit <= 0 {
		p.Limit = 100
	}
	at, id, err := parseMailCursor(p.After)
	if err != nil {
		return MailPage{}, err
	}
	params := storedb.MailboxListOldestParams{AfterAt: at, AfterID: id, ToEmail: strings.TrimSpace(p.To), MaxRows: int32(p.Limit + 1)} //nolint:gosec // a page has at most 100
	var rows []storedb.MailboxListOldestRow
	if p.Newest {
		newest, listErr := s.MailboxListNewest(ctx, storedb.MailboxListNewestParams(params))
		for _, row := range newest {
			rows = append(rows, storedb.MailboxListOldestRow(row))
		}
		err = listErr
	} else {
		rows, err = s.MailboxListOldest(ctx, params)
	}
	if err != nil {
		return MailPage{}, fmt.Errorf("list mails: %w", err)
	}
	var page MailPage
	for i, row := range rows {
		if i == p.Limit {
			last := rows[i-1]
			page.Next = mailCursor(last.CreatedAt, last.ID)
			break
		}
		mail := Mail{ID: row.ID, Template: row.TemplateKey, JourneyID: row.JourneyID, At: row.CreatedAt.UTC()}
		if err := json.Unmarshal(row.Message, &mail); err != nil {
			return MailPage{}, fmt.Errorf("decode mail %s: %w", row.ID, err)
		}
		page.Mails = append(page.Mails, mail)
	}
	return page, nil
}

func mailCursor(at time.Time, id string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(at.UnixMicro(), 10) + " " + id))
}

func parseMailCursor(cursor string) (*time.Time, string, error) {
	if cursor == "" {
		return nil, "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	micro, id, ok := strings.Cut(string(raw), " ")
	n, numberErr := strconv.ParseInt(micro, 10, 64)
	if err != nil || !ok || numberErr != nil {
		return nil, "", ErrMalformedCursor
	}
	at := time.UnixMicro(n)
	return &at, id, nil
}
