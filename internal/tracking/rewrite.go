package tracking

import (
	"cmp"
	"html"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"
	xhtml "golang.org/x/net/html"
)

// Link is a link of one mail: its id is in the mail, and leads to the URL.
type Link struct {
	ID  uuid.UUID
	URL string
}

// Mail says what is tracked of one mail.
type Mail struct {
	SendID uuid.UUID
	// PublicURL is the origin of the tracking routes.
	PublicURL     string
	Opens, Clicks bool
}

// LinkID is that of a URL in a mail: the same URL is the same link (E-46).
func LinkID(sendID uuid.UUID, target string) uuid.UUID { return uuid.NewSHA1(sendID, []byte(target)) }

// ClickURL is where a link leads first.
func (m Mail) ClickURL(id uuid.UUID) string { return m.PublicURL + clickPath + id.String() }

// OpenURL is that of the pixel.
func (m Mail) OpenURL() string { return m.PublicURL + openPath + m.SendID.String() + ".gif" }

const (
	clickPath = "/v1/t/c/"
	openPath  = "/v1/t/o/"
)

// optOut is the attribute by which an author leaves a link alone.
const optOut = "data-hogsend-track"

// maxURL bounds what a redirect can carry; a longer link is left as it is.
const maxURL = 8192

// Rewrite gives a mail's HTML its tracked links and its pixel, and says which links there
// are. No other byte changes; where nothing is tracked, none does but that the authors' own
// attributes go (E-46, E-47).
func (m Mail) Rewrite(body string) (string, []Link) {
	w := &rewriter{Mail: m, body: body, end: len(body)}
	w.walk()
	if m.Opens {
		w.edit(w.end, w.end, `<img src="`+html.EscapeString(m.OpenURL())+`" width="1" height="1" alt="" style="display:block;width:1px;height:1px;border:0">`)
	}
	return w.apply(), w.links
}

// rewriter collects what is to be changed in a body.
type rewriter struct {
	Mail
	body  string
	edits []edit
	links []Link
	end   int // where the last end of the body is
}

// edit puts a text into the place of a part of the body.
type edit struct {
	from, to int
	text     string
}

func (w *rewriter) edit(from, to int, text string) {
	w.edits = append(w.edits, edit{from, to, text})
}

func (w *rewriter) apply() string {
	slices.SortStableFunc(w.edits, func(a, b edit) int { return cmp.Compare(a.from, b.from) })
	var out strings.Builder
	copied := 0
	for _, e := range w.edits {
		out.WriteString(w.body[copied:e.from])
		out.WriteString(e.text)
		copied = e.to
	}
	out.WriteString(w.body[copied:])
	return out.String()
}

// walk goes through the tags. Comments, and with them what only some mail programs look
// into (E-76), scripts and styles are no tags.
func (w *rewriter) walk() {
	z := xhtml.NewTokenizer(strings.NewReader(w.body))
	for at := 0; ; {
		kind := z.Next()
		raw := string(z.Raw())
		if kind == xhtml.ErrorToken || !strings.HasPrefix(w.body[at:], raw) {
			return
		}
		name, attributes := z.TagName()
		switch kind {
		case xhtml.EndTagToken:
			if string(name) == "body" {
				w.end = at
			}
		case xhtml.StartTagToken, xhtml.SelfClosingTagToken:
			if attributes && (string(name) == "a" || string(name) == "area") {
				w.tag(z, at, raw)
			}
		default:
		}
		at += len(raw)
	}
}

// tag changes the target of one link.
func (w *rewriter) tag(z *xhtml.Tokenizer, at int, raw string) {
	var target *span
	var value string
	var marks []span
	off := false
	for _, one := range spans(raw) {
		key, decoded, _ := z.TagAttr()
		if string(key) != strings.ToLower(raw[one.name:one.nameEnd]) {
			return // read otherwise than the parser does: left as it is
		}
		switch {
		case string(key) == "href":
			target, value = &one, string(decoded)
		case string(key) == optOut:
			off, marks = off || string(decoded) == "off", append(marks, one)
		}
	}
	for _, mark := range marks {
		w.edit(at+mark.start, at+mark.end, "")
	}
	if off || !w.Clicks || target == nil {
		return
	}
	value, tracked := Target(w.PublicURL, value)
	if !tracked {
		return
	}
	link := Link{ID: LinkID(w.SendID, value), URL: value}
	if !slices.Contains(w.links, link) {
		w.links = append(w.links, link)
	}
	w.edit(at+target.value, at+target.valueEnd, html.EscapeString(w.ClickURL(link.ID)))
}

// own are the routes of this product that nobody is sent to by way of another one.
var own = []string{"/v1/t/", "/v1/email/unsubscribe", "/v1/email/preferences", "/v1/email/answer"}

// Target brings the target of a link into the form in which browsers read it, without blanks
// around it and line ends in it, and reports whether it is one that is tracked.
func Target(publicURL, target string) (string, bool) {
	target = strings.Trim(target, " \t\r\n\f")
	target = strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(target)
	scheme, rest, ok := strings.Cut(target, "://")
	if !ok || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") || len(target) > maxURL || strings.ContainsRune(target, 0) {
		return "", false
	}
	host, path := rest, ""
	if i := strings.IndexAny(rest, "/?#\\"); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	if host == "" {
		return "", false
	}
	public, err := url.Parse(publicURL)
	if err != nil || !strings.EqualFold(public.Host, host) || !strings.EqualFold(public.Scheme, scheme) {
		return target, true
	}
	return target, !slices.ContainsFunc(own, func(route string) bool { return strings.HasPrefix(path, route) })
}
