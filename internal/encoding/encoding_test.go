package encoding

import (
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
)

func TestOnlyUTF8IsRead(t *testing.T) { // I-60
	t.Parallel()
	const text = `{"name":"Ä"}`
	wide := func(order binary.ByteOrder, mark bool, size int) (out []byte) {
		units := utf16.Encode([]rune(text))
		if mark {
			units = append([]uint16{0xfeff}, units...)
		}
		for _, u := range units {
			unit := make([]byte, size)
			if size == 2 {
				order.PutUint16(unit, u)
			} else {
				order.PutUint32(unit, uint32(u))
			}
			out = append(out, unit...)
		}
		return out
	}
	for _, mark := range []bool{true, false} {
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			_, err := UTF8(wide(order, mark, 2))
			require.ErrorIs(t, err, ErrUTF16)
			_, err = UTF8(wide(order, mark, 4))
			require.ErrorIs(t, err, ErrUTF32)
		}
	}
	for in, want := range map[string]string{text: text, "\ufeff" + text: text, "\ufeff": "", "": "", "{}": "{}", "1": "1", "\ufeff\ufeff{}": "\ufeff{}", "\x00": "\x00"} {
		got, err := UTF8([]byte(in))
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
}

func TestAFileIsReadWithoutItsMark(t *testing.T) { // I-60
	t.Parallel()
	for in, want := range map[string]string{"\ufeff{}\n{}": "{}\n{}", "{}": "{}", "\ufeff": "", "": "", "a": "a"} {
		r, err := Reader("events.jsonl", strings.NewReader(in))
		require.NoError(t, err)
		got, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	_, err := Reader("events.jsonl", strings.NewReader("\xff\xfe{\x00}\x00"))
	require.EqualError(t, err, "events.jsonl is UTF-16; send UTF-8")
}
