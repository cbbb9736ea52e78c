package studio

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/definition"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/users"
)

// New makes the pages. It panics if a template does not parse or is on no list: that is
// found by the first test.
func New(cfg Config) *Studio {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Patience == 0 {
		cfg.Patience = usualPatience
	}
	if cfg.Renderer == nil {
		if cfg.Renderer, _ = email.Compile(cfg.Registry); cfg.Renderer == nil { // what is wrong is told at start
			cfg.Renderer, _ = email.Compile(hogsend.Registry{})
		}
	}
	s := &Studio{
		cfg: cfg, mux: http.NewServeMux(), templates: parse(), assets: pack(), coded: map[string]hogsend.Journey{},
		reads: make(chan struct{}, max(1, int(cfg.Store.Pool.Config().MaxConns)/4)),
	}
	for _, j := range append(definition.Reactions(cfg.Registry), cfg.Registry.Journeys...) {
		s.coded[j.ID] = j
	}
	for _, r := range s.routes() {
		s.mux.HandleFunc(r.pattern, s.handle(r))
	}
	for path, a := range s.assets {
		s.mux.HandleFunc("GET "+path, a.serve)
	}
	s.mux.HandleFunc("/studio/", s.handle(route{open: true, do: func(*request) error { return lost("This page does not exist.") }}))
	return s
}

