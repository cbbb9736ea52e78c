package standalone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/schema/sqlite"
	"go.temporal.io/server/temporal"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hogsend/hogsend/internal/ports"
)

// TemporalConfig says where a server keeps its state and listens.
type TemporalConfig struct {
	// Store is the path of a SQLite file or a postgres:// URL. On Postgres the server
	// makes two databases of its own beside the one of the URL.
	Store string
	// Port of the frontend on 127.0.0.1; 0 means a free one.
	Port int
	// Namespace is made when missing; "" means "default". Closed workflows are kept
	// for seven days.
	Namespace string
	// SearchAttributes are made with the namespace, or added to one that lacks them,
	// all of type Keyword. They can be used as soon as StartTemporal returns.
	SearchAttributes []string
	// Logger hears warnings and errors; nil for silence.
	Logger *slog.Logger
}

// Temporal is a running server.
type Temporal struct {
	address string
	server  temporal.Server
	once    sync.Once
	err     error
}

const (
	host      = "127.0.0.1"
	retention = 7 * 24 * time.Hour
)

// StartTemporal starts a server and returns when its namespace can be used. State
// on the same store goes on where it stood, also after the process was killed.
func StartTemporal(ctx context.Context, cfg TemporalConfig) (*Temporal, error) {
	if cfg.Namespace == "" {
		cfg.Namespace = "default"
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	ports, err := freePorts(cfg.Port)
	if err != nil {
		return nil, err
	}
	logger := serverLogger{cfg.Logger}
	store, err := openStore(cfg.Store, logger)
	if err != nil {
		return nil, err
	}
	if err := ensureNamespace(store, cfg); err != nil {
		return nil, err
	}
	conf := serverConfig(store, ports)
	server, err := temporal.NewServer(
		temporal.WithConfig(conf),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(staticHosts(ports)),
		temporal.WithLogger(logger),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return authorization.NewNoopClaimMapper() }),
		temporal.WithDynamicConfigClient(settings()),
	)
	if err != nil {
		return nil, fmt.Errorf("make temporal server: %w", err)
	}
	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("start temporal server: %w", err)
	}
	t := &Temporal{address: ports.address(primitives.FrontendService), server: server}
	if err := t.ready(ctx, cfg); err != nil {
		return nil, errors.Join(err, t.Stop())
	}
	return t, nil
}

// Address is the frontend's host and port.
func (t *Temporal) Address() string { return t.address }

// Stop ends the server in order. A second call returns what the first did.
func (t *Temporal) Stop() error {
	t.once.Do(func() {
		if err := t.server.Stop(); err != nil {
			t.err = fmt.Errorf("stop temporal server: %w", err)
		}
	})
	return t.err
}

