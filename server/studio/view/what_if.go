package view

// WhatIf tries criteria out against everybody (U-28).
type WhatIf struct {
	Frame
	ID, Action, JSON string
	Back             Link
	Criteria         Said
	Problems         []Problem
	Counts           []Tile
	At               *Time
	Leaves           []LeafRow
	Sample           []Link
	Code             string
}

// LeafRow is one of the criteria with how many it holds for.
type LeafRow struct {
	Words, People string
	Share         Rate
}
