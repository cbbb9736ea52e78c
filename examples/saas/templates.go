package saas

import (
	"embed"
	"slices"

	"github.com/hogsend/hogsend"
)

//go:embed templates/*.html
var files embed.FS

// file is an embedded template; the name is a constant of this file, so that a
// missing one is found by every test.
func file(name string) string {
	body, err := files.ReadFile("templates/" + name + ".html")
	if err != nil {
		return ""
	}
	return string(body)
}

// The keys of the templates, as journeys name them.
const (
	TemplateWelcome         = "welcome"
	TemplateNudge           = "nudge"
	TemplateTrialEnding     = "trial-ending"
	TemplateTrialEnded      = "trial-ended"
	TemplatePaymentFailed   = "payment-failed"
	TemplatePaymentReminder = "payment-reminder"
	TemplateOrderThanks     = "order-thanks"
	TemplateWinBack         = "win-back"
	TemplateLastCall        = "last-call"
)

// WelcomeProps are what the welcome mail says.
type WelcomeProps struct {
	// Workspace is the name of the new workspace; "" leaves it out.
	Workspace string `json:"workspace"`
}

// NudgeProps are what the reminder to try the product says.
type NudgeProps struct {
	// Steps are what is left to do, most useful first; none shows the usual three.
	Steps []Step `json:"steps"`
}

// Step is one thing to do in the product.
type Step struct {
	Title  string `json:"title"`
	Detail string `json:"detail"`
	// Path leads into the application, for example "/boards/new".
	Path string `json:"path"`
}

// TrialEndingProps are what the mail before the end of a trial says.
type TrialEndingProps struct {
	// DaysLeft is counted from the day of the mail; 0 means today.
	DaysLeft int `json:"daysLeft"`
	// Plan is the plan that is on offer, Price what it costs, as shown to people.
	Plan  string `json:"plan"`
	Price string `json:"price"`
	// Boards and Members are what the workspace holds by now; 0 leaves them out.
	Boards  int `json:"boards"`
	Members int `json:"members"`
}

// TrialEndedProps are what the mail after the end of a trial says.
type TrialEndedProps struct {
	Plan string `json:"plan"`
	// KeptDays is how long the boards are kept; 0 means 30.
	KeptDays int `json:"keptDays"`
}

// PaymentProps are what both mails about a failed payment say.
type PaymentProps struct {
	// Amount is as shown to people, for example "$49.00".
	Amount    string `json:"amount"`
	InvoiceID string `json:"invoiceId"`
	// CardLast4 are the last digits of the card; "" leaves it out.
	CardLast4 string `json:"cardLast4"`
	// UpdateURL is where the card is changed; "" means the billing page.
	UpdateURL string `json:"updateUrl"`
	// PauseOn is the day on which the workspace becomes read-only, as shown to people.
	PauseOn string `json:"pauseOn"`
}

// OrderThanksProps are what the receipt says.
type OrderThanksProps struct {
	OrderID string      `json:"orderId"`
	Items   []OrderItem `json:"items"`
	Total   string      `json:"total"`
}

// OrderItem is one line of a receipt.
type OrderItem struct {
	Name     string `json:"name"`
	Quantity int    `json:"quantity"`
	Price    string `json:"price"`
}

// WinBackProps are what the mail to somebody who went dormant says.
type WinBackProps struct {
	// Boards is how many the workspace holds; 0 leaves it out.
	Boards int `json:"boards"`
}

// Layout is what all mails of Acme Boards look like.
func Layout() string { return file("layout") }

