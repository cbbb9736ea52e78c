package markup

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// clipAt is the size beyond which Gmail cuts a mail off.
const clipAt = 102 << 10

// Lint finds what is no mistake, but seldom meant: a mail that is cut off for its size, images
// without alt, links to the machine it is written on. Links that begin with one of ours are left.
func Lint(text string, ours ...string) []string {
	var found []string
	if len(text) > clipAt {
		found = append(found, strconv.Itoa(len(text)>>10)+" kB of HTML: Gmail shows 102 kB and cuts off the rest")
	}
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		return found
	}
	for n := range root.Descendants() {
		switch {
		case n.DataAtom == atom.Img && !hasAttribute(n, "alt"):
			found = append(found, "an image without alt: "+attribute(n, "src"))
		case n.DataAtom == atom.A && local(attribute(n, "href")) && !slices.ContainsFunc(ours, func(own string) bool { return strings.HasPrefix(attribute(n, "href"), own) }):
			found = append(found, "a link to this machine: "+attribute(n, "href"))
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// local reports whether a link leads to the reader's own machine.
func local(target string) bool {
	u, err := url.Parse(strings.TrimSpace(target))
	if err != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || strings.HasPrefix(host, "127.") || host == "0.0.0.0" || host == "::1"
}
