package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/store"
)

// Days of which examineZones asks where they begin: a year back and a year ahead.
const (
	zonesBack  = 366
	zonesAhead = 366
)

// examineZones compares what Postgres knows of time zones with what is compiled in: criteria
// on days go by Postgres, all else by the other one (C-31, S-3). It is a fault if a contact
// is in a zone in which they differ.
func examineZones(ctx context.Context, s *store.Store, now time.Time, note func(string, string, error)) {
	differing, err := differingZones(ctx, s, now)
	if err != nil {
		note("time zones", "", fmt.Errorf("compare with those of postgres: %w", err))
		return
	}
	if len(differing) == 0 {
		note("time zones", "those of postgres and of this build agree", nil)
		return
	}
	var used []string
	err = s.Pool.QueryRow(ctx, `select coalesce(array_agg(z order by z), '{}') from unnest($1::text[]) z
		where z = (select timezone from registry_state) or exists (select from contacts c where c.deleted_at is null
			and z in (btrim(c.timezone), btrim(c.properties ->> 'timezone'), btrim(c.properties ->> '$timezone'), btrim(c.properties ->> '$geoip_time_zone')))`, differing).Scan(&used)
	if err != nil {
		note("time zones", "", fmt.Errorf("look who is where days begin otherwise for postgres (%s): %w", strings.Join(differing, ", "), err))
		return
	}
	if len(used) == 0 {
		note("time zones", "nobody is where days begin otherwise for postgres: "+strings.Join(differing, ", "), nil)
		return
	}
	note("time zones", "", fmt.Errorf("for postgres days begin otherwise in %s, where contacts are: bring its time zones up to date, or hogsend", strings.Join(used, ", ")))
}

// differingZones are those whose offset differs at the beginning of some UTC day within the
// days that are compared, sorted.
func differingZones(ctx context.Context, s *store.Store, now time.Time) ([]string, error) {
	from := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -zonesBack)
	// Only the days on which an offset changes come over the wire.
	rows, err := s.Pool.Query(ctx, `
		select name, at, seconds from (
			select z.name, d.at, extract(epoch from (d.at at time zone z.asked) - (d.at at time zone 'UTC'))::int as seconds,
				lag(extract(epoch from (d.at at time zone z.asked) - (d.at at time zone 'UTC'))::int) over (partition by z.name order by d.at) as before
			from zones z cross join generate_series($1::timestamptz, $1::timestamptz + $2::int * interval '1 day', interval '1 day') as d (at)
		) offsets where seconds is distinct from before order by name, at`, from, zonesBack+zonesAhead)
	if err != nil {
		return nil, err
	}
	theirs := map[string][]string{}
	var name string
	var at time.Time
	var seconds int
	if _, err := pgx.ForEachRow(rows, []any{&name, &at, &seconds}, func() error {
		theirs[name] = append(theirs[name], fmt.Sprint(at.Unix(), " ", seconds))
		return nil
	}); err != nil {
		return nil, err
	}
	var differing []string
	for name, changes := range theirs {
		loc, err := hogsend.LoadZone(name)
		if err != nil || !slices.Equal(changes, offsetChanges(loc, from)) {
			differing = append(differing, name)
		}
	}
	slices.Sort(differing)
	return differing, nil
}

// offsetChanges are the days on which an offset is another one than the day before.
func offsetChanges(loc *time.Location, from time.Time) []string {
	var changes []string
	before := -1
	for day := range zonesBack + zonesAhead + 1 {
		at := from.AddDate(0, 0, day)
		if _, seconds := at.In(loc).Zone(); day == 0 || seconds != before {
			before = seconds
			changes = append(changes, fmt.Sprint(at.Unix(), " ", seconds))
		}
	}
	return changes
}