// Templates are the mails of Acme Boards, a small product for planning on boards.
func Templates() []hogsend.Template {
	payment := PaymentProps{
		Amount: "$49.00", InvoiceID: "INV-2041", CardLast4: "4242",
		UpdateURL: "https://boards.acme.example/billing/INV-2041", PauseOn: "March 14",
	}
	return slices.Concat([]hogsend.Template{
		{
			Key:      TemplateWelcome,
			Subject:  "Welcome to Acme Boards, {{.Name}}",
			Preview:  "Your first board takes about two minutes.",
			HTML:     file("welcome"),
			Props:    WelcomeProps{},
			Examples: map[string]any{"team": WelcomeProps{Workspace: "Analytical Engines"}},
		},
		{
			Key:     TemplateNudge,
			Subject: "{{.Name}}, your board is waiting",
			Preview: "Small steps that teams take on their first day.",
			HTML:    file("nudge"),
			Props:   NudgeProps{},
			Examples: map[string]any{"two steps": NudgeProps{Steps: []Step{
				{Title: "Invite a teammate", Detail: "Boards are more fun with two.", Path: "/members/invite"},
				{Title: "Move your first card", Detail: "Drag it to Done. It feels good.", Path: "/boards"},
			}}},
		},
		{
			Key:     TemplateTrialEnding,
			Subject: "Your trial ends {{if eq .Props.DaysLeft 0}}today{{else if eq .Props.DaysLeft 1}}tomorrow{{else}}in {{.Props.DaysLeft}} days{{end}}",
			Preview: "Keep your boards{{with .Props.Plan}} with {{.}}{{end}}.",
			HTML:    file("trial-ending"),
			Props:   TrialEndingProps{},
			Examples: map[string]any{
				"three days": TrialEndingProps{DaysLeft: 3, Plan: "Team", Price: "$49 a month", Boards: 12, Members: 5},
				"tomorrow":   TrialEndingProps{DaysLeft: 1, Plan: "Team", Price: "$49 a month", Boards: 1, Members: 1},
			},
		},
		{
			Key:      TemplateTrialEnded,
			Subject:  "Your trial has ended, your boards are safe",
			Preview:  "Pick a plan whenever you are ready.",
			HTML:     file("trial-ended"),
			Props:    TrialEndedProps{},
			Examples: map[string]any{"team": TrialEndedProps{Plan: "Team", KeptDays: 30}},
		},
		{
			Key:      TemplatePaymentFailed,
			Subject:  "We could not collect {{with .Props.Amount}}{{.}}{{else}}your payment{{end}}",
			Preview:  "Nothing has changed yet. A new card takes a minute.",
			HTML:     file("payment-failed"),
			Props:    PaymentProps{},
			Category: "transactional",
			Examples: map[string]any{"card": payment},
		},
		{
			Key:      TemplatePaymentReminder,
			Subject:  "Reminder: {{with .Props.InvoiceID}}invoice {{.}}{{else}}an invoice{{end}} is still open",
			Preview:  "{{with .Props.PauseOn}}Your workspace becomes read-only on {{.}}.{{end}}",
			HTML:     file("payment-reminder"),
			Props:    PaymentProps{},
			Category: "transactional",
			Examples: map[string]any{"card": payment},
		},
		{
			Key:      TemplateOrderThanks,
			Subject:  "Thank you for your order{{with .Props.OrderID}} {{.}}{{end}}",
			Preview:  "{{with .Props.Total}}We received your payment of {{.}}.{{end}}",
			HTML:     file("order-thanks"),
			Props:    OrderThanksProps{},
			Category: "transactional",
			Examples: map[string]any{"two items": OrderThanksProps{
				OrderID: "A-1043", Total: "$118.00",
				Items: []OrderItem{
					{Name: "Team plan, one year", Quantity: 1, Price: "$98.00"},
					{Name: "Extra seat", Quantity: 2, Price: "$20.00"},
				},
			}},
		},
		{
			Key:      TemplateWinBack,
			Subject:  "{{.Name}}, your boards are where you left them",
			Preview:  "One card is enough to be back.",
			HTML:     file("win-back"),
			Props:    WinBackProps{},
			Examples: map[string]any{"three boards": WinBackProps{Boards: 3}},
		},
		{
			Key:     TemplateLastCall,
			Subject: "Shall we keep your boards?",
			Preview: "The last mail about this.",
			HTML:    file("last-call"),
		},
	}, onboardingTemplates(), checkoutTemplates(), milestoneTemplates(), digestTemplates(), npsTemplates(), referralTemplates())
}
