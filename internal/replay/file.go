package replay

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
)

// Files are the stored histories below a folder, in order; a folder without any is an
// error (T-18).
func Files(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(path, ".json") {
			files = append(files, path)
		}
		return err
	})
	if err == nil && len(files) == 0 {
		err = errors.New("there are none")
	}
	if err != nil {
		return nil, fmt.Errorf("find stored histories in %s: %w", dir, err)
	}
	slices.Sort(files)
	return files, nil
}

// ReadFile reads one stored history.
func ReadFile(file string) (*historypb.History, error) {
	raw, err := os.ReadFile(file) //nolint:gosec // a file of the folder that the command names
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	history := &historypb.History{}
	if err := (temporalproto.CustomJSONUnmarshalOptions{DiscardUnknown: true}).Unmarshal(raw, history); err != nil {
		return nil, fmt.Errorf("read history %s: %w", file, err)
	}
	return history, nil
}

// FileName is where the history of a journey that waits at a label is stored,
// <dir>/<journey>/<label>.json (T-17).
func FileName(dir, journey, label string) string {
	return filepath.Join(dir, fileName(journey), fileName(label)+".json")
}

// WriteFile stores a history. The same history makes the same bytes.
func WriteFile(file string, history *historypb.History) error {
	raw, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(history)
	if err != nil {
		return fmt.Errorf("encode history: %w", err)
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return fmt.Errorf("encode history: %w", err)
	}
	indented, err := json.MarshalIndent(tree, "", "  ")
	if err != nil {
		return fmt.Errorf("encode history: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // part of a repository
		return fmt.Errorf("write history: %w", err)
	}
	if err := os.WriteFile(file, append(indented, '\n'), 0o644); err != nil { //nolint:gosec // part of a repository
		return fmt.Errorf("write history: %w", err)
	}
	return nil
}

// fileName is a label without the characters that file systems have uses for.
func fileName(label string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_' {
			return r
		}
		return '-'
	}, label)
}