// ready returns when the namespace answers and has its search attributes.
func (t *Temporal) ready(ctx context.Context, cfg TemporalConfig) error {
	c, err := client.NewLazyClient(client.Options{HostPort: t.address, Namespace: cfg.Namespace, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		return fmt.Errorf("make temporal client: %w", err)
	}
	defer c.Close()
	if err := await(ctx, c, countOpen); err != nil {
		return err
	}
	return addMissing(ctx, c, cfg)
}

// await returns when the count is answered.
func await(ctx context.Context, c client.Client, count *workflowservice.CountWorkflowExecutionsRequest) error {
	deadline := time.Now().Add(30 * time.Second)
	for {
		try, cancel := context.WithTimeout(ctx, time.Second)
		_, err := c.CountWorkflow(try, count)
		cancel()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("wait for temporal: %w", ctx.Err())
		case time.Now().After(deadline):
			return fmt.Errorf("temporal does not answer: %w", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// addMissing gives a namespace of an earlier start the search attributes that have
// come since. Only then it waits until the server's caches know them.
func addMissing(ctx context.Context, c client.Client, cfg TemporalConfig) error {
	there, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: cfg.Namespace})
	if err != nil {
		return fmt.Errorf("list search attributes: %w", err)
	}
	missing := map[string]enums.IndexedValueType{}
	for _, name := range cfg.SearchAttributes {
		if _, ok := there.GetCustomAttributes()[name]; !ok {
			missing[name] = enums.INDEXED_VALUE_TYPE_KEYWORD
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if _, err := c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: cfg.Namespace, SearchAttributes: missing}); err != nil {
		return fmt.Errorf("add search attributes: %w", err)
	}
	for name := range missing {
		if err := await(ctx, c, &workflowservice.CountWorkflowExecutionsRequest{Query: name + `="x"`}); err != nil {
			return fmt.Errorf("search attribute %s: %w", name, err)
		}
	}
	return nil
}

// ensureNamespace writes the namespace with its search attributes into the store,
// so that they are there at the first request instead of after a cache refresh.
func ensureNamespace(s store, cfg TemporalConfig) error {
	attributes := map[string]enums.IndexedValueType{}
	for _, name := range cfg.SearchAttributes {
		attributes[name] = enums.INDEXED_VALUE_TYPE_KEYWORD
	}
	namespace, err := sqlite.NewNamespaceConfig(clusterName, cfg.Namespace, false, attributes)
	if err != nil {
		return fmt.Errorf("describe namespace %s: %w", cfg.Namespace, err)
	}
	namespace.Detail.Config.Retention = durationpb.New(retention)
	if err := sqlite.CreateNamespaces(s.execution, namespace); err != nil {
		return fmt.Errorf("make namespace %s: %w", cfg.Namespace, err)
	}
	return nil
}

// servicePorts are the ports of the four services, all on 127.0.0.1.
type servicePorts map[primitives.ServiceName]int

func (p servicePorts) address(service primitives.ServiceName) string {
	return net.JoinHostPort(host, strconv.Itoa(p[service]))
}

func freePorts(frontend int) (servicePorts, error) {
	found := servicePorts{}
	for _, service := range []primitives.ServiceName{primitives.FrontendService, primitives.HistoryService, primitives.MatchingService, primitives.WorkerService} {
		port, err := ports.Free()
		if err != nil {
			return nil, err
		}
		found[service] = port
	}
	if frontend != 0 {
		if err := ports.Check(frontend); err != nil {
			return nil, fmt.Errorf("temporal port %d is taken: %w", frontend, err)
		}
		found[primitives.FrontendService] = frontend
	}
	return found, nil
}

func staticHosts(ports servicePorts) map[primitives.ServiceName]static.Hosts {
	hosts := map[primitives.ServiceName]static.Hosts{}
	for service := range ports {
		hosts[service] = static.SingleLocalHost(ports.address(service))
	}
	return hosts
}

const clusterName = "active"

func serverConfig(s store, ports servicePorts) *config.Config {
	services := map[string]config.Service{}
	for service, port := range ports {
		services[string(service)] = config.Service{RPC: config.RPC{GRPCPort: port, BindOnIP: host}}
	}
	disabled := "disabled"
	return &config.Config{
		Global: config.Global{Membership: config.Membership{MaxJoinDuration: 30 * time.Second, BroadcastAddress: host}},
		Persistence: config.Persistence{
			DefaultStore: "execution", VisibilityStore: "visibility", NumHistoryShards: s.shards,
			DataStores: map[string]config.DataStore{"execution": {SQL: s.execution}, "visibility": {SQL: s.visibility}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10, MasterClusterName: clusterName, CurrentClusterName: clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: ports.address(primitives.FrontendService)},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services:            services,
		Archival: config.Archival{
			History: config.HistoryArchival{State: disabled}, Visibility: config.VisibilityArchival{State: disabled},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: disabled},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: disabled},
		}},
		PublicClient: config.PublicClient{HostPort: ports.address(primitives.FrontendService)},
	}
}

// settings are explained in the package's documentation.
func settings() dynamicconfig.StaticClient {
	return dynamicconfig.StaticClient{
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():      1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key():     1,
		dynamicconfig.ForceSearchAttributesCacheRefreshOnRead.Key(): false,
		dynamicconfig.EnableEagerWorkflowStart.Key():                true,
	}
}

// isPostgres tells a connection string from a file name.
func isPostgres(store string) bool {
	return strings.HasPrefix(store, "postgres://") || strings.HasPrefix(store, "postgresql://")
}

func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
