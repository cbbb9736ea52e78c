package kit

import (
	_ "embed"
	"strings"

	"github.com/hogsend/hogsend/internal/color"
)

//go:embed sheet.css
var sheetSource string

// The colors of what text stands on.
var (
	card     = color.RGB{R: 0xff, G: 0xff, B: 0xff}
	cardDark = color.RGB{R: 0x1b, G: 0x20, B: 0x2b}
)

// sheet is the style sheet with a color for buttons, and shades of it in which links can be
// read. It is one line, for its place in the source of a layout.
func sheet(accent color.RGB) string {
	// A dark button would be lost on a dark card.
	face := color.Readable(accent, cardDark, color.Large)
	text := strings.NewReplacer(
		"$face-dark", face.String(), "$on-face-dark", color.On(face).String(),
		"$accent", accent.String(), "$on-accent", color.On(accent).String(),
		"$link-dark", color.Readable(accent, cardDark, color.Text).String(), "$link", color.Readable(accent, card, color.Text).String(),
		"$mark-dark", color.Readable(accent, color.RGB{R: 0x2d, G: 0x33, B: 0x44}, color.Text).String(), "$mark", color.Readable(accent, color.RGB{R: 0xee, G: 0xf0, B: 0xf6}, color.Text).String(),
	).Replace(sheetSource)
	return strings.Join(strings.Fields(text), " ")
}
