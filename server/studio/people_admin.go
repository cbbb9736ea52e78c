package studio

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/server/studio/view"
)

// usersPage is U-40 for admins.
func (s *Studio) usersPage(r *request) (view.Users, error) {
	var v view.Users
	rows, err := s.cfg.Users.List(r.ctx())
	if err != nil {
		return v, err
	}
	for _, row := range rows {
		u := view.UserRow{
			ID: row.User.ID.String(), Name: visible(row.User.Name), Email: visible(row.User.Email), Role: row.User.Role, State: ok("active"), Sessions: row.Sessions,
			Seen: s.momentOrNil(r, row.LastSeenAt), Self: row.User.ID == r.session.User.ID,
		}
		switch {
		case row.User.Password == nil && row.InvitedUntil != nil:
			u.State = wait("invited")
		case row.User.Password == nil:
			u.State = off("no password")
		}
		for _, role := range []users.Role{users.Viewer, users.Operator, users.Admin} {
			u.Roles = append(u.Roles, view.Choice{Value: string(role), Label: string(role), On: row.User.Role == string(role)})
		}
		v.Rows = append(v.Rows, u)
	}
	v.Frame = s.frame(r, "Users", "Users")
	return v, nil
}

func (s *Studio) listUsers(r *request) error {
	v, err := s.usersPage(r)
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, "users", v)
}

// InvitationLink leads to the page on which an invitation is taken up.
func InvitationLink(publicURL, token string) string {
	return publicURL + "/studio/invitation?token=" + url.QueryEscape(token)
}

// invite makes a user and shows the link, once: it is nowhere to be read again.
func (s *Studio) invite(r *request) error {
	n := users.NewUser{Name: clean(r.PostFormValue("name")), Email: clean(r.PostFormValue("email")), Role: users.Role(r.PostFormValue("role"))}
	row, token, err := s.cfg.Users.Invite(r.ctx(), s.actor(r), n)
	var invalid *users.InvalidError
	refused := view.Problem{}
	switch {
	case errors.As(err, &invalid):
		refused = view.Problem{Field: invalid.Field, Text: invalid.Message + "."}
	case errors.Is(err, users.ErrTaken):
		refused = view.Problem{Field: "email", Text: "A user with this address exists already."}
	case err != nil:
		return err
	}
	v, err := s.usersPage(r)
	if err != nil {
		return err
	}
	if refused.Text != "" {
		v.Problem, v.Name, v.Email = refused, n.Name, n.Email
		return s.show(r, http.StatusUnprocessableEntity, "users", v)
	}
	v.Link, v.For = InvitationLink(s.cfg.PublicURL, token), visible(row.Email)
	return s.show(r, http.StatusOK, "users", v)
}

// newLink makes another link for a user who lost the first or forgot the password.
func (s *Studio) newLink(r *request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	token, err := s.cfg.Users.InviteAgain(r.ctx(), s.actor(r), id)
	if err != nil {
		return userError(err)
	}
	row, err := s.cfg.Users.Get(r.ctx(), id)
	if err != nil {
		return userError(err)
	}
	v, err := s.usersPage(r)
	if err != nil {
		return err
	}
	v.Link, v.For = InvitationLink(s.cfg.PublicURL, token), visible(row.Email)
	return s.show(r, http.StatusOK, "users", v)
}

// userError says what cannot be done to a user.
func userError(err error) error {
	next := [2]string{"Go to the users", "/studio/users"}
	var invalid *users.InvalidError
	switch {
	case errors.Is(err, users.ErrUnknown):
		return &problem{status: http.StatusNotFound, heading: "No such user", text: "Somebody may have removed them.", next: next}
	case errors.Is(err, users.ErrLastAdmin):
		return &problem{status: http.StatusConflict, heading: "The last admin stays", text: "Without an admin nobody could change anything here. Make another admin first.", next: next}
	case errors.As(err, &invalid):
		return &problem{status: http.StatusUnprocessableEntity, heading: "That is no role", text: invalid.Message + ".", next: next}
	}
	return err
}

func (s *Studio) setRole(r *request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	if !r.session.Proved(s.cfg.Now()) {
		user, err := s.cfg.Users.Get(r.ctx(), id)
		if err != nil {
			return userError(err)
		}
		role := clean(r.PostFormValue("role"))
		if password := r.PostFormValue("password"); password == "" {
			return s.show(r, http.StatusOK, "confirm", view.Confirm{
				Frame: s.frame(r, "Role", "Make "+visible(user.Name)+" "+role+"?"), Action: "/studio/users/" + id.String() + "/role", Verb: "Change the role", Back: "/studio/users",
				Points: []string{"They have to sign in again."}, Hidden: []view.Field{{Name: "role", Value: role}}, Password: true,
			})
		}
		if err := s.prove(r); err != nil {
			return err
		}
	}
	if err := s.cfg.Users.SetRole(r.ctx(), s.actor(r), id, users.Role(r.PostFormValue("role"))); err != nil {
		return userError(err)
	}
	return r.see("/studio/users?done=role")
}

