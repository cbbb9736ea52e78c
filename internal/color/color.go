// Package color tells how well a text can be read on what is behind it, and finds a shade
// of a color that can be, by the rules of WCAG 2.
package color

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// RGB is an opaque color.
type RGB struct{ R, G, B uint8 }

// The ends.
var (
	black = RGB{}
	white = RGB{255, 255, 255}
)

// Contrasts that WCAG 2 asks for, at level AA: of text, and of large text and of what one operates.
const (
	Text  = 4.5
	Large = 3.0
)

// String is the color as #rrggbb.
func (c RGB) String() string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// Parse reads an opaque color as CSS writes it: #rgb, #rrggbb, rgb() of whole numbers, and
// the names that mails use. Everything else is not ok, a transparent one too.
func Parse(text string) (c RGB, ok bool) {
	text = strings.ToLower(strings.TrimSpace(text))
	if digits, found := strings.CutPrefix(text, "#"); found {
		if len(digits) == 3 {
			digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
		}
		n, err := strconv.ParseUint(digits, 16, 32)
		return RGB{uint8(n >> 16), uint8(n >> 8), uint8(n)}, err == nil && len(digits) == 6 //nolint:gosec // a byte each
	}
	if inside, found := strings.CutPrefix(text, "rgb("); found && strings.HasSuffix(inside, ")") {
		return channels(strings.FieldsFunc(strings.TrimSuffix(inside, ")"), func(r rune) bool { return r == ',' || r == ' ' }))
	}
	c, ok = named()[text]
	return c, ok
}

func channels(parts []string) (c RGB, ok bool) {
	if len(parts) != 3 {
		return c, false
	}
	for i, to := range []*uint8{&c.R, &c.G, &c.B} {
		n, err := strconv.ParseUint(parts[i], 10, 8)
		if err != nil {
			return c, false
		}
		*to = uint8(n)
	}
	return c, true
}

// named are the sixteen names of HTML, and two more that are often written.
func named() map[string]RGB {
	return map[string]RGB{
		"black": black, "silver": {192, 192, 192}, "gray": {128, 128, 128}, "white": white, "maroon": {128, 0, 0}, "red": {255, 0, 0},
		"purple": {128, 0, 128}, "fuchsia": {255, 0, 255}, "green": {0, 128, 0}, "lime": {0, 255, 0}, "olive": {128, 128, 0}, "yellow": {255, 255, 0},
		"navy": {0, 0, 128}, "blue": {0, 0, 255}, "teal": {0, 128, 128}, "aqua": {0, 255, 255}, "grey": {128, 128, 128}, "orange": {255, 165, 0},
	}
}

func (c RGB) luminance() float64 {
	linear := func(channel uint8) float64 {
		v := float64(channel) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}

// Contrast is that of two colors, from 1 to 21.
func Contrast(a, b RGB) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// On is what is better read on a color: black or white.
func On(back RGB) RGB {
	if Contrast(white, back) >= Contrast(black, back) {
		return white
	}
	return black
}

// Readable is the shade nearest to a color that has at least a contrast on what is behind
// it. What no shade reaches is black or white.
func Readable(c, back RGB, least float64) RGB {
	end := On(back)
	const steps = 64
	for i := range steps {
		if shade := c.toward(end, float64(i)/steps); Contrast(shade, back) >= least {
			return shade
		}
	}
	return end
}

// toward mixes in a part of another color.
func (c RGB) toward(other RGB, part float64) RGB {
	mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + (float64(b)-float64(a))*part)) }
	return RGB{mix(c.R, other.R), mix(c.G, other.G), mix(c.B, other.B)}
}
