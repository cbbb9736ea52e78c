package flow

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func welcome() Seq {
	return Seq{
		{Node: &Node{Kind: Send, ID: "send:welcome", Text: "Mail welcome"}},
		{Node: &Node{Kind: Wait, ID: "wait-event:feature.used", Text: "Waits for feature.used", For: "at most 2 days"}},
		{Branch: &Branch{On: "feature.used came", Arms: []Arm{{When: "came", Seq: Seq{{End: Completed}}}, {When: "time ran out"}}}},
		{Loop: &Loop{Over: "3 times", Body: Seq{{Node: &Node{Kind: Wait, ID: "wait:*", Text: "Waits", For: "as long as code says"}}, {Node: &Node{Kind: Send, ID: "tip:*", Text: "Mail tip"}}}}},
		{Node: &Node{Kind: Send, ID: "send:nudge", Text: "Mail nudge"}},
	}
}

// U-46: the same as text, for terminals and for who does not see pictures.
func TestText(t *testing.T) {
	t.Parallel()
	require.Equal(t, `├─ Mail welcome  #1
├─ Waits for feature.used, at most 2 days  #2
├─ feature.used came?
│  ├─ came: done
│  └─ time ran out: goes on
├─ 3 times
│  ├─ Waits as long as code says  #3
│  └─ Mail tip  #4
└─ Mail nudge  #5
`, func() string {
		n := 0
		return welcome().Text(func(*Node) string { n++; return "#" + string(rune('0'+n)) })
	}())
}

// U-46: people are where the code has their node: by its id, by its pattern, or held there;
// nodes that no code has are told apart, which is how those of earlier versions stay in sight.
func TestJoin(t *testing.T) {
	t.Parallel()
	root := welcome()
	c := Join(root, map[string]People{
		"send:welcome": {Here: 2, Passed: 9}, "paused:send:welcome": {Here: 3}, "wait:48h": {Here: 1, Passed: 4}, "wait:96h": {Here: 1},
		"tip:view.saved": {Passed: 2}, "defer:nudge": {Here: 5}, "defer:tip:rule.created": {Here: 1}, "wait-event:old": {Here: 7}, "start": {Here: 1}, "paused:start": {Here: 2},
	})
	of := func(i int) People {
		var found []People
		root.Nodes(func(n *Node) { found = append(found, c.Of[n]) })
		return found[i]
	}
	require.Equal(t, People{Here: 5, Passed: 9, Held: 3}, of(0))
	require.Equal(t, People{}, of(1))
	require.Equal(t, People{Here: 2, Passed: 4}, of(2))
	require.Equal(t, People{Here: 1, Passed: 2, Held: 1}, of(3))
	require.Equal(t, People{Here: 5, Held: 5}, of(4))
	require.Equal(t, People{Here: 3, Held: 2}, c.Start)
	require.Equal(t, []string{"wait-event:old"}, c.Earlier)
	require.Equal(t, int64(7), c.Others["wait-event:old"].Here)
}

// U-46: nothing of a picture lies on something else, and all of it lies within.
func TestNothingOverlaps(t *testing.T) {
	t.Parallel()
	deep := Seq{}
	for range 12 {
		deep = Seq{{Branch: &Branch{On: "deeper", Arms: []Arm{{When: "yes", Seq: append(deep, welcome()...)}, {When: "no"}, {When: "else", Seq: Seq{{End: "exit:x"}}}}}}}
	}
	for _, root := range []Seq{nil, welcome(), deep} {
		d := Draw(root, "user.created")
		for i, a := range d.Boxes {
			require.True(t, a.X >= 0 && a.Y >= 0 && a.X+a.W <= d.Width && a.Y+a.H <= d.Height, "%+v in %d × %d", a, d.Width, d.Height)
			for _, b := range d.Boxes[:i] {
				require.False(t, a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H, "%+v on %+v", a, b)
			}
		}
		for _, l := range d.Lines {
			for _, p := range l.Points {
				require.True(t, p[0] >= 0 && p[1] >= 0 && p[0] <= d.Width && p[1] <= d.Height, "%v", p)
			}
		}
	}
}

// What is written is read again, and is the same for the same code.
func TestMarshal(t *testing.T) {
	t.Parallel()
	f := &File{Module: "example.com/shop", Functions: map[string]Function{"example.com/shop.welcome": {Place: "journeys.go", Root: welcome()}}}
	data, err := f.Marshal()
	require.NoError(t, err)
	again, err := Parse(data)
	require.NoError(t, err)
	require.Equal(t, f, again)
	none, err := Parse(nil)
	require.NoError(t, err)
	require.Nil(t, none)
	_, err = Parse([]byte("{"))
	require.Error(t, err)
}
