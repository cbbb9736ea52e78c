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
// without alt, links that lead nowhere or to the machine it is written on, text that can hardly
// be read (E-91). Links that begin with one of ours are left.
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
		switch n.DataAtom {
		case atom.Img:
			if !hasAttribute(n, "alt") {
				found = append(found, "an image without alt: "+attribute(n, "src"))
			}
			if local(attribute(n, "src")) && !begins(attribute(n, "src"), ours) {
				found = append(found, "an image on this machine: "+attribute(n, "src"))
			}
		case atom.A, atom.Area:
			if hasAttribute(n, "href") && !begins(attribute(n, "href"), ours) {
				found = append(found, lintLink(attribute(n, "href"))...)
			}
		}
	}
	found = append(found, faint(root)...)
	slices.Sort(found)
	return slices.Compact(found)
}

func begins(target string, ours []string) bool {
	return slices.ContainsFunc(ours, func(own string) bool { return strings.HasPrefix(target, own) })
}

func lintLink(target string) []string {
	u, err := url.Parse(strings.TrimSpace(target))
	switch {
	case strings.TrimSpace(target) == "":
		return []string{"a link without a target"}
	case err != nil, (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() == "":
		return []string{"a link that is no URL: " + target}
	case local(target):
		return []string{"a link to this machine: " + target}
	}
	return nil
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
