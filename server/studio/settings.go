package studio

import (
	"net/http"

	"github.com/hogsend/hogsend/server/studio/view"
)

// SettingGroup are variables of the environment that belong together.
type SettingGroup struct {
	Title    string
	Settings []Setting
}

// Setting is one variable as this process was started with; Value never holds a secret.
type Setting struct {
	Name, Value, Meaning string
	Given                bool // by the environment, else it is the default
}

// showSettings is U-43: what this process runs with.
func (s *Studio) showSettings(r *request) error {
	var v view.Settings
	for _, g := range s.cfg.Settings {
		group := view.SettingGroup{Title: g.Title}
		for _, one := range g.Settings {
			group.Rows = append(group.Rows, view.SettingRow{Name: one.Name, Value: cut(visible(one.Value), 200), Meaning: one.Meaning, Given: one.Given})
		}
		v.Groups = append(v.Groups, group)
	}
	v.Frame = s.frame(r, "Settings", "Settings")
	return s.show(r, http.StatusOK, "settings", v)
}
