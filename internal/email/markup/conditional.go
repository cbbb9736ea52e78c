package markup

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
)

// Markers carry the conditional comments of mail clients through html/template, which
// drops comments, and through the HTML parser, which would mend what is in them (E-76).
// In the template's source each delimiter becomes a token, so that what it encloses is
// still executed and escaped as the HTML it is; in the rendered mail the whole comment
// becomes an island, which is put back as it was when the mail is written.
type Markers struct {
	// nonce makes the tokens of a template, which no value of props can spell.
	nonce  string
	pieces []string
	hidden *regexp.Regexp // a comment that only some clients look into
	single *regexp.Regexp // a delimiter around what all others show
	every  *regexp.Regexp
}

// Tokens are in characters that no text has: Unicode keeps them for programs.
const (
	tokenStart = "\ufdd0"
	tokenEnd   = "\ufdd1"
)

// NewMarkers makes the tokens for the sources of one template.
func NewMarkers(sources ...string) *Markers {
	sum := sha256.Sum256([]byte(strings.Join(sources, "\x00")))
	m := &Markers{nonce: hex.EncodeToString(sum[:8])}
	token := func(kind string) string { return tokenStart + m.nonce + kind + `(\d+)` + tokenEnd }
	m.hidden = regexp.MustCompile(`(?s)` + token("o") + `(.*?)` + token("c"))
	m.single = regexp.MustCompile(token("m"))
	m.every = regexp.MustCompile(token("[ocmx]"))
	return m
}

func (m *Markers) token(kind, piece string) string {
	m.pieces = append(m.pieces, piece)
	return tokenStart + m.nonce + kind + strconv.Itoa(len(m.pieces)-1) + tokenEnd
}

// Take moves the conditional comments of an executed template into islands.
func (m *Markers) Take(executed string) (string, []string) {
	if len(m.pieces) == 0 {
		return executed, nil
	}
	var islands []string
	island := func(text string) string {
		islands = append(islands, m.original(text))
		return "<!--" + m.nonce + strconv.Itoa(len(islands)-1) + "-->"
	}
	executed = m.single.ReplaceAllStringFunc(m.hidden.ReplaceAllStringFunc(executed, island), island)
	if first := strings.Index(executed, "<!--"+m.nonce); first >= 0 && !framePattern.MatchString(executed) {
		// Of a piece of HTML the parser would hold a comment at its start for one of the head.
		executed = executed[:first] + "<body>" + executed[first:]
	}
	return executed, islands
}

// framePattern finds the tags that say by themselves where the body begins.
var framePattern = regexp.MustCompile(`(?i)<(?:html|head|body)[\s>]`)

// original has the pieces in the place of their tokens.
func (m *Markers) original(text string) string {
	return m.every.ReplaceAllStringFunc(text, func(token string) string {
		number := token[len(tokenStart)+len(m.nonce)+1 : len(token)-len(tokenEnd)]
		i, err := strconv.Atoi(number)
		if err != nil || i >= len(m.pieces) {
			return ""
		}
		return m.pieces[i]
	})
}

// PutBack writes the islands into the finished mail.
func (m *Markers) PutBack(text string, islands []string) string {
	for i, island := range islands {
		text = strings.Replace(text, "<!--"+m.nonce+strconv.Itoa(i)+"-->", island, 1)
	}
	return text
}

var (
	conditionPattern = regexp.MustCompile(`(?is)^\[if\s[^\]]*\]>`)
	revealedPattern  = regexp.MustCompile(`(?is)^<!\[if\s[^\]]*\]>`)
	endPattern       = regexp.MustCompile(`(?is)<!\[endif\]\s*$`)
	endMarkPattern   = regexp.MustCompile(`(?is)^<!\[endif\](?:--)?>`)
	tagPattern       = regexp.MustCompile(`^</?[a-zA-Z][^\s/>]*`)
)

// scanner reads the source of an HTML template for what html/template does not know.
type scanner struct {
	*Markers
	source   string
	at       int
	out      strings.Builder
	open     []int // where the conditionals began that are not closed yet
	problems []string
}

// Hide returns the source with tokens for the delimiters of conditional comments, and
// what is wrong with them, each with its line.
func (m *Markers) Hide(source string) (string, []string) {
	s := &scanner{Markers: m, source: source}
	for s.at < len(s.source) {
		s.next()
	}
	for _, at := range s.open {
		s.problem(at, "a conditional comment without its end <![endif]")
	}
	return s.out.String(), s.problems
}

func (s *scanner) problem(at int, text string) {
	s.problems = append(s.problems, "line "+strconv.Itoa(1+strings.Count(s.source[:at], "\n"))+": "+text)
}

// copy takes n bytes as they are.
func (s *scanner) copy(n int) {
	s.out.WriteString(s.source[s.at : s.at+n])
	s.at += n
}

// replace takes n bytes as a token.
func (s *scanner) replace(kind string, n int) {
	s.out.WriteString(s.token(kind, s.source[s.at:s.at+n]))
	s.at += n
}

