package studio

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/server/studio/view"
)

// toSignIn leads to the page on which one signs in, or first to the setup, and back.
func (s *Studio) toSignIn(r *request) error {
	exists, err := s.cfg.Users.Any(r.ctx())
	if err != nil {
		return err
	}
	if !exists {
		return r.see("/studio/setup")
	}
	next := "/studio/"
	if r.Method == http.MethodGet {
		next = r.URL.RequestURI()
	}
	return r.see("/studio/sign-in?next=" + url.QueryEscape(next))
}

// safeNext is where to go after signing in: a page of Studio or its beginning (U-14).
func safeNext(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, "/studio/") || strings.Contains(next, "\\") || strings.HasPrefix(u.Path, "/studio/sign-") {
		return "/studio/"
	}
	return u.RequestURI()
}

func (s *Studio) showSignIn(r *request) error {
	if r.session != nil {
		return r.see("/studio/")
	}
	return s.show(r, http.StatusOK, "sign_in", view.SignIn{Frame: s.frame(r, "Sign in", "Sign in to Studio"), Next: safeNext(r.query("next"))})
}

func (s *Studio) signIn(r *request) error {
	email, next := clean(r.PostFormValue("email")), safeNext(r.PostFormValue("next"))
	remember := r.PostFormValue("remember") == "on"
	_, secret, err := s.cfg.Users.SignIn(r.ctx(), email, r.PostFormValue("password"), remember, s.cfg.Sessions.From(r.Request, r.id))
	v := view.SignIn{Frame: s.frame(r, "Sign in", "Sign in to Studio"), Email: email, Next: next}
	var many *users.TooManyError
	switch {
	case errors.As(err, &many):
		v.Problem = tooMany(r, many)
		return s.show(r, http.StatusTooManyRequests, "sign_in", v)
	case errors.Is(err, users.ErrWrong):
		v.Problem = "No user has this e-mail and this password."
		return s.show(r, http.StatusUnauthorized, "sign_in", v)
	case err != nil:
		return err
	}
	s.cfg.Sessions.Keep(r.w, secret, remember)
	return r.see(next)
}

// tooMany tells when to try again.
func tooMany(r *request, many *users.TooManyError) string {
	seconds := int((many.Wait + time.Second - 1) / time.Second)
	r.w.Header().Set("Retry-After", fmt.Sprint(seconds))
	return fmt.Sprintf("Too many attempts. Try again in %d s.", seconds)
}

func (s *Studio) signOut(r *request) error {
	if err := s.cfg.Sessions.SignOut(r.w, r.Request, r.id); err != nil {
		return err
	}
	return r.see("/studio/sign-in")
}

// setupPage is the page of the first admin (U-15).
func (s *Studio) setupPage(r *request) view.Setup {
	v := view.Setup{
		Frame: s.frame(r, "Set up", "Make the first admin"), Action: "/studio/setup", AsksEmail: true, Submit: "Make me the admin",
		Intro: "You opened the link of this installation. Whoever fills this in first may do everything here.",
	}
	if s.cfg.Sessions.SetupToken(r.Request) == "" {
		v.Closed, v.Intro = true, "Nobody uses this installation yet. Open the setup link that the server printed at its start, or run: hogsend admin create EMAIL"
	}
	return v
}

func (s *Studio) showSetup(r *request) error {
	exists, err := s.cfg.Users.Any(r.ctx())
	if err != nil {
		return err
	}
	if exists {
		return lost("This installation has an admin already.")
	}
	return s.show(r, http.StatusOK, "setup", s.setupPage(r))
}

