// Package email turns templates into mails: it checks and renders them, signs the
// links of opting out, and says what a provider is.
//
// Inlining of styles and the plain text are our own. The libraries were tried with the
// cases of this package's tests: go-premailer v1.38.0 deletes "#outlook a" and every rule
// that matches nothing, writes "--Brand: #f00" as "-Brand: -#f00", keeps one of two
// values that are a fallback and its improvement, and moves the rule of html out of the
// style block (E-77); k3a/html2text v1.3.0 has neither dashes nor numbers for the items of
// lists, glues the cells of a row together, and prints what is hidden (E-80).
package email
