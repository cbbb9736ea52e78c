// Package email turns templates into mails: it checks and renders them, signs the
// links of opting out, and says what a provider is.
package email
