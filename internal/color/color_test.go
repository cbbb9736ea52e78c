package color_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/color"
)

// The contrasts are those of the examples that WCAG's own tools print.
func TestContrast(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want float64
	}{
		{"#000", "#ffffff", 21}, {"white", "WHITE", 1}, {"#777", "#fff", 4.48}, {"#767676", "#fff", 4.54}, {"rgb(0, 0, 255)", "#fff", 8.59}, {"red", "#fff", 4}, {"#4f46e5", "#fff", 6.29},
	} {
		a, ok := color.Parse(tt.a)
		require.True(t, ok, tt.a)
		b, ok := color.Parse(tt.b)
		require.True(t, ok, tt.b)
		require.InDelta(t, tt.want, color.Contrast(a, b), 0.01, "%s on %s", tt.a, tt.b)
		require.InDelta(t, color.Contrast(a, b), color.Contrast(b, a), 0)
	}
	for _, other := range []string{"", "#", "#ff", "#12345", "#ggg", "rgb(1,2)", "rgb(1,2,300)", "rgba(0,0,0,.5)", "transparent", "currentcolor", "var(--x)", "#ffffff80"} {
		_, ok := color.Parse(other)
		require.False(t, ok, other)
	}
}

func TestShadesThatCanBeRead(t *testing.T) {
	t.Parallel()
	for _, back := range []string{"#ffffff", "#1b202b", "#808080", "#ffee00"} {
		behind, _ := color.Parse(back)
		for _, text := range []string{"#4f46e5", "#ffee00", "#000000", "#ffffff", "#7f7f7f", "#22c55e"} {
			c, _ := color.Parse(text)
			shade := color.Readable(c, behind, color.Text)
			require.GreaterOrEqual(t, color.Contrast(shade, behind), color.Text, "%s on %s", text, back)
			if color.Contrast(c, behind) >= color.Text {
				require.Equal(t, c, shade, "what can be read stays")
			}
		}
		require.GreaterOrEqual(t, color.Contrast(color.On(behind), behind), color.Text)
	}
	for back, on := range map[string]string{"#000000": "#ffffff", "#ffffff": "#000000", "#4f46e5": "#ffffff", "#1f2937": "#ffffff", "#00ff00": "#000000", "#ff0000": "#000000"} {
		c, _ := color.Parse(back)
		require.Equal(t, on, color.On(c).String(), back)
	}
	require.Equal(t, "#0a0b0c", color.RGB{10, 11, 12}.String())
}
