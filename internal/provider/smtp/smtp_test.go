package smtp_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	server "github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/provider/smtp"
)

const sendID = "0198c2f4-8f00-7aaa-8bbb-0123456789ab"

func message() email.Message {
	return email.NewMessage(
		email.Envelope{SendID: sendID, Key: "e1:send:welcome#1", From: `"Zoë, Inc." <a@acme.example>`, To: "ada@example.com", ReplyTo: "Help <help@acme.example>", Template: "welcome", UnsubscribeURL: "https://x.example/v1/email/unsubscribe?token=" + strings.Repeat("a", 300)},
		email.Rendered{Subject: "Grüße, Ada", HTML: "<p>Hi ☀</p>", Text: "Hi ☀"})
}

// relay is a real SMTP server that keeps what it accepts, and refuses what it is told to.
type relay struct {
	mu     sync.Mutex
	mails  []string
	refuse map[string]error // by step: mail, rcpt, data
}

func (r *relay) NewSession(*server.Conn) (server.Session, error) { return &session{r}, nil }

func (r *relay) accepted() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.mails...)
}

type session struct{ *relay }

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "u@acme" || password != "p:w" {
			return server.ErrAuthFailed
		}
		return nil
	}), nil
}
func (s *session) Reset()                                 {}
func (s *session) Logout() error                          { return nil }
func (s *session) Mail(string, *server.MailOptions) error { return s.refuse["mail"] }
func (s *session) Rcpt(string, *server.RcptOptions) error { return s.refuse["rcpt"] }
func (s *session) Data(r io.Reader) error {
	body, err := io.ReadAll(r)
	if err != nil || s.refuse["data"] != nil {
		return firstOf(err, s.refuse["data"])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, string(body))
	return nil
}

func firstOf(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// certificate is of its own making, for mail.test.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"mail.test"}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// serve starts a server and returns where it is and how a client trusts it.
func serve(t *testing.T, r *relay, encrypted bool) (addr string, client *tls.Config) {
	t.Helper()
	cert, pool := certificate(t)
	s := server.NewServer(r)
	s.Domain, s.TLSConfig, s.AllowInsecureAuth = "mail.test", &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}, false
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	if encrypted {
		l = tls.NewListener(l, s.TLSConfig)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close(); <-done })
	return l.Addr().String(), &tls.Config{RootCAs: pool, ServerName: "mail.test", MinVersion: tls.VersionTLS12}
}

func provider(t *testing.T, url string, settings *tls.Config) *smtp.Provider {
	t.Helper()
	p, err := smtp.New(smtp.Config{URL: url, TLS: settings, Timeout: 10 * time.Second})
	require.NoError(t, err)
	return p
}

// E-39: one mail with the same id and the same bytes on every attempt, by STARTTLS and by
// smtps, signed in and not.
func TestMailArrivesAsItWasClaimed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, url string
		encrypted bool
	}{
		{"STARTTLS", "smtp://u%40acme:p%3Aw@", false},
		{"encrypted from the first byte", "smtps://u%40acme:p%3Aw@", true},
		{"without a user", "smtp://", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := &relay{}
			addr, settings := serve(t, r, c.encrypted)
			p := provider(t, c.url+addr, settings)
			for range 2 {
				id, err := p.Send(t.Context(), message())
				require.NoError(t, err)
				require.Equal(t, sendID+"@acme.example", id)
			}
			mails := r.accepted()
			require.Len(t, mails, 2)
			require.Equal(t, mails[0], mails[1])
			for line := range strings.SplitSeq(mails[0], "\r\n") {
				require.LessOrEqual(t, len(line), 998)
			}
			got, err := mail.ReadMessage(strings.NewReader(mails[0]))
			require.NoError(t, err)
			subject, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
			require.NoError(t, err)
			require.Equal(t, "Grüße, Ada", subject)
			from, err := got.Header.AddressList("From")
			require.NoError(t, err)
			require.Equal(t, "Zoë, Inc.", from[0].Name)
			require.Equal(t, "<"+sendID+"@acme.example>", got.Header.Get("Message-ID"))
			require.Equal(t, "<https://x.example/v1/email/unsubscribe?token="+strings.Repeat("a", 300)+">", got.Header.Get("List-Unsubscribe"))
			require.Equal(t, "List-Unsubscribe=One-Click", got.Header.Get("List-Unsubscribe-Post"))
			require.Empty(t, got.Header.Get("User-Agent"))
			require.Equal(t, map[string]string{"text/plain": "Hi ☀", "text/html": "<p>Hi ☀</p>"}, parts(t, got))
		})
	}
}

func parts(t *testing.T, m *mail.Message) map[string]string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/alternative", kind)
	found := map[string]string{}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return found
		}
		require.NoError(t, err)
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		require.NoError(t, err)
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		require.NoError(t, err)
		found[kind] = string(body)
	}
}

func kind(t *testing.T, err error) email.ErrorKind {
	t.Helper()
	var e *email.SendError
	require.ErrorAs(t, err, &e)
	require.NotContains(t, e.Reason, "ada@example.com")
	return e.Kind
}

