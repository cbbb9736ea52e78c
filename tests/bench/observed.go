package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/metrics"
	"github.com/hogsend/hogsend/internal/tracing"
	"github.com/hogsend/hogsend/server"
)

// benchObserved compares ingest that is measured and traced, every request of it, to a
// collector on this machine, with ingest that nobody looks at.
func benchObserved(ctx context.Context, base string) ([]line, error) {
	pool, _, err := database(ctx, base, "bench_observed")
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	if err := seed(ctx, pool, people); err != nil {
		return nil, err
	}
	url, stop, err := collector()
	if err != nil {
		return nil, err
	}
	defer stop()
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(url))
	if err != nil {
		return nil, fmt.Errorf("export traces: %w", err)
	}
	traces, err := tracing.New(sdktrace.NewBatchSpanProcessor(exporter), "bench", "bench")
	if err != nil {
		return nil, err
	}
	defer traces.Close(ctx)
	told := metrics.New("bench", "bench")
	off, err := startAPI(pool, ingest.Config{})
	if err != nil {
		return nil, err
	}
	defer off.stop()
	on, err := startAPI(pool, ingest.Config{Measure: told.Engine()}, func(c *server.Config) {
		c.Observe = func(r *http.Request) (context.Context, func(server.Answered)) {
			ctx, traced := traces.Request(r)
			return ctx, func(a server.Answered) {
				told.Request(a.Method, a.Route, a.Status, a.Took)
				traced(a.Method, a.Route, a.Status)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	defer on.stop()
	single, err := compareObserved(ctx, on, off, "single", 6_000, singleConns, 1, func(rng *rand.Rand) []byte {
		body, _ := json.Marshal(event(rng.IntN(people)))
		return body
	})
	if err != nil {
		return nil, err
	}
	batch, err := compareObserved(ctx, on, off, "batches", 100, batchConns, batchSize, func(rng *rand.Rand) []byte { return batchBody(rng, people) })
	if err != nil {
		return nil, err
	}
	return []line{single, batch}, nil
}

// observedRounds are more than rounds: what is compared differs by less than the machine does
// from one second to the next.
const observedRounds = 15

// compareObserved runs the same load on both in turn, which of them first changing.
func compareObserved(ctx context.Context, on, off *api, what string, requests, conns, events int, body func(*rand.Rand) []byte) (line, error) {
	path := "/v1/events"
	if events > 1 {
		path = "/v1/events/batch"
	}
	var ratios, ons, offs []float64
	for round := range observedRounds {
		rng := rand.New(rand.NewPCG(2, uint64(round))) // a fixed load
		bodies := make([][]byte, requests)
		for i := range bodies {
			bodies[i] = body(rng)
		}
		took := map[*api]time.Duration{}
		order := []*api{on, off}
		if round%2 == 1 {
			order = []*api{off, on}
		}
		for _, a := range order {
			var err error
			if took[a], err = timed(ctx, requests, conns, func(ctx context.Context, i int) error { return a.post(ctx, path, bodies[i]) }); err != nil {
				return line{}, err
			}
		}
		n := requests * events
		ons, offs = append(ons, rate(n, took[on])), append(offs, rate(n, took[off]))
		ratios = append(ratios, rate(n, took[on])/rate(n, took[off]))
	}
	return line{
		what: "ingest, " + what + ", with metrics and traces / without", ours: fmt.Sprintf("%.0f events/s", median(ons)),
		limit: fmt.Sprintf("%.0f events/s", median(offs)), value: median(ratios), atLeast: 0.95,
	}, nil
}

// collector takes traces and forgets them.
func collector() (url string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("listen: %w", err)
	}
	s := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })}
	go s.Serve(listener) //nolint:errcheck // ends with Close
	return "http://" + listener.Addr().String(), func() { _ = s.Close() }, nil
}
