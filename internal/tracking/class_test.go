package tracking_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/tracking"
)

const (
	human   = tracking.Human
	machine = tracking.Machine
)

// corpus is what real programs say of themselves. The source is who publishes it: the
// program's maker, or who lists what it met.
var corpus = []struct {
	agent  string
	class  tracking.Class
	source string
}{
	// People, by way of the proxy of their mail service.
	{"Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", human, "scientiamobile.com/what-is-google-image-proxy"},
	{"YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", human, "help.yahoo.com SLN28749"},
	// People in mail programs.
	{"Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; Trident/7.0; .NET4.0C; .NET4.0E; Microsoft Outlook 16.0.4266; ms-office; MSOffice 16)", human, "Outlook 2016"},
	{"Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.10730; Pro)", human, "Outlook 2019"},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:102.0) Gecko/20100101 Thunderbird/102.8.0", human, "Thunderbird"},
	{"Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Thunderbird/115.10.1", human, "Thunderbird"},
	{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)", human, "Apple Mail without privacy protection"},
	{"Mozilla/5.0 (iPhone; CPU iPhone OS 14_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148", human, "Mail on iOS 14"},
	{"Outlook-iOS/709.2226530.prod.iphone (3.24.1)", human, "Outlook for iOS"},
	{"Outlook-Android/2.0", human, "Outlook for Android"},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) eM Client/9.2.2157.0", human, "eM Client"},
	{"Airmail 5.7.1/CFNetwork/1410.0.3 Darwin/22.6.0", human, "Airmail"},
	// People in browsers.
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36", human, "Chrome"},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36 Edg/124.0.2478.80", human, "Edge"},
	{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1 Safari/605.1.15", human, "Safari"},
	{"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1", human, "microlinkhq/top-user-agents"},
	{"Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0", human, "Firefox"},
	{"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.6367.82 Mobile Safari/537.36", human, "Chrome for Android"},
	{"Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/96.0.4664.45 Mobile Safari/537.36", human, "a telephone whose maker's name ends in bot"},
	{"Mozilla/5.0 (Linux; Android 13; SM-A536B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/24.0 Chrome/117.0.0.0 Mobile Safari/537.36", human, "Samsung Internet"},
	{"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/311.0.623669830 Mobile/15E148 Safari/604.1", human, "Google app"},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36 OPR/108.0.0.0", human, "Opera"},
	// Mail privacy and nobody at all.
	{"Mozilla/5.0", machine, "Mail privacy protection of Apple"},
	{"", machine, "no agent"},
	{"   ", machine, "no agent"},
	// Scanners.
	{"BarracudaCentral/1.0", machine, "Barracuda"},
	{"Mozilla/5.0 (compatible; proofpoint-urldefense)", machine, "Proofpoint"},
	{"Mozilla/5.0 (compatible; Mimecast URL Protect)", machine, "Mimecast"},
	{"Microsoft Office Existence Discovery", machine, "Microsoft, Office protocol discovery"},
	{"Mozilla/5.0 zgrab/0.x", machine, "zmap/zgrab"},
	{"Expanse, a Palo Alto Networks company, searches across the global IPv4 space multiple times per day to identify customers' presences on the Internet.", machine, "Palo Alto Networks"},
	// Previews.
	{"Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", machine, "api.slack.com/robots"},
	{"Slack-ImgProxy (+https://api.slack.com/robots)", machine, "api.slack.com/robots"},
	{"facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", machine, "developers.facebook.com, crawlers"},
	{"Twitterbot/1.0", machine, "developer.x.com, cards"},
	{"LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)", machine, "LinkedIn"},
	{"TelegramBot (like TwitterBot)", machine, "Telegram"},
	{"WhatsApp/2.23.20.0", machine, "WhatsApp"},
	{"Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)", machine, "Discord"},
	{"Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com", machine, "Microsoft, Skype and Teams"},
	{"Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/534+ (KHTML like Gecko) BingPreview/1.0b", machine, "ua-parser-js, fetchers"},
	{"Mozilla/5.0 (compatible; Embedly/0.2; +http://support.embed.ly/)", machine, "Embedly"},
	// Crawlers.
	{"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", machine, "developers.google.com, crawlers"},
	{"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36 (compatible; GoogleOther)", machine, "developers.google.com, crawlers"},
	{"Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", machine, "bing.com/webmasters"},
	{"Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)", machine, "yandex.com/support"},
	{"Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", machine, "ahrefs.com/robot"},
	{"Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)", machine, "Baidu"},
	{"Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)", machine, "Pingdom"},
	// Browsers without a screen, libraries, tools.
	{"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/119.0.6045.105 Safari/537.36", machine, "Chrome, headless"},
	{"Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1", machine, "PhantomJS"},
	{"curl/8.5.0", machine, "curl"},
	{"Wget/1.21.4", machine, "Wget"},
	{"python-requests/2.31.0", machine, "requests"},
	{"Python-urllib/3.11", machine, "urllib"},
	{"Go-http-client/2.0", machine, "net/http"},
	{"Java/17.0.9", machine, "java.net"},
	{"Apache-HttpClient/4.5.13 (Java/11.0.20)", machine, "HttpClient"},
	{"okhttp/4.12.0", machine, "OkHttp"},
	{"axios/1.6.2", machine, "axios"},
	{"node-fetch/1.0 (+https://github.com/bitinn/node-fetch)", machine, "node-fetch"},
	{"libwww-perl/6.67", machine, "LWP"},
	{"GuzzleHttp/7", machine, "Guzzle"},
	{"PostmanRuntime/7.36.1", machine, "Postman"},
}