func (s *Studio) routes() []route {
	return []route{
		{pattern: "GET /studio/sign-in", open: true, do: s.showSignIn},
		{pattern: "POST /studio/sign-in", open: true, do: s.signIn},
		{pattern: "POST /studio/sign-out", open: true, do: s.signOut},
		{pattern: "GET /studio/setup", open: true, do: s.showSetup},
		{pattern: "POST /studio/setup", open: true, do: s.setup},
		{pattern: "GET /studio/invitation", open: true, do: s.showInvitation},
		{pattern: "POST /studio/invitation", open: true, do: s.acceptInvitation},
		{pattern: "GET /studio/enter", open: true, do: s.enter},
		{pattern: "GET /studio/{$}", role: users.Viewer, live: true, do: s.overview},
		{pattern: "GET /studio/find", role: users.Viewer, do: s.find},
		{pattern: "GET /studio/help", role: users.Viewer, do: s.showHelp},
		{pattern: "GET /studio/contacts", role: users.Viewer, do: s.listContacts},
		{pattern: "GET /studio/contacts/{id}", role: users.Viewer, live: true, do: s.showContact},
		{pattern: "GET /studio/contacts/{id}/mail", role: users.Operator, do: s.confirmMail},
		{pattern: "POST /studio/contacts/{id}/mail", role: users.Operator, do: s.setMail},
		{pattern: "GET /studio/contacts/{id}/delete", role: users.Admin, do: s.confirmDelete},
		{pattern: "POST /studio/contacts/{id}/delete", role: users.Admin, do: s.deleteContact},
		{pattern: "GET /studio/contacts/{id}/edit", role: users.Admin, do: s.editContact},
		{pattern: "POST /studio/contacts/{id}/edit", role: users.Admin, most: maxEdit, do: s.saveContact},
		{pattern: "GET /studio/contacts/{id}/merge", role: users.Admin, do: s.confirmMerge},
		{pattern: "POST /studio/contacts/{id}/merge", role: users.Admin, do: s.mergeContact},
		{pattern: "GET /studio/contacts/{id}/erase", role: users.Admin, do: s.confirmErase},
		{pattern: "POST /studio/contacts/{id}/erase", role: users.Admin, do: s.eraseContact},
		{pattern: "GET /studio/events/{id}/again", role: users.Operator, do: s.confirmAgain},
		{pattern: "POST /studio/events/{id}/again", role: users.Operator, do: s.runAgain},
		{pattern: "GET /studio/contacts/{id}/enroll", role: users.Operator, do: s.confirmEnroll},
		{pattern: "POST /studio/contacts/{id}/enroll", role: users.Operator, do: s.enroll},
		{pattern: "GET /studio/mails", role: users.Viewer, do: s.listMails},
		{pattern: "GET /studio/mails/{id}", role: users.Viewer, live: true, do: s.showMail},
		{pattern: "GET /studio/mails/{id}/resend", role: users.Operator, do: s.confirmResend},
		{pattern: "POST /studio/mails/{id}/resend", role: users.Operator, do: s.resend},
		{pattern: "GET /studio/mails/{id}/body", role: users.Viewer, do: s.mailBody},
		{pattern: "GET /studio/events", role: users.Viewer, do: s.listEvents},
		{pattern: "GET /studio/events/{id}", role: users.Viewer, do: s.showEvent},
		{pattern: "GET /studio/journeys", role: users.Viewer, live: true, do: s.listJourneys},
		{pattern: "GET /studio/journeys/{id}", role: users.Viewer, live: true, do: s.showJourney},
		{pattern: "GET /studio/journeys/{id}/pause", role: users.Operator, do: s.confirmPause},
		{pattern: "POST /studio/journeys/{id}/pause", role: users.Operator, do: s.pause},
		{pattern: "GET /studio/journeys/{id}/resume", role: users.Operator, do: s.confirmResume},
		{pattern: "POST /studio/journeys/{id}/resume", role: users.Operator, do: s.resume},
		{pattern: "GET /studio/journeys/{id}/people", role: users.Viewer, do: s.listPeople},
		{pattern: "GET /studio/journeys/{id}/retry", role: users.Operator, do: s.confirmRetryAll},
		{pattern: "POST /studio/journeys/{id}/retry", role: users.Operator, do: s.retryAll},
		{pattern: "GET /studio/journeys/{id}/refused", role: users.Viewer, do: s.showRefused},
		{pattern: "GET /studio/journeys/{id}/deploy", role: users.Viewer, live: true, do: s.showDeploy},
		{pattern: "GET /studio/journeys/{id}/cancel", role: users.Operator, do: s.confirmCancelAll},
		{pattern: "POST /studio/journeys/{id}/cancel", role: users.Operator, do: s.cancelAll},
		{pattern: "GET /studio/enrollments/{id}", role: users.Viewer, live: true, do: s.showEnrollment},
		{pattern: "GET /studio/enrollments/{id}/cancel", role: users.Operator, do: s.confirmCancel},
		{pattern: "POST /studio/enrollments/{id}/cancel", role: users.Operator, do: s.cancel},
		{pattern: "GET /studio/enrollments/{id}/retry", role: users.Operator, do: s.confirmRetry},
		{pattern: "POST /studio/enrollments/{id}/retry", role: users.Operator, do: s.retry},
		{pattern: "GET /studio/buckets", role: users.Viewer, live: true, do: s.listBuckets},
		{pattern: "GET /studio/buckets/{id}", role: users.Viewer, live: true, do: s.showBucket},
		{pattern: "GET /studio/buckets/{id}/switch", role: users.Operator, do: s.confirmSwitch},
		{pattern: "POST /studio/buckets/{id}/switch", role: users.Operator, do: s.switchBucket},
		{pattern: "GET /studio/buckets/{id}/retire", role: users.Admin, do: s.confirmRetire},
		{pattern: "POST /studio/buckets/{id}/retire", role: users.Admin, do: s.retireBucket},
		{pattern: "GET /studio/buckets/{id}/what-if", role: users.Viewer, do: s.showWhatIf},
		{pattern: "POST /studio/buckets/{id}/what-if", role: users.Viewer, do: s.checkWhatIf},
		{pattern: "GET /studio/campaigns", role: users.Viewer, live: true, do: s.listCampaigns},
		{pattern: "POST /studio/campaigns", role: users.Admin, do: s.createCampaign},
		{pattern: "GET /studio/campaigns/new", role: users.Admin, do: s.newCampaign},
		{pattern: "GET /studio/campaigns/{id}", role: users.Viewer, live: true, do: s.showCampaign},
		{pattern: "GET /studio/campaigns/{id}/pause", role: users.Admin, do: s.confirmPauseCampaign},
		{pattern: "POST /studio/campaigns/{id}/pause", role: users.Admin, do: s.pauseCampaign},
		{pattern: "GET /studio/campaigns/{id}/resume", role: users.Admin, do: s.confirmResumeCampaign},
		{pattern: "POST /studio/campaigns/{id}/resume", role: users.Admin, do: s.resumeCampaign},
		{pattern: "GET /studio/campaigns/{id}/cancel", role: users.Admin, do: s.confirmCancelCampaign},
		{pattern: "POST /studio/campaigns/{id}/cancel", role: users.Admin, do: s.cancelCampaign},
		{pattern: "GET /studio/templates", role: users.Viewer, do: s.listTemplates},
		{pattern: "GET /studio/templates/{key...}", role: users.Viewer, do: s.showTemplate},
		{pattern: "GET /studio/template-body", role: users.Viewer, do: s.templateBody},
		{pattern: "POST /studio/template-test", role: users.Operator, do: s.sendTest},
		{pattern: "GET /studio/imports", role: users.Viewer, live: true, do: s.listImports},
		{pattern: "POST /studio/imports", role: users.Admin, most: maxUpload, do: s.startImport},
		{pattern: "GET /studio/imports/{id}", role: users.Viewer, live: true, do: s.showImport},
		{pattern: "GET /studio/erasures", role: users.Admin, do: s.listErasures},
		{pattern: "GET /studio/erasures/{id}", role: users.Admin, do: s.showErasure},
		{pattern: "POST /studio/erasures/{id}/verify", role: users.Admin, do: s.verifyErasure},
		{pattern: "GET /studio/settings", role: users.Admin, do: s.showSettings},
		{pattern: "GET /studio/lists", role: users.Viewer, do: s.listLists},
		{pattern: "GET /studio/suppressions", role: users.Viewer, do: s.listSuppressions},
		{pattern: "POST /studio/suppressions", role: users.Operator, do: s.suppress},
		{pattern: "GET /studio/suppressions/{id}/lift", role: users.Admin, do: s.confirmLift},
		{pattern: "POST /studio/suppressions/{id}/lift", role: users.Admin, do: s.lift},
		{pattern: "GET /studio/outbox", role: users.Admin, live: true, do: s.listOutbox},
		{pattern: "POST /studio/outbox/{id}/retry", role: users.Admin, do: s.retryOutbox},
		{pattern: "GET /studio/dead-letters", role: users.Admin, live: true, do: s.listLetters},
		{pattern: "GET /studio/dead-letters/retry", role: users.Admin, do: s.confirmLetters},
		{pattern: "POST /studio/dead-letters/retry", role: users.Admin, do: s.retryLetters},
		{pattern: "POST /studio/dead-letters/{id}/retry", role: users.Admin, do: s.retryLetter},
		{pattern: "GET /studio/dead-letters/{id}/discard", role: users.Admin, do: s.confirmDiscard},
		{pattern: "POST /studio/dead-letters/{id}/discard", role: users.Admin, do: s.discardLetter},
		{pattern: "GET /studio/keys", role: users.Admin, do: s.listKeys},
		{pattern: "POST /studio/keys", role: users.Admin, do: s.createKey},
		{pattern: "GET /studio/keys/{id}/revoke", role: users.Admin, do: s.confirmRevoke},
		{pattern: "POST /studio/keys/{id}/revoke", role: users.Admin, do: s.revokeKey},
		{pattern: "GET /studio/health", role: users.Viewer, live: true, do: s.showHealth},
		{pattern: "GET /studio/users", role: users.Admin, do: s.listUsers},
		{pattern: "POST /studio/users", role: users.Admin, do: s.invite},
		{pattern: "POST /studio/users/{id}/role", role: users.Admin, do: s.setRole},
		{pattern: "POST /studio/users/{id}/link", role: users.Admin, do: s.newLink},
		{pattern: "GET /studio/users/{id}/remove", role: users.Admin, do: s.confirmRemove},
		{pattern: "POST /studio/users/{id}/remove", role: users.Admin, do: s.removeUser},
		{pattern: "GET /studio/audit", role: users.Admin, do: s.listAudit},
		{pattern: "GET /studio/audit.csv", role: users.Admin, do: s.exportAudit},
		{pattern: "GET /studio/profile", role: users.Viewer, do: s.showProfile},
		{pattern: "POST /studio/profile", role: users.Viewer, do: s.saveProfile},
		{pattern: "POST /studio/profile/others", role: users.Viewer, do: s.signOutOthers},
	}
}
