package zone_test

import (
	"archive/zip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/zone"
)

// S-3
func TestEveryNameOfTheDatabaseIsAZone(t *testing.T) {
	t.Parallel()
	archive, err := zip.OpenReader("zoneinfo.zip")
	require.NoError(t, err)
	t.Cleanup(func() { _ = archive.Close() })
	require.Greater(t, len(archive.File), 500)
	for _, f := range archive.File {
		loc, err := zone.Load(" " + f.Name + "\t")
		if f.Name == "Factory" {
			require.Error(t, err)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, f.Name, loc.String())
	}
}

// S-3
func TestOtherNamesAreNoZones(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", " ", "Local", "localtime", "+02:00", "europe/berlin", "EUROPE/BERLIN", "Mars/Phobos", "../UTC", "/etc/localtime", "posix/Europe/Berlin",
		"right/UTC", "Europe", "Europe/", "Factory", "UTC\nZulu", "UTC\x00", strings.Repeat("x", 100_000),
	} {
		_, err := zone.Load(name)
		require.ErrorContains(t, err, "is not the name of a time zone", "%q", name)
	}
}

// S-3: a machine's own database and the environment change nothing. The variable
// counts once for each process, so that it is set before anything asks Go for a zone.
func TestTheMachinesDatabaseIsNotAsked(t *testing.T) {
	t.Setenv("ZONEINFO", "testdata")
	fake, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	at := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	_, offset := at.In(fake).Zone()
	require.Zero(t, offset, "the planted database takes Berlin for UTC")

	berlin, err := zone.Load("Europe/Berlin")
	require.NoError(t, err)
	_, offset = at.In(berlin).Zone()
	require.Equal(t, 2*3600, offset)
}