// E-50: each agent of the corpus is of its class.
func TestAgents(t *testing.T) {
	t.Parallel()
	require.GreaterOrEqual(t, len(corpus), 40)
	c := tracking.Classifier{MinAge: 2 * time.Second}
	sent := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for _, one := range corpus {
		require.Equal(t, one.class, c.Class(tracking.Hit{At: sent.Add(time.Hour), Agent: one.agent}, sent, 0), "%q (%s)", one.agent, one.source)
	}
}

// E-50: what else than its agent makes a hit a machine's.
func TestOtherSignsOfMachines(t *testing.T) {
	t.Parallel()
	sent := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	browser := "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0"
	for name, tt := range map[string]struct {
		hit    tracking.Hit
		sent   time.Time
		others int
		class  tracking.Class
	}{
		"a person":             {tracking.Hit{At: sent.Add(time.Minute), Agent: browser}, sent, 0, human},
		"just old enough":      {tracking.Hit{At: sent.Add(2 * time.Second), Agent: browser}, sent, 0, human},
		"too soon":             {tracking.Hit{At: sent.Add(2*time.Second - 1), Agent: browser}, sent, 0, machine},
		"before it was sent":   {tracking.Hit{At: sent.Add(-time.Second), Agent: browser}, sent, 0, machine},
		"never sent":           {tracking.Hit{At: sent, Agent: browser}, time.Time{}, 0, machine},
		"a prefetch":           {tracking.Hit{At: sent.Add(time.Minute), Agent: browser, Prefetch: true}, sent, 0, machine},
		"the second link":      {tracking.Hit{At: sent.Add(time.Minute), Agent: browser}, sent, 1, human},
		"the third link":       {tracking.Hit{At: sent.Add(time.Minute), Agent: browser}, sent, 2, machine},
		"an author's machine":  {tracking.Hit{At: sent.Add(time.Minute), Agent: "Mozilla/5.0 AcmeScan"}, sent, 0, machine},
		"told without agent":   {tracking.Hit{At: sent.Add(time.Minute), Silent: true}, sent, 0, human},
		"told of too early":    {tracking.Hit{At: sent.Add(time.Second), Silent: true}, sent, 0, machine},
		"an agent is a person": {tracking.Hit{At: sent.Add(time.Minute), Agent: "NiceMail/1.0"}, sent, 0, human},
	} {
		c := tracking.Classifier{MinAge: 2 * time.Second, Agents: []string{" acmescan "}}
		require.Equal(t, tt.class, c.Class(tt.hit, tt.sent, tt.others), name)
	}
}

// E-50: what requests say of themselves.
func TestPrefetches(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		method, name, value string
		prefetch            bool
	}{
		{"GET", "", "", false},
		{"HEAD", "", "", true},
		{"GET", "Purpose", "prefetch", true},
		{"GET", "Purpose", "preview", true},
		{"GET", "Sec-Purpose", "prefetch;prerender", true},
		{"GET", "X-Moz", "Prefetch", true},
		{"GET", "Sec-Purpose", "document", false},
		{"GET", "Sec-Fetch-Purpose", "prefetch", false},
	} {
		h := http.Header{}
		if tt.name != "" {
			h.Set(tt.name, tt.value)
		}
		require.Equal(t, tt.prefetch, tracking.Prefetches(tt.method, h.Values), tt)
	}
}
