package app

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"runtime/debug"
)

// Version is the product's version.
const Version = "0.1.0"

// buildID tells one build from another: the configured id, else the VCS revision
// in the binary, else a hash of the executable (J-110).
func buildID(configured string) string {
	if configured != "" {
		return configured
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		revision, dirty := "", ""
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				revision = s.Value
			case "vcs.modified":
				if s.Value == "true" {
					dirty = "+dirty"
				}
			}
		}
		if revision != "" {
			return revision[:min(12, len(revision))] + dirty
		}
	}
	return executableHash()
}

// isStock reports whether this is the product's own binary, whose registry is the example's.
func isStock() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && info.Path == "github.com/hogsend/hogsend/cmd/hogsend"
}

func executableHash() string {
	path, err := os.Executable()
	if err != nil {
		return "unknown"
	}
	f, err := os.Open(path) //nolint:gosec // this very program
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "unknown"
	}
	return hex.EncodeToString(sum.Sum(nil))[:12]
}
