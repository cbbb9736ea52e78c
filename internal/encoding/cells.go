package encoding

import "strings"

// Cells are cells of a table that no spreadsheet takes for a formula (O-24).
func Cells(cells ...string) []string {
	for i, cell := range cells {
		if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			cells[i] = "'" + cell
		}
	}
	return cells
}
