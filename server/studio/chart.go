package studio

import (
	"strconv"

	"github.com/hogsend/hogsend/server/studio/view"
)

// The sizes of a chart, in units of its picture.
const (
	chartWidth  = 640
	chartHeight = 160
	chartLeft   = 44
	chartFoot   = 20
)

// stack is one bar: parts from the bottom up, each with the tone of a state.
type stack struct {
	label, title, url string
	parts             []int64
}

// stacked draws bars in Go: without script, for eyes, print and readers of the screen.
func stacked(caption string, names, tones []string, bars []stack) view.Chart {
	c := view.Chart{Width: chartWidth, Height: chartHeight, Caption: caption}
	for i, name := range names {
		c.Legend = append(c.Legend, view.Badge{Word: name, Tone: tones[i]})
	}
	var tallest int64 = 1
	for _, b := range bars {
		tallest = max(tallest, sum(b.parts))
	}
	top := niceTop(tallest)
	scale := func(n int64) int { return int(n * (chartHeight - chartFoot - 8) / top) }
	for _, n := range []int64{0, top / 2, top} {
		c.Ticks = append(c.Ticks, view.Tick{Y: chartHeight - chartFoot - scale(n), Left: chartLeft, Label: number(n)})
	}
	step := (chartWidth - chartLeft) / max(1, len(bars))
	for i, b := range bars {
		bar := view.Bar{X: chartLeft + i*step + step/8, Width: step - step/4, Label: b.label, Title: b.title, URL: b.url, Middle: chartLeft + i*step + step/2, Foot: chartHeight - 4}
		y := chartHeight - chartFoot
		row := view.ChartRow{Label: b.title}
		for k, n := range b.parts {
			h := scale(n)
			if n > 0 && h == 0 {
				h = 1 // something is not nothing
			}
			y -= h
			bar.Parts = append(bar.Parts, view.BarPart{Y: y, Height: h, Tone: tones[k]})
			row.Values = append(row.Values, number(n))
		}
		c.Bars = append(c.Bars, bar)
		c.Rows = append(c.Rows, row)
	}
	return c
}

func sum(parts []int64) int64 {
	var total int64
	for _, n := range parts {
		total += n
	}
	return total
}

// niceTop is the next number after n that an axis can end with: 2, 4, 10, 20, 40, 100 …
func niceTop(n int64) int64 {
	for scale := int64(1); ; scale *= 10 {
		for _, step := range []int64{2, 4, 10} {
			if n <= step*scale {
				return step * scale
			}
		}
	}
}

// percent is a share with its numerator and denominator (U-57).
func percent(part, whole int64) view.Rate {
	if whole == 0 {
		return view.Rate{Text: "–", Title: "nothing to divide by"}
	}
	return view.Rate{Text: strconv.FormatFloat(100*float64(part)/float64(whole), 'f', 1, 64) + " %", Title: number(part) + " of " + number(whole)}
}
