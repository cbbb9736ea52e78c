package tracking

import (
	"slices"
	"strings"
	"time"
)

// Class says who is behind a hit.
type Class string

// The classes. What a machine does is kept, and does nothing else (E-50).
const (
	Human   Class = "human"
	Machine Class = "machine"
)

// Hit is a request for a tracked link or a pixel, as far as it tells who made it.
type Hit struct {
	At        time.Time
	IP, Agent string
	// Silent says that a provider told of the hit without naming an agent: then nothing
	// follows from its absence.
	Silent bool
	// Prefetch says that nobody looked: by method or headers.
	Prefetch bool
}

// The longest address and agent that are kept (E-48).
const (
	MaxIP    = 45
	MaxAgent = 512
)

// Prefetches reports whether a request says of itself that nobody has asked for it. values
// are those of a header.
func Prefetches(method string, values func(header string) []string) bool {
	if method == "HEAD" {
		return true
	}
	for _, name := range []string{"Purpose", "Sec-Purpose", "X-Moz"} {
		value := strings.ToLower(strings.Join(values(name), ","))
		if strings.Contains(value, "prefetch") || strings.Contains(value, "preview") {
			return true
		}
	}
	return false
}

// Classifier tells people from machines.
type Classifier struct {
	// MinAge is how soon after its mail was handed over no person follows a link.
	MinAge time.Duration
	// Agents are parts of user agents that the author names besides the known ones.
	Agents []string
}

// No person follows more than BurstLinks links of a mail within Burst.
const (
	Burst      = 3 * time.Second
	BurstLinks = 2
)

// Class is that of a hit of a mail that was sent at an instant, zero if it is not known to
// have been. others are how many other links of the mail were followed from the same
// address within Burst before (E-50).
func (c Classifier) Class(h Hit, sent time.Time, others int) Class {
	switch {
	case h.Prefetch, others >= BurstLinks, sent.IsZero(), h.At.Sub(sent) < c.MinAge:
		return Machine
	case h.Silent:
		return Human
	case c.machine(h.Agent):
		return Machine
	}
	return Human
}

// privacyProxy is the whole agent of those that fetch everything beforehand for all.
const privacyProxy = "Mozilla/5.0"

func (c Classifier) machine(agent string) bool {
	agent = strings.TrimSpace(agent)
	if agent == "" || agent == privacyProxy {
		return true
	}
	lower := strings.ToLower(agent)
	has := func(part string) bool { return strings.Contains(lower, part) }
	if slices.ContainsFunc(c.Agents, func(part string) bool { return has(strings.ToLower(strings.TrimSpace(part))) }) {
		return true
	}
	if slices.ContainsFunc(proxies, has) {
		return false
	}
	return slices.ContainsFunc(machines, has) || isBot(lower)
}

// isBot finds the word with which most crawlers end their names, but not the telephones
// of a maker whose name ends so, too.
func isBot(lower string) bool {
	rest := strings.ReplaceAll(lower, "cubot", "")
	for {
		at := strings.Index(rest, "bot")
		if at < 0 {
			return false
		}
		if rest = rest[at+len("bot"):]; rest == "" || rest[0] < 'a' || rest[0] > 'z' {
			return true
		}
	}
}

// proxies fetch images when a person opens the mail, in the person's place.
var proxies = []string{"googleimageproxy", "yahoomailproxy"}

// machines are parts of the agents of scanners, link checkers, previews and HTTP libraries.
var machines = []string{
	// Security of mail and networks.
	"barracuda", "mimecast", "proofpoint", "symantec", "messagelabs", "forcepoint", "websense", "trendmicro", "fireeye", "sophos", "ironport",
	"cloudmark", "urlscan", "virustotal", "phishtank", "zgrab", "censys", "palo alto networks", "safebrowsing", "netcraft",
	// Previews in chats and networks.
	"slack-imgproxy", "facebookexternalhit", "facebookcatalog", "meta-externalagent", "meta-externalfetcher", "whatsapp/", "skypeuripreview", "microsoftpreview", "bingpreview",
	"snap url preview", "vkshare", "embedly", "iframely", "kakaotalk-scrap", "bluesky cardyb", "mastodon/", "microsoft office existence discovery",
	// Search, archives, monitors, audits.
	"spider", "crawl", "slurp", "google-read-aloud", "googleother", "google-inspectiontool", "google-safety", "mediapartners-google", "feedfetcher", "apis-google",
	"ia_archiver", "archive.org", "pingdom", "statuscake", "lighthouse", "w3c_validator", "w3c-checklink", "linkchecker", "site24x7", "newrelicpinger", "dareboost",
	// Browsers without a screen.
	"headless", "phantomjs", "puppeteer", "playwright", "selenium",
	// Libraries and tools.
	"curl/", "wget", "python", "aiohttp", "httpx", "scrapy", "go-http-client", "java/", "apache-httpclient", "okhttp", "jakarta commons", "libwww-perl", "lwp::", "ruby", "faraday",
	"axios", "node-fetch", "undici", "got (", "superagent", "guzzlehttp", "php/", "postmanruntime", "insomnia/", "httpie", "winhttp", "wininet", "powershell", "restsharp", "reqwest",
	"http_request2", "zend_http", "snoopy", "dart/", "dart:io", "nutch", "libcurl", "fasthttp", "hyper/",
}
