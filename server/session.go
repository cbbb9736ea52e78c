package server

import (
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/users"
)

// from is where a request comes from, as a session remembers it.
func (s *Server) from(r *request) users.From { return s.sessions.From(r.Request(), requestID(r)) }

// bySession makes a user's session the actor of a request.
func (s *Server) bySession(r *request) (*actor, error) {
	session, err := s.sessions.SignedIn(r.Response(), r.Request())
	if err != nil {
		return nil, err
	}
	if session == nil {
		return nil, unauthorized("Unauthorized")
	}
	if !s.sessions.SameSite(r.Request()) {
		return nil, crossSite()
	}
	u := session.User
	return &actor{id: userCaller(u.ID), name: u.Email, scopes: users.Role(u.Role).Scopes(), kind: store.ActorUser, rowID: &u.ID}, nil
}

// userCaller is what limits call a user.
func userCaller(id uuid.UUID) string { return "user:" + id.String() }

func crossSite() error {
	return &refusal{status: http.StatusForbidden, text: "Cross-site request rejected"}
}

// userReply is a user as the SPA's library knows one.
type userReply struct {
	ID            uuid.UUID `json:"id"`
	Name          string    `json:"name"`
	Email         string    `json:"email"`
	EmailVerified bool      `json:"emailVerified"`
	Image         *string   `json:"image"`
	CreatedAt     ts        `json:"createdAt"`
	UpdatedAt     ts        `json:"updatedAt"`
}

func userOf(u storedb.User) userReply {
	return userReply{ID: u.ID, Name: u.Name, Email: u.Email, CreatedAt: ts(u.CreatedAt), UpdatedAt: ts(u.UpdatedAt)}
}

// authStatus is R-35.
func (s *Server) authStatus(r *request) error {
	exists, err := s.users.Any(r.ctx())
	if err != nil {
		return err
	}
	return reply(r, http.StatusOK, map[string]bool{"needsSetup": !exists})
}

// authSetup is R-36: it keeps the token in a cookie and uses it not.
func (s *Server) authSetup(r *request) error {
	exists, err := s.users.Any(r.ctx())
	if err != nil {
		return err
	}
	if exists {
		return notFound("Not Found")
	}
	token := r.QueryParam("token")
	valid, err := s.users.SetupValid(r.ctx(), token)
	if err != nil {
		return err
	}
	if !valid {
		v := s.view("Setup link", "This link is not valid. Open the one that the server printed at its last start, or run `hogsend admin create`.")
		return s.show(r, http.StatusForbidden, v)
	}
	s.sessions.KeepSetup(r.Response(), token)
	return r.Redirect(http.StatusFound, "/studio/")
}

// signUp is R-37.
func (s *Server) signUp(r *request) error {
	o, err := s.form(r)
	if err != nil {
		return err
	}
	var n users.NewUser
	token := ""
	o.read("name", "a string", &n.Name)
	o.read("email", "a string", &n.Email)
	o.read("password", "a string", &n.Password)
	o.read("setupToken", "a string", &token)
	if err := o.err(); err != nil {
		return err
	}
	for _, other := range []string{r.Request().Header.Get("X-Hogsend-Setup-Token"), s.sessions.SetupToken(r.Request())} {
		if token == "" {
			token = other
		}
	}
	session, secret, err := s.users.SignUp(r.ctx(), token, n, s.from(r))
	if err != nil {
		return authError(err)
	}
	s.sessions.Keep(r.Response(), secret, true)
	return reply(r, http.StatusOK, map[string]any{"user": userOf(session.User)})
}

// signIn is R-38.
func (s *Server) signIn(r *request) error {
	o, err := s.form(r)
	if err != nil {
		return err
	}
	var email, password string
	o.read("email", "a string", &email)
	o.read("password", "a string", &password)
	remember := o.boolean("rememberMe")
	if err := o.err(); err != nil {
		return err
	}
	keep := remember == nil || *remember
	session, secret, err := s.users.SignIn(r.ctx(), email, password, keep, s.from(r))
	if err != nil {
		return authError(err)
	}
	s.sessions.Keep(r.Response(), secret, keep)
	return reply(r, http.StatusOK, struct {
		Redirect bool      `json:"redirect"`
		User     userReply `json:"user"`
	}{User: userOf(session.User)})
}

// signOut is R-39.
func (s *Server) signOut(r *request) error {
	if _, err := s.form(r); err != nil {
		return err
	}
	if err := s.sessions.SignOut(r.Response(), r.Request(), requestID(r)); err != nil {
		return err
	}
	return reply(r, http.StatusOK, map[string]bool{"success": true})
}

// form reads the body of, unless another site sent it.
func (s *Server) form(r *request) (*object, error) {
	if r.Request().Header.Get("Origin") != "" && !s.sessions.SameSite(r.Request()) {
		return nil, crossSite()
	}
	return readObject(r)
}

// getSession is R-40: nobody is null, not an error.
func (s *Server) getSession(r *request) error {
	session, err := s.sessions.SignedIn(r.Response(), r.Request())
	if err != nil {
		return err
	}
	if session == nil {
		return reply(r, http.StatusOK, nil)
	}
	type sessionReply struct {
		ID        uuid.UUID `json:"id"`
		UserID    uuid.UUID `json:"userId"`
		ExpiresAt ts        `json:"expiresAt"`
		CreatedAt ts        `json:"createdAt"`
		UpdatedAt ts        `json:"updatedAt"`
		IPAddress *string   `json:"ipAddress"`
		UserAgent *string   `json:"userAgent"`
	}
	row := session.Row
	return reply(r, http.StatusOK, struct {
		Session sessionReply `json:"session"`
		User    userReply    `json:"user"`
	}{sessionReply{row.ID, row.UserID, ts(row.ExpiresAt), ts(row.CreatedAt), ts(row.UpdatedAt), row.IpAddress, row.UserAgent}, userOf(session.User)})
}

// authError is how §5 answers what package users refuses.
func authError(err error) error {
	code := func(status int, code, text string) error {
		return &refusal{status: status, text: text, extra: map[string]any{"code": code}}
	}
	var invalid *users.InvalidError
	var many *users.TooManyError
	switch {
	case errors.As(err, &many):
		return tooManyOf(users.SignInsPerMinute, many.Wait)
	case errors.As(err, &invalid):
		return code(http.StatusBadRequest, invalid.Code, invalid.Message)
	case errors.Is(err, users.ErrClosed):
		return code(http.StatusForbidden, "SIGN_UP_CLOSED", "Sign-ups are closed. An admin already exists.")
	case errors.Is(err, users.ErrTokenRequired):
		return code(http.StatusForbidden, "SETUP_TOKEN_REQUIRED", "Setup token required. Open the setup link printed by the server.")
	case errors.Is(err, users.ErrWrong):
		return code(http.StatusUnauthorized, "INVALID_EMAIL_OR_PASSWORD", "Invalid email or password")
	}
	return err
}