func (s *Studio) setup(r *request) error {
	v := s.setupPage(r)
	v.Name, v.Email = clean(r.PostFormValue("name")), clean(r.PostFormValue("email"))
	n := users.NewUser{Name: v.Name, Email: v.Email, Password: r.PostFormValue("password")}
	_, secret, err := s.cfg.Users.SignUp(r.ctx(), s.cfg.Sessions.SetupToken(r.Request), n, s.cfg.Sessions.From(r.Request, r.id))
	switch {
	case errors.Is(err, users.ErrClosed):
		return lost("This installation has an admin already.")
	case errors.Is(err, users.ErrTokenRequired):
		v.Closed, v.Intro = true, "The setup link is not valid any more. Open the one that the server printed at its last start."
		return s.show(r, http.StatusForbidden, "setup", v)
	}
	return s.entered(r, v, secret, err)
}

// entered signs in, or shows the form again with what is wrong.
func (s *Studio) entered(r *request, form view.Setup, secret string, err error) error {
	var invalid *users.InvalidError
	var many *users.TooManyError
	switch {
	case errors.As(err, &invalid):
		form.Problem = view.Problem{Field: invalid.Field, Text: invalid.Message + "."}
		return s.show(r, http.StatusUnprocessableEntity, "setup", form)
	case errors.As(err, &many):
		form.Problem = view.Problem{Text: tooMany(r, many)}
		return s.show(r, http.StatusTooManyRequests, "setup", form)
	case err != nil:
		return err
	}
	s.cfg.Sessions.Keep(r.w, secret, true)
	return r.see("/studio/")
}

// invitation is the page on which somebody who was invited chooses a password.
func (s *Studio) invitation(r *request, token string) (view.Setup, error) {
	user, err := s.cfg.Users.Invited(r.ctx(), token)
	if errors.Is(err, users.ErrLink) || errors.Is(err, users.ErrUnknown) {
		return view.Setup{}, &problem{
			status: http.StatusNotFound, heading: "This link has been used", next: [2]string{"Sign in", "/studio/sign-in"},
			text: "A link works once, within a day, and a newer one replaces it. Ask an admin for another.",
		}
	}
	if err != nil {
		return view.Setup{}, err
	}
	return view.Setup{
		Frame: s.frame(r, "Invitation", "Choose a password"), Action: "/studio/invitation", Token: token, Submit: "Sign in",
		Intro: "You sign in as " + visible(user.Email) + ", with the role " + user.Role + ".", Name: visible(user.Name),
	}, nil
}

func (s *Studio) showInvitation(r *request) error {
	v, err := s.invitation(r, r.query("token"))
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, "setup", v)
}

func (s *Studio) acceptInvitation(r *request) error {
	token := clean(r.PostFormValue("token"))
	v, err := s.invitation(r, token)
	if err != nil {
		return err
	}
	v.Name = clean(r.PostFormValue("name"))
	_, secret, err := s.cfg.Users.Accept(r.ctx(), token, v.Name, r.PostFormValue("password"), s.cfg.Sessions.From(r.Request, r.id))
	if errors.Is(err, users.ErrLink) {
		_, err = s.invitation(r, token) // somebody was faster
	}
	return s.entered(r, v, secret, err)
}

// enter signs the developer in by the link that hogsend dev prints. Once used, it leads to
// whoever is signed in already.
func (s *Studio) enter(r *request) error {
	_, secret, err := s.cfg.Users.Enter(r.ctx(), r.query("token"), s.cfg.Sessions.From(r.Request, r.id))
	var many *users.TooManyError
	switch {
	case errors.Is(err, users.ErrLink) && r.session != nil:
		return r.see("/studio/")
	case errors.Is(err, users.ErrLink):
		return &problem{
			status: http.StatusNotFound, heading: "This link has been used", next: [2]string{"Sign in", "/studio/sign-in"},
			text: "It works once. hogsend dev prints a new one at each start.",
		}
	case errors.As(err, &many):
		return &problem{status: http.StatusTooManyRequests, heading: "Too many attempts", text: tooMany(r, many)}
	case err != nil:
		return err
	}
	s.cfg.Sessions.Keep(r.w, secret, true)
	return r.see("/studio/")
}
