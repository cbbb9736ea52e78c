package app

import (
	"strings"

	"github.com/hogsend/hogsend/internal/config"
	"github.com/hogsend/hogsend/server/studio"
)

// settings are the variables of the environment as a process was started with, for people:
// what may be a secret is only said to be set (O-38).
func settings(lookup func(string) (string, bool)) []studio.SettingGroup {
	var groups []studio.SettingGroup
	for _, g := range config.Reference() {
		group := studio.SettingGroup{Title: g.Title}
		for _, v := range g.Variables {
			one := studio.Setting{Name: v.Name, Value: v.Default, Meaning: v.Meaning}
			if one.Value == "" {
				one.Value = "not set"
			}
			if value, given := lookup(v.Name); given && value != "" {
				one.Given, one.Value = true, value
				if maybeSecret(v.Name, value) {
					one.Value = "set"
				}
			}
			group.Settings = append(group.Settings, one)
		}
		groups = append(groups, group)
	}
	return groups
}

// maybeSecret errs on the side of hiding.
func maybeSecret(name, value string) bool {
	for _, part := range []string{"SECRET", "KEY", "PASSWORD", "TOKEN", "DATABASE_URL", "SMTP_URL", "DSN", "HEADERS"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return strings.Contains(value, "://") && strings.Contains(value, "@")
}