// prove checks the password that a form asks for again (U-47).
func (s *Studio) prove(r *request) error {
	err := s.cfg.Users.Prove(r.ctx(), *r.session, r.PostFormValue("password"), s.cfg.Sessions.From(r.Request, r.id))
	var many *users.TooManyError
	switch {
	case errors.Is(err, users.ErrWrong):
		return &problem{status: http.StatusForbidden, heading: "That is not your password", text: "Nothing was done. Go back and try again."}
	case errors.As(err, &many):
		return &problem{status: http.StatusTooManyRequests, heading: "Too many attempts", text: tooMany(r, many)}
	}
	return err
}

func (s *Studio) confirmRemove(r *request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	user, err := s.cfg.Users.Get(r.ctx(), id)
	if err != nil {
		return userError(err)
	}
	return s.show(r, http.StatusOK, "confirm", view.Confirm{
		Frame: s.frame(r, "Remove", "Remove "+visible(user.Name)+"?"), Action: "/studio/users/" + id.String() + "/remove", Verb: "Remove " + visible(user.Name), Back: "/studio/users",
		Points: []string{"They are signed out at once and can never sign in again.", "What they did stays in the log."}, Password: !r.session.Proved(s.cfg.Now()),
	})
}

func (s *Studio) removeUser(r *request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	if !r.session.Proved(s.cfg.Now()) {
		if err := s.prove(r); err != nil {
			return err
		}
	}
	if err := s.cfg.Users.Remove(r.ctx(), s.actor(r), id); err != nil {
		return userError(err)
	}
	return r.see("/studio/users?done=removed")
}

func (s *Studio) profilePage(r *request) (view.Profile, error) {
	u := r.session.User
	v := view.Profile{Name: u.Name, Zone: u.Timezone, Shortcuts: u.Shortcuts}
	for _, t := range []struct{ value, label string }{{"auto", "As the system"}, {"light", "Light"}, {"dark", "Dark"}} {
		v.Themes = append(v.Themes, view.Choice{Value: t.value, Label: t.label, On: u.Theme == t.value})
	}
	v.Rows = []view.Choice{{Value: "roomy", Label: "Roomy rows", On: !u.Compact}, {Value: "compact", Label: "Compact rows", On: u.Compact}}
	sessions, err := s.cfg.Store.SessionsList(r.ctx(), u.ID, s.instant())
	if err != nil {
		return v, err
	}
	for _, row := range sessions {
		v.SignedInAt = append(v.SignedInAt, view.SessionRow{
			Device: cut(visible(textOf(row.UserAgent)), 80), Address: visible(textOf(row.IpAddress)), Since: s.moment(r, row.CreatedAt), Here: row.ID == r.session.Row.ID,
		})
	}
	v.Clock = "It is " + s.cfg.Now().In(r.zone).Format("15:04") + " there."
	v.Frame = s.frame(r, "Profile", "Profile")
	return v, nil
}

func (s *Studio) showProfile(r *request) error {
	v, err := s.profilePage(r)
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, "profile", v)
}

func (s *Studio) saveProfile(r *request) error {
	p := users.Profile{
		Name: clean(r.PostFormValue("name")), Timezone: clean(r.PostFormValue("zone")), Theme: r.PostFormValue("theme"),
		Compact: r.PostFormValue("rows") == "compact", Shortcuts: r.PostFormValue("shortcuts") == "on",
	}
	var invalid *users.InvalidError
	_, err := hogsend.LoadZone(p.Timezone)
	if err != nil {
		err = &users.InvalidError{Field: "zone", Message: "Time zone must be a name such as Europe/Berlin"}
	} else {
		err = s.cfg.Users.SetProfile(r.ctx(), s.actor(r), r.session.User.ID, p)
	}
	if errors.As(err, &invalid) {
		v, err := s.profilePage(r)
		if err != nil {
			return err
		}
		v.Name, v.Zone, v.Problem = p.Name, p.Timezone, view.Problem{Field: invalid.Field, Text: invalid.Message + "."}
		return s.show(r, http.StatusUnprocessableEntity, "profile", v)
	}
	if err != nil {
		return err
	}
	return r.see("/studio/profile?done=profile")
}

func (s *Studio) signOutOthers(r *request) error {
	if err := s.cfg.Users.SignOutOthers(r.ctx(), *r.session, s.cfg.Sessions.From(r.Request, r.id)); err != nil {
		return err
	}
	return r.see("/studio/profile?done=others")
}
