package markup

import (
	"regexp"
	"slices"
	"strings"

	"github.com/andybalholm/cascadia"
	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/css"
)

// declaration is one "name: value" of CSS.
type declaration struct {
	name, value string
}

// declarations are a block, split by importance in the order written.
type declarations struct {
	normal, important []declaration
}

// rule is one selector with its block, and the statement it comes from.
type rule struct {
	selector cascadia.Sel
	declarations
	at place
}

// place is a selector of a statement.
type place struct{ statement, selector int }

// stylesheet is a style block, ready to be inlined (E-5).
type stylesheet struct {
	// rules can be inlined; they are in the order of the cascade: specificity, then source.
	rules []rule
	// statements are all of it, in the order of the source.
	statements []parsedStatement
}

// parsedStatement is a statement with the selectors of a ruleset; one without them can
// only stay as it is: an at-rule, or what is not understood.
type parsedStatement struct {
	statement
	selectors []string
	inlined   []bool // that the selector is one of the rules
}

// parseStylesheet never fails: what it does not understand stays as it is.
func parseStylesheet(text string) *stylesheet {
	sheet := &stylesheet{}
	for _, s := range splitStatements(text) {
		parsed := parsedStatement{statement: s}
		if s.hasBlock && !strings.HasPrefix(s.prelude, "@") && !s.nested {
			block := parseDeclarations(s.block)
			parsed.selectors = splitTop(s.prelude, ',')
			parsed.inlined = make([]bool, len(parsed.selectors))
			for i, selector := range parsed.selectors {
				compiled, err := cascadia.Parse(selector)
				if err != nil || !isStatic(selector) {
					continue
				}
				parsed.inlined[i] = true
				sheet.rules = append(sheet.rules, rule{compiled, block, place{len(sheet.statements), i}})
			}
		}
		sheet.statements = append(sheet.statements, parsed)
	}
	sortRules(sheet.rules)
	return sheet
}

// rest is what only a style block can say: at-rules, what depends on the reader or on
// what a mail client adds, and what matches nothing that there is, which may be in a
// conditional comment. used are the selectors that have been inlined (E-77).
func (s *stylesheet) rest(used map[place]bool) string {
	var b strings.Builder
	for i, each := range s.statements {
		if len(each.selectors) == 0 {
			if source := strings.TrimSpace(each.source); source != "" {
				b.WriteString(source + "\n")
			}
			continue
		}
		var others []string
		for j, selector := range each.selectors {
			if !used[place{i, j}] {
				others = append(others, selector)
			}
		}
		if len(others) > 0 {
			b.WriteString(strings.Join(others, ", ") + " {" + each.block + "}\n")
		}
	}
	return b.String()
}

func sortRules(rules []rule) {
	slices.SortStableFunc(rules, func(a, b rule) int {
		x, y := a.selector.Specificity(), b.selector.Specificity()
		return slices.Compare(x[:], y[:])
	})
}

var pseudoPattern = regexp.MustCompile(`::?[a-zA-Z-]+`)

// isStatic reports whether the selector says the same whatever the reader does:
// only structural pseudo classes.
func isStatic(selector string) bool {
	for _, pseudo := range pseudoPattern.FindAllString(selector, -1) {
		switch strings.ToLower(pseudo) {
		case ":first-child", ":last-child", ":only-child", ":nth-child", ":nth-last-child",
			":first-of-type", ":last-of-type", ":only-of-type", ":nth-of-type", ":nth-last-of-type",
			":not", ":empty":
		default:
			return false
		}
	}
	return true
}

// statement is one at-rule or ruleset of a stylesheet, without comments.
type statement struct {
	source, prelude, block string
	// nested is set when the block holds blocks of its own.
	hasBlock, nested bool
}

func splitStatements(text string) []statement {
	var statements []statement
	var current statement
	var part strings.Builder
	depth := 0
	end := func() {
		if current.hasBlock {
			current.block = part.String()
		} else {
			current.prelude = strings.TrimSpace(part.String())
		}
		if current.source != "" {
			statements = append(statements, current)
		}
		current = statement{}
		part.Reset()
	}
	lexer := css.NewLexer(parse.NewInputString(text))
	for {
		kind, data := lexer.Next()
		switch kind {
		case css.ErrorToken:
			end()
			return statements
		case css.CommentToken, css.CDOToken, css.CDCToken:
			continue
		case css.WhitespaceToken:
			if current.source == "" {
				continue
			}
		}
		current.source += string(data)
		switch {
		case kind == css.LeftBraceToken && depth == 0:
			current.prelude, current.hasBlock = strings.TrimSpace(part.String()), true
			part.Reset()
			depth++
			continue
		case kind == css.RightBraceToken && depth <= 1:
			depth = 0
			end()
			continue
		case kind == css.SemicolonToken && depth == 0:
			end()
			continue
		case kind == css.LeftBraceToken:
			current.nested = true
			depth++
		case kind == css.RightBraceToken:
			depth--
		}
		part.Write(data)
	}
}

// parseDeclarations reads the inside of a block or of a style attribute.
func parseDeclarations(text string) declarations {
	var block declarations
	for _, item := range splitTop(text, ';') {
		name, value, ok := strings.Cut(item, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !strings.HasPrefix(name, "--") { // custom properties have a case
			name = strings.ToLower(name)
		}
		if !ok || name == "" || value == "" {
			continue
		}
		if i := strings.LastIndexByte(value, '!'); i >= 0 && strings.EqualFold(strings.TrimSpace(value[i+1:]), "important") {
			block.important = append(block.important, declaration{name, strings.TrimSpace(value[:i])})
			continue
		}
		block.normal = append(block.normal, declaration{name, value})
	}
	return block
}

// splitTop splits at a separator that is in no parenthesis, bracket or string, and
// drops comments and empty items.
func splitTop(text string, separator byte) []string {
	var items []string
	var item strings.Builder
	depth := 0
	end := func() {
		if s := strings.TrimSpace(item.String()); s != "" {
			items = append(items, s)
		}
		item.Reset()
	}
	lexer := css.NewLexer(parse.NewInputString(text))
	for {
		kind, data := lexer.Next()
		switch kind {
		case css.ErrorToken:
			end()
			return items
		case css.CommentToken:
			continue
		case css.LeftParenthesisToken, css.LeftBracketToken, css.FunctionToken:
			depth++
		case css.RightParenthesisToken, css.RightBracketToken:
			depth = max(depth-1, 0)
		}
		if depth == 0 && len(data) == 1 && data[0] == separator {
			end()
			continue
		}
		item.Write(data)
	}
}

// override lets a later block win over what is already there. Two values of one
// name inside a block are a fallback and its improvement: both stay.
func override(style, later []declaration) []declaration {
	style = slices.DeleteFunc(style, func(d declaration) bool {
		return slices.ContainsFunc(later, func(l declaration) bool { return l.name == d.name })
	})
	return append(style, later...)
}

// styleOf is the style attribute of an element: matching rules in their order,
// then its own declarations, then what is important. The mark itself is dropped,
// so that an important rule of a media query still wins.
func styleOf(matching []*rule, own declarations) string {
	var style []declaration
	for _, r := range matching {
		style = override(style, r.normal)
	}
	style = override(style, own.normal)
	for _, r := range matching {
		style = override(style, r.important)
	}
	style = override(style, own.important)
	text := make([]string, len(style))
	for i, d := range style {
		text[i] = d.name + ":" + d.value
	}
	return strings.Join(text, ";")
}
