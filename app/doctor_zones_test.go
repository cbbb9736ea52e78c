package app

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/dbtest"
)

// S-3, C-31: zones in which days begin otherwise for Postgres are told, and are a fault where
// somebody is.
func TestDoctorComparesTimeZones(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	examine := func() (finding, bool) {
		var found finding
		examineZones(t.Context(), s, time.Now(), func(check, detail string, err error) {
			if found = (finding{Check: check, OK: err == nil, Detail: detail}); err != nil {
				found.Detail = err.Error()
			}
		})
		return found, found.OK
	}
	_, err := s.Pool.Exec(t.Context(), `delete from zones where name not in ('Europe/Berlin', 'Asia/Tokyo', 'America/Santiago', 'UTC')`)
	require.NoError(t, err)
	found, ok := examine()
	require.True(t, ok, found.Detail)
	require.Equal(t, "those of postgres and of this build agree", found.Detail)

	// A Postgres that knows another Berlin and Tokyo than we do.
	_, err = s.Pool.Exec(t.Context(), `update zones set asked = 'Europe/London' where name = 'Europe/Berlin'; update zones set asked = 'Asia/Seoul' where name = 'Asia/Tokyo'`)
	require.NoError(t, err)
	found, ok = examine()
	require.True(t, ok)
	require.Equal(t, "nobody is where days begin otherwise for postgres: Europe/Berlin", found.Detail, "Seoul keeps Tokyo's hours")
	for _, where := range []string{`timezone = ' Europe/Berlin'`, `timezone = null, properties = '{"$geoip_time_zone": "Europe/Berlin"}'`} {
		_, err = s.Pool.Exec(t.Context(), `insert into contacts (id, first_seen_at, last_seen_at, created_at, updated_at) values ('00000000-0000-7000-8000-000000000001', now(), now(), now(), now()) on conflict do nothing`)
		require.NoError(t, err)
		_, err = s.Pool.Exec(t.Context(), `update contacts set `+where)
		require.NoError(t, err)
		found, ok = examine()
		require.False(t, ok)
		require.Equal(t, "for postgres days begin otherwise in Europe/Berlin, where contacts are: bring its time zones up to date, or hogsend", found.Detail)
	}
	_, err = s.Pool.Exec(t.Context(), `update contacts set deleted_at = now()`)
	require.NoError(t, err)
	found, ok = examine()
	require.True(t, ok, found.Detail)
	_, err = s.Pool.Exec(t.Context(), `update registry_state set timezone = 'Europe/Berlin'`)
	require.NoError(t, err)
	_, ok = examine()
	require.False(t, ok, "everybody whose zone is not known is there")
}
