package app

import (
	"net/url"
)

const bucketsPath = "/v1/admin/buckets"

func bucketPath(id string) string { return bucketsPath + "/" + url.PathEscape(id) }

const contactsPath = "/v1/admin/contacts"

const journeysPath = "/v1/admin/journeys"

// listedJourney is a JourneyItem as the API answers it.
type listedJourney struct {
	ID         string           `json:"id"`
	Name       string           `json:"name"`
	Enabled    bool             `json:"enabled"`
	Paused     bool             `json:"paused"`
	Trigger    map[string]any   `json:"trigger"`
	EntryLimit string           `json:"entryLimit"`
	Counts     map[string]int64 `json:"counts"`
}