func (s *scanner) next() {
	rest := s.source[s.at:]
	switch {
	case strings.HasPrefix(rest, "{{"):
		s.copy(ActionLength(rest))
	case strings.HasPrefix(rest, "<!--"):
		s.comment(rest)
	case revealedPattern.MatchString(rest):
		s.open = append(s.open, s.at)
		s.replace("m", len(revealedPattern.FindString(rest)))
	case endMarkPattern.MatchString(rest):
		s.end(len(endMarkPattern.FindString(rest)))
	case strings.HasPrefix(rest, "<![CDATA["):
		s.problem(s.at, "<![CDATA[ outside of a conditional comment, which mail programs show as text")
		s.copy(len("<![CDATA["))
	case strings.HasPrefix(rest, "<?"):
		s.problem(s.at, "<? outside of a conditional comment, which mail programs show as text")
		s.copy(len("<?"))
	case tagPattern.MatchString(rest):
		s.tag(rest)
	default:
		s.copy(TextLength(rest))
	}
}

func (s *scanner) end(n int) {
	if len(s.open) == 0 {
		s.problem(s.at, "the end of a conditional comment without its beginning")
	} else {
		s.open = s.open[:len(s.open)-1]
	}
	s.replace("m", n)
}

// comment takes one comment: a conditional that hides what is in it, the beginning or
// the end of one that does not, or one that is for nobody and goes.
func (s *scanner) comment(rest string) {
	length := len("<!--") + indexOutside(rest[len("<!--"):], "-->")
	if length < len("<!--") {
		s.problem(s.at, "a comment that is not closed")
		s.copy(len(rest))
		return
	}
	length += len("-->")
	text := rest[len("<!--") : length-len("-->")]
	condition := conditionPattern.FindString(text)
	switch inside := text[len(condition):]; {
	case condition == "" && endPattern.MatchString(text) && strings.TrimSpace(endPattern.ReplaceAllString(text, "")) == "":
		s.end(length)
	case condition == "":
		s.copy(length)
	case strings.Trim(inside, " \t\r\n") == "", strings.Trim(inside, " \t\r\n") == "<!", strings.Trim(inside, " \t\r\n") == "<!--":
		s.open = append(s.open, s.at)
		s.replace("m", length)
	case endPattern.MatchString(inside):
		s.replace("o", len("<!--"+condition))
		s.hiddenContent(s.at + len(inside) - len(endPattern.FindString(inside)))
		s.replace("c", len(endPattern.FindString(inside))+len("-->"))
	default:
		s.problem(s.at, "a conditional comment without its end <![endif]")
		s.copy(length)
	}
}

// hiddenContent copies up to end, with tokens for what is no HTML.
func (s *scanner) hiddenContent(end int) {
	for s.at < end {
		rest := s.source[s.at:end]
		switch {
		case strings.HasPrefix(rest, "{{"):
			s.copy(min(ActionLength(rest), len(rest)))
		case strings.HasPrefix(rest, "<?"):
			s.replace("x", len("<?"))
		case strings.HasPrefix(rest, "<!"):
			s.replace("x", len("<!"))
		default:
			s.copy(1)
		}
	}
}

// tag copies a tag with its quoted values, and with it the text of an element whose
// text is no HTML.
func (s *scanner) tag(rest string) {
	name := strings.ToLower(strings.Trim(tagPattern.FindString(rest), "</"))
	closing := strings.HasPrefix(rest, "</")
	n := TagLength(rest)
	s.copy(n)
	switch name {
	case "style", "script", "textarea", "title":
		if closing {
			return
		}
		inside := len(rest) - n
		if end := regexp.MustCompile(`(?i)</` + name).FindStringIndex(rest[n:]); end != nil {
			inside = end[0]
		}
		s.copy(inside)
	}
}

// TextLength is how far it is from the beginning of a text that is not empty to what may be
// a tag or an action after its first byte.
func TextLength(text string) int {
	if n := strings.IndexAny(text[1:], "<{"); n >= 0 {
		return 1 + n
	}
	return len(text)
}

// TagLength is how long the tag is that text begins with.
func TagLength(text string) int {
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case strings.HasPrefix(text[i:], "{{"):
			i += ActionLength(text[i:]) - 1
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i + 1
		}
	}
	return len(text)
}

// ActionLength is how long the action of a template is that text begins with.
func ActionLength(text string) int {
	inside := strings.TrimLeft(text[2:], "- \t\r\n")
	if strings.HasPrefix(inside, "/*") {
		if end := strings.Index(text, "*/"); end >= 0 {
			if closing := strings.Index(text[end:], "}}"); closing >= 0 {
				return end + closing + 2
			}
		}
		return len(text)
	}
	quote := byte(0)
	for i := 2; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0:
			if c == '\\' && quote != '`' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'' || c == '`':
			quote = c
		case strings.HasPrefix(text[i:], "}}"):
			return i + 2
		}
	}
	return len(text)
}

// indexOutside finds what is in no action, -1 if it is nowhere.
func indexOutside(text, what string) int {
	for i := 0; i < len(text); {
		switch {
		case strings.HasPrefix(text[i:], "{{"):
			i += ActionLength(text[i:])
		case strings.HasPrefix(text[i:], what):
			return i
		default:
			i++
		}
	}
	return -1
}
