package tracking

import "strings"

// span is where an attribute is in the text of its tag. start is that of the blanks before
// it; an attribute without a value has an empty one at its end.
type span struct {
	start, name, nameEnd, value, valueEnd, end int
}

const blanks = " \t\r\n\f"

// spans are the attributes of a start tag as HTML's tokenizer reads them, of one name the
// first.
func spans(tag string) []span {
	i := 1 + strings.IndexAny(tag[1:], blanks+"/>")
	if i == 0 {
		return nil
	}
	var found []span
	seen := map[string]bool{}
	for i < len(tag) {
		start := i
		for i < len(tag) && strings.IndexByte(blanks+"/", tag[i]) >= 0 {
			i++
		}
		if i == len(tag) || tag[i] == '>' {
			break
		}
		s := span{start: start, name: i}
		for i++; i < len(tag) && strings.IndexByte(blanks+"/>=", tag[i]) < 0; { // a name may begin with =
			i++
		}
		s.nameEnd, s.value, s.valueEnd, s.end = i, i, i, i
		at := i + len(tag[i:]) - len(strings.TrimLeft(tag[i:], blanks))
		if at < len(tag) && tag[at] == '=' {
			i = s.readValue(tag, at+1)
		}
		if name := strings.ToLower(tag[s.name:s.nameEnd]); !seen[name] {
			seen[name] = true
			found = append(found, s)
		}
	}
	return found
}

// readValue reads what is behind the equals sign and returns what is behind that.
func (s *span) readValue(tag string, i int) int {
	i += len(tag[i:]) - len(strings.TrimLeft(tag[i:], blanks))
	s.value = i
	switch {
	case i == len(tag):
	case tag[i] == '"' || tag[i] == '\'':
		s.value = i + 1
		length := strings.IndexByte(tag[s.value:], tag[i])
		if length < 0 {
			length = len(tag) - s.value
		}
		s.valueEnd = s.value + length
		s.end = min(s.valueEnd+1, len(tag))
		return s.end
	default:
		length := strings.IndexAny(tag[i:], blanks+">")
		if length < 0 {
			length = len(tag) - i
		}
		i += length
	}
	s.valueEnd, s.end = i, i
	return i
}