// E-39: a refusal with 4xx is worth another try, one with 5xx is not, at every step.
func TestRefusalsAreOfTheKindOfTheirCode(t *testing.T) {
	t.Parallel()
	for step := range map[string]bool{"mail": true, "rcpt": true, "data": true} {
		for code, want := range map[int]email.ErrorKind{451: email.Transient, 452: email.Transient, 550: email.Permanent, 554: email.Permanent} {
			r := &relay{refuse: map[string]error{step: &server.SMTPError{Code: code, EnhancedCode: server.EnhancedCode{code / 100, 1, 1}, Message: "no such user"}}}
			addr, settings := serve(t, r, false)
			_, err := provider(t, "smtp://"+addr, settings).Send(t.Context(), message())
			require.Equal(t, want, kind(t, err), "%s %d", step, code)
			require.Contains(t, email.Classify(err).Reason, "no such user")
			require.Empty(t, r.accepted())
		}
	}
}

// cut passes lines on to the server until one begins with last, and then hangs up: before
// it, or after it and without the answer.
func cut(t *testing.T, addr, last string, after bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			pass(from, addr, last, after)
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

func pass(from net.Conn, addr, last string, after bool) {
	defer func() { _ = from.Close() }()
	to, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	answers := make(chan struct{})
	var mute sync.Mutex
	muted := false
	go func() {
		defer close(answers)
		for r := bufio.NewReader(to); ; {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			mute.Lock()
			if !muted {
				_, _ = io.WriteString(from, line)
			}
			mute.Unlock()
		}
	}()
	for r := bufio.NewReader(from); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			break
		}
		if strings.HasPrefix(line, last) {
			if after {
				mute.Lock()
				muted = true
				mute.Unlock()
				_, _ = io.WriteString(to, line+"QUIT\r\n") // the server has it all before it is left
				<-answers
			}
			break
		}
		_, _ = io.WriteString(to, line)
	}
	_ = from.Close()
	_ = to.Close()
	<-answers
}

// E-39: a connection that is lost before the end of the content was written is worth
// another try; after it nobody knows.
func TestLostConnectionIsUnknownOnlyAfterTheContent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		last  string
		after bool
		want  email.ErrorKind
		mails int
	}{
		{"EHLO", false, email.Transient, 0},
		{"MAIL", false, email.Transient, 0},
		{"RCPT", false, email.Transient, 0},
		{"DATA", false, email.Transient, 0},
		{".\r\n", false, email.Unknown, 0},
		{".\r\n", true, email.Unknown, 1},
	} {
		r := &relay{}
		s := server.NewServer(r)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		done := make(chan struct{})
		go func() { defer close(done); _ = s.Serve(l) }()
		p := provider(t, "smtp://"+cut(t, l.Addr().String(), c.last, c.after), nil)
		_, err = p.Send(t.Context(), message())
		require.Equal(t, c.want, kind(t, err), "%q after: %v", c.last, c.after)
		require.NoError(t, s.Close())
		<-done
		require.Len(t, r.accepted(), c.mails, "%q after: %v", c.last, c.after)
	}
}

// E-39: what fails before a word of the mail was said is worth another try, but for a
// refused password.
func TestNoServerIsWorthAnotherTry(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	_, err = provider(t, "smtp://"+l.Addr().String(), nil).Send(t.Context(), message())
	require.Equal(t, email.Transient, kind(t, err))

	addr, _ := serve(t, &relay{}, false)
	_, err = provider(t, "smtp://"+addr, nil).Send(t.Context(), message())
	require.Equal(t, email.Transient, kind(t, err), "a certificate that nobody trusts")

	addr, settings := serve(t, &relay{}, false)
	_, err = provider(t, "smtp://u%40acme:wrong@"+addr, settings).Send(t.Context(), message())
	require.Equal(t, email.Permanent, kind(t, err))
	require.NotContains(t, err.Error(), "wrong")

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = provider(t, "smtp://"+addr, settings).Send(ended, message())
	require.Equal(t, email.Transient, kind(t, err))
}

// E-36: a server that is not on this machine is asked for STARTTLS, and a wrong address is
// refused without repeating the password.
func TestAddressesOfServers(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{"", "mail.example.com", "http://x", "smtp://", "smtp://:25", "smtp://u:secret@h:0", "smtp://u:secret@h:99999", "smtp://u:secret@h/path", "smtp://u:secret@h?tls=no", "smtp://u:secret@h:%zz"} {
		_, err := smtp.New(smtp.Config{URL: wrong})
		require.ErrorIs(t, err, smtp.ErrURL, wrong)
		require.NotContains(t, err.Error(), "secret")
	}
	for _, right := range []string{"smtp://mail.example.com", "smtps://mail.example.com/", "smtp://u:p@[::1]:1025"} {
		_, err := smtp.New(smtp.Config{URL: right})
		require.NoError(t, err, right)
	}
}
