// Package decided has journeys that a replay would decide otherwise (T-23).
package decided

import (
	"context"
	random "crypto/rand"
	"database/sql"
	"fmt"
	"maps"
	oldrand "math/rand"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/vet/testdata/zones"
)

var (
	address = regexp.MustCompile(`@`) // never changed
	weights = map[string]int{"a": 1}  // never changed
	count   int
	seen    = map[string]bool{}
	plan    struct{ name string }
	total   atomic.Int64
	hits    = new(atomic.Int64)
	once    sync.Once
	pick    = func(n int) int { return rand.IntN(n) } // want `calls rand.IntN: a replay draws another number`
	started = time.Now()                              // want `calls time.Now`
	tasks   = make(chan string)
)

func setUp() { plan.name = "pro" }

// Chance decides by dice.
func chance(_ workflow.Context, _ hogsend.Run) error {
	if rand.IntN(2) == 0 { // want `calls rand.IntN: a replay draws another number; use run.Variant or keep the value by run.Once`
		return nil
	}
	draw := rand.Float64 // want `uses rand.Float64`
	_ = draw()
	_ = oldrand.Int() // want `calls rand.Int: `
	_ = key()         // reported there
	_ = pick(3)       // reported there
	seeded := rand.New(rand.NewPCG(1, 2))
	_ = seeded.IntN(3)
	return nil
}

func key() []byte {
	b := make([]byte, 4)
	_, _ = random.Read(b) // want `calls rand.Read`
	return b
}

func environment(_ workflow.Context, _ hogsend.Run) error {
	if os.Getenv("PLAN") == "" { // want `calls os.Getenv: a replay may find another one`
		return nil
	}
	_, _ = os.LookupEnv("PLAN")                            // want `calls os.LookupEnv`
	_ = os.Args                                            // want `uses os.Args`
	if _, err := os.ReadFile("plan"); os.IsNotExist(err) { // want `calls os.ReadFile: a replay does it again`
		return err
	}
	return helper()
}

// helper is reached from a journey, though nothing about it says so.
func helper() error {
	_, err := http.Get("https://example.com") // want `calls http.Get: a replay does it again`
	if err != nil {
		return err
	}
	fmt.Println("got it") // want `calls fmt.Println: a replay prints it again; use workflow.GetLogger`
	return fmt.Errorf("find %d", len(weights))
}

// unreached does all of it outside of journeys.
func unreached() {
	go func() { tasks <- os.Getenv("PLAN") }()
	count++
	total.Add(1)
	hits.Add(1)
	seen["ada"] = true
	_ = rand.IntN(2)
}

func variables(_ workflow.Context, run hogsend.Run) error {
	count++                        // want `uses the variable count, which is changed at .*decided.go:\d+: workers hold different values`
	if seen[run.Enrollment().ID] { // want `uses the variable seen, which is changed at`
		return nil
	}
	if plan.name == "pro" { // want `uses the variable plan`
		return nil
	}
	_ = total.Load()   // want `uses the variable total`
	_ = hits.Load()    // want `uses the variable hits`
	once.Do(func() {}) // want `uses the variable once`
	_ = started        // reported there
	_ = weights["a"]
	_ = address.MatchString("ada@example.com")
	return nil
}

func concurrency(_ workflow.Context, _ hogsend.Run) error {
	done := make(chan int)
	go func() { // want `starts a goroutine: the order in which goroutines run is not recorded`
		done <- 1 // want `sends to a channel`
	}()
	select { // want `selects`
	case <-done:
	case <-time.After(time.Hour):
		time.Sleep(time.Second) // want `calls time.Sleep: the timers of the standard library end with the process`
	}
	<-done           // want `receives from a channel`
	for range done { // want `ranges over a channel`
	}
	timer := time.NewTimer(time.Hour)                                 // want `calls time.NewTimer`
	defer timer.Stop()                                                // want `calls Timer.Stop`
	_, cancel := context.WithTimeout(context.Background(), time.Hour) // want `calls context.WithTimeout`
	defer cancel()
	return nil
}

func order(_ workflow.Context, run hogsend.Run) error {
	for range run.Event().Properties { // want `ranges over a map: a map has no order; sort it`
		break
	}
	for range maps.Keys(run.Event().Properties) { // want `calls maps.Keys`
		break
	}
	for range slices.Sorted(maps.Keys(run.Event().Properties)) {
		break
	}
	for range workflow.DeterministicKeys(run.Event().Properties) {
		break
	}
	return nil
}

func place(ctx workflow.Context, _ hogsend.Run) error {
	if _, err := time.LoadLocation("Europe/Berlin"); err != nil { // want `calls time.LoadLocation: machines know other zones; use run.When or run.Timezone`
		return err
	}
	_ = workflow.Now(ctx).Local() // want `calls Time.Local`
	_ = time.Until(time.Time{})   // want `calls time.Until`
	_ = zones.Local()             // want `uses zones.Local, which calls os.Getenv \(.*zones/zones.go:\d+\): a replay may find another one`
	_ = zones.Home                // want `uses zones.Home, which calls os.Getenv`
	_ = zones.Current             // want `uses zones.Current, which is changed at .*zones/zones.go:\d+: workers hold different values`
	_ = zones.Limit
	_ = zones.Named("UTC")
	_ = zones.Offset(ctx)
	zones.Use("CET") // want `uses zones.Use, which uses the variable Current`
	return nil
}

// inner has a context that is not its first parameter.
func inner(_ string, _ workflow.Context) string {
	return os.Getenv("PLAN") // want `calls os.Getenv`
}

// recorded asks what it likes, where the answer is kept or comes from an activity.
func recorded(ctx workflow.Context, run hogsend.Run) error {
	var number int
	if err := run.Once(ctx, "number", &number, anyNumber); err != nil {
		return err
	}
	_ = workflow.SideEffect(ctx, func(workflow.Context) any { return rand.IntN(3) })
	return workflow.ExecuteActivity(ctx, charge, 3).Get(ctx, nil)
}

func anyNumber() (any, error) { return rand.IntN(3), nil }

func charge(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, "select 1")
	return err
}

func asked(_ workflow.Context, _ hogsend.Run) error {
	return save(context.Background(), nil) // reported there
}

func save(ctx context.Context, db *sql.DB) error {
	return db.PingContext(ctx) // want `calls DB.PingContext: a replay does it again`
}

var definition = hogsend.Journey{ID: "environment", Run: environment}
