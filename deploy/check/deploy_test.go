// Package check tests what is deployed with: the Helm chart, compose.yaml, alert rules and
// the dashboard. It is a module of its own, so that users of the library inherit none of what
// it needs: go test -C deploy/check ./...
package check

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	sigsyaml "sigs.k8s.io/yaml"
)

const chartDir = "../helm/hogsend"

// required are the values that nobody can leave out.
func required(more map[string]any) map[string]any {
	values := map[string]any{
		"image": map[string]any{"repository": "registry.example.com/shop", "tag": "v42"}, "existingSecret": "hogsend",
		"env": map[string]any{"PUBLIC_URL": "https://mail.example.com", "EMAIL_FROM": "Acme <hello@example.com>", "TEMPORAL_ADDRESS": "temporal:7233"},
	}
	maps.Copy(values, more)
	return values
}

// rendered are the objects that the chart makes, each decoded strictly into its type.
type rendered struct {
	deployments map[string]appsv1.Deployment
	jobs        map[string]batchv1.Job
	services    map[string]corev1.Service
	budgets     map[string]policyv1.PodDisruptionBudget
	policies    map[string]networkingv1.NetworkPolicy
	ingresses   map[string]networkingv1.Ingress
	accounts    map[string]corev1.ServiceAccount
	monitors    map[string]map[string]any
}

func render(t *testing.T, values map[string]any) (*rendered, error) {
	t.Helper()
	chart, err := loader.Load(chartDir)
	require.NoError(t, err)
	all, err := chartutil.ToRenderValues(chart, values, chartutil.ReleaseOptions{Name: "shop", Namespace: "mail", IsInstall: true}, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	files, err := engine.Render(chart, all)
	if err != nil {
		return nil, err
	}
	out := &rendered{
		map[string]appsv1.Deployment{},
		map[string]batchv1.Job{},
		map[string]corev1.Service{},
		map[string]policyv1.PodDisruptionBudget{},
		map[string]networkingv1.NetworkPolicy{},
		map[string]networkingv1.Ingress{},
		map[string]corev1.ServiceAccount{},
		map[string]map[string]any{},
	}
	for name, text := range files {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		for _, document := range regexp.MustCompile(`(?m)^---$`).Split(text, -1) {
			var head struct {
				Kind     string
				Metadata struct{ Name string }
			}
			require.NoError(t, sigsyaml.Unmarshal([]byte(document), &head), "%s:\n%s", name, document)
			switch head.Kind {
			case "": // nothing, or a comment
			case "Deployment":
				put(t, out.deployments, head.Metadata.Name, document)
			case "Job":
				put(t, out.jobs, head.Metadata.Name, document)
			case "Service":
				put(t, out.services, head.Metadata.Name, document)
			case "PodDisruptionBudget":
				put(t, out.budgets, head.Metadata.Name, document)
			case "NetworkPolicy":
				put(t, out.policies, head.Metadata.Name, document)
			case "Ingress":
				put(t, out.ingresses, head.Metadata.Name, document)
			case "ServiceAccount":
				put(t, out.accounts, head.Metadata.Name, document)
			case "ServiceMonitor":
				put(t, out.monitors, head.Metadata.Name, document)
			default:
				require.Fail(t, "nobody expects a "+head.Kind)
			}
		}
	}
	return out, nil
}

// put decodes an object: a field that its type does not have is an error.
func put[T any](t *testing.T, into map[string]T, name, document string) {
	t.Helper()
	var object T
	require.NoError(t, sigsyaml.UnmarshalStrict([]byte(document), &object), document)
	require.NotContains(t, into, name, "twice")
	require.LessOrEqual(t, len(name), 63)
	into[name] = object
}

func mustRender(t *testing.T, more map[string]any) *rendered {
	t.Helper()
	out, err := render(t, required(more))
	require.NoError(t, err)
	return out
}

// O-56: the chart passes Helm's lint, with nothing to complain about but that it has no icon.
func TestTheChartPassesLint(t *testing.T) {
	t.Parallel()
	for _, message := range lint.All(chartDir, required(nil), "mail", true).Messages {
		require.True(t, message.Severity < support.WarningSev || strings.Contains(message.Err.Error(), "icon"), "%s: %s", message.Path, message.Err)
	}
}

// O-56: by default there is what an installation needs, and nothing that a cluster may lack.
func TestTheChartOfDefaults(t *testing.T) {
	t.Parallel()
	out := mustRender(t, nil)
	require.ElementsMatch(t, []string{"shop-hogsend-serve", "shop-hogsend-worker"}, slices.Collect(maps.Keys(out.deployments)))
	require.ElementsMatch(t, []string{"shop-hogsend-migrate"}, slices.Collect(maps.Keys(out.jobs)))
	require.ElementsMatch(t, []string{"shop-hogsend", "shop-hogsend-metrics"}, slices.Collect(maps.Keys(out.services)))
	require.ElementsMatch(t, []string{"shop-hogsend-serve", "shop-hogsend-worker"}, slices.Collect(maps.Keys(out.budgets)))
	require.Len(t, out.policies, 1)
	require.Len(t, out.accounts, 1)
	require.Empty(t, out.ingresses)
	require.Empty(t, out.monitors)

	serve, worker := out.deployments["shop-hogsend-serve"], out.deployments["shop-hogsend-worker"]
	require.EqualValues(t, 2, *serve.Spec.Replicas)
	require.Equal(t, "/v1/health/ready", container(serve).ReadinessProbe.HTTPGet.Path)
	require.Equal(t, "/v1/health/live", container(serve).LivenessProbe.HTTPGet.Path)
	require.Equal(t, "/ready", container(worker).ReadinessProbe.HTTPGet.Path)
	require.Equal(t, "/live", container(worker).LivenessProbe.HTTPGet.Path)
	require.Zero(t, serve.Spec.Strategy.RollingUpdate.MaxUnavailable.IntValue())
	for _, d := range out.deployments {
		require.Greater(t, *d.Spec.Template.Spec.TerminationGracePeriodSeconds, int64(25), "more than SHUTDOWN_TIMEOUT")
		for _, probe := range []*corev1.Probe{container(d).StartupProbe, container(d).LivenessProbe, container(d).ReadinessProbe} {
			require.True(t, slices.ContainsFunc(container(d).Ports, func(p corev1.ContainerPort) bool { return p.Name == probe.HTTPGet.Port.String() }))
		}
		require.Greater(t, container(d).StartupProbe.PeriodSeconds*container(d).StartupProbe.FailureThreshold, int32(60), "it waits 60 s for what it needs")
	}
	migrate := out.jobs["shop-hogsend-migrate"]
	require.Equal(t, "pre-install,pre-upgrade", migrate.Annotations["helm.sh/hook"])
	require.Equal(t, []string{"migrate"}, migrate.Spec.Template.Spec.Containers[0].Args)
}

func container(d appsv1.Deployment) corev1.Container { return d.Spec.Template.Spec.Containers[0] }

// O-56: every pod is nobody, on a file system that it cannot write, without the cluster's
// token, and gets its secrets from the Secret and nothing else from anywhere.
func TestPodsHaveNoPrivileges(t *testing.T) {
	t.Parallel()
	out := mustRender(t, map[string]any{"deployment": "shop", "previousVersions": []any{map[string]any{"tag": "v41"}}})
	var pods []corev1.PodSpec
	for _, d := range out.deployments {
		pods = append(pods, d.Spec.Template.Spec)
	}
	for _, j := range out.jobs {
		pods = append(pods, j.Spec.Template.Spec)
	}
	require.Len(t, pods, 4)
	for _, pod := range pods {
		require.True(t, *pod.SecurityContext.RunAsNonRoot)
		require.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, pod.SecurityContext.SeccompProfile.Type)
		require.False(t, *pod.AutomountServiceAccountToken)
		for _, c := range pod.Containers {
			require.False(t, *c.SecurityContext.AllowPrivilegeEscalation)
			require.True(t, *c.SecurityContext.ReadOnlyRootFilesystem)
			require.Equal(t, []corev1.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop)
			require.Equal(t, "hogsend", c.EnvFrom[0].SecretRef.Name)
			require.NotEmpty(t, c.Resources.Requests)
			for _, e := range c.Env {
				require.NotRegexp(t, `SECRET|KEY|PASSWORD|DATABASE_URL`, e.Name)
			}
		}
	}
}

// O-56, J-110: workers of several builds run side by side, each under its own build id and
// with a selector of its own, so that a new build replaces no pod of an old one.
func TestWorkersOfSeveralBuildsRunSideBySide(t *testing.T) {
	t.Parallel()
	out := mustRender(t, map[string]any{"deployment": "shop", "previousVersions": []any{map[string]any{"tag": "v41", "replicas": 3}, map[string]any{"tag": "V40.1_hotfix"}}})
	require.ElementsMatch(t, []string{"shop-hogsend-serve", "shop-hogsend-worker-v42", "shop-hogsend-worker-v41", "shop-hogsend-worker-v40-1-hotfix"}, slices.Collect(maps.Keys(out.deployments)))
	var selectors []labels.Selector
	for name, tag := range map[string]string{"v42": "v42", "v41": "v41", "v40-1-hotfix": "V40.1_hotfix"} {
		d := out.deployments["shop-hogsend-worker-"+name]
		require.Equal(t, "registry.example.com/shop:"+tag, container(d).Image)
		require.Contains(t, container(d).Env, corev1.EnvVar{Name: "HOGSEND_BUILD_ID", Value: tag})
		require.Contains(t, container(d).Env, corev1.EnvVar{Name: "HOGSEND_DEPLOYMENT", Value: "shop"})
		selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
		require.NoError(t, err)
		selectors = append(selectors, selector)
	}
	for _, d := range out.deployments {
		chosen := 0
		for _, s := range selectors {
			if s.Matches(labels.Set(d.Spec.Template.Labels)) {
				chosen++
			}
		}
		want := 1
		if strings.HasSuffix(d.Name, "-serve") {
			want = 0
		}
		require.Equal(t, want, chosen, d.Name)
	}
	require.EqualValues(t, 3, *out.deployments["shop-hogsend-worker-v41"].Spec.Replicas)
	_, err := render(t, required(map[string]any{"previousVersions": []any{map[string]any{"tag": "v41"}}}))
	require.ErrorContains(t, err, "deployment")
}

// O-56: what selects pods selects those that it means, whatever is switched on.
func TestSelectorsMeetTheirPods(t *testing.T) {
	t.Parallel()
	out := mustRender(t, map[string]any{
		"ingress":          map[string]any{"enabled": true, "host": "mail.example.com", "className": "nginx", "tlsSecret": "mail-tls", "annotations": map[string]any{"a": "b"}},
		"serviceMonitor":   map[string]any{"enabled": true, "labels": map[string]any{"release": "prometheus"}},
		"networkPolicy":    map[string]any{"from": []any{map[string]any{"podSelector": map[string]any{}}}, "metricsFrom": []any{map[string]any{"namespaceSelector": map[string]any{}}}, "to": []any{map[string]any{"ipBlock": map[string]any{"cidr": "10.0.0.0/8"}}}},
		"serve":            map[string]any{"podAnnotations": map[string]any{"a": "b"}, "nodeSelector": map[string]any{"x": "y"}, "tolerations": []any{map[string]any{"key": "k", "operator": "Exists"}}},
		"imagePullSecrets": []any{map[string]any{"name": "pull"}}, "serviceAccount": map[string]any{"create": true, "annotations": map[string]any{"a": "b"}},
	})
	serve, worker, migrate := out.deployments["shop-hogsend-serve"].Spec.Template.Labels, out.deployments["shop-hogsend-worker"].Spec.Template.Labels, out.jobs["shop-hogsend-migrate"].Spec.Template.Labels
	api, metrics := labels.SelectorFromSet(out.services["shop-hogsend"].Spec.Selector), labels.SelectorFromSet(out.services["shop-hogsend-metrics"].Spec.Selector)
	require.True(t, api.Matches(labels.Set(serve)))
	require.False(t, api.Matches(labels.Set(worker)))
	require.True(t, metrics.Matches(labels.Set(serve)) && metrics.Matches(labels.Set(worker)))
	for _, name := range []string{"serve", "worker"} {
		budget, err := metav1.LabelSelectorAsSelector(out.budgets["shop-hogsend-"+name].Spec.Selector)
		require.NoError(t, err)
		require.Equal(t, name == "serve", budget.Matches(labels.Set(serve)))
		require.Equal(t, name == "worker", budget.Matches(labels.Set(worker)))
	}
	policy := out.policies["shop-hogsend"]
	guarded, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
	require.NoError(t, err)
	require.True(t, guarded.Matches(labels.Set(serve)) && guarded.Matches(labels.Set(worker)))
	require.False(t, guarded.Matches(labels.Set(migrate)), "it runs before the policy is there")
	require.Len(t, policy.Spec.Ingress, 2)
	require.Len(t, policy.Spec.Ingress[0].From, 1)
	require.Len(t, policy.Spec.Egress[1].To, 1)
	monitor, err := json.Marshal(out.monitors["shop-hogsend"])
	require.NoError(t, err)
	require.Contains(t, string(monitor), `"port":"metrics"`)
	require.Contains(t, string(monitor), `"release":"prometheus"`)
	require.Equal(t, "metrics", out.services["shop-hogsend-metrics"].Labels["app.kubernetes.io/component"])
	require.Equal(t, "shop-hogsend", out.ingresses["shop-hogsend"].Spec.Rules[0].HTTP.Paths[0].Backend.Service.Name)
	require.Equal(t, "nginx", *out.ingresses["shop-hogsend"].Spec.IngressClassName)
}

// O-56: what cannot be left out is asked for by its name.
func TestTheChartSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for want, values := range map[string]map[string]any{
		"repository":     {"image": map[string]any{"repository": "", "tag": "v1"}},
		"existingSecret": {"existingSecret": ""},
		"tag":            {"image": map[string]any{"repository": "r", "tag": "a b"}},
		"deployment":     {"deployment": "a.b"},
		"ingress.host":   {"ingress": map[string]any{"enabled": true}},
	} {
		_, err := render(t, required(values))
		require.ErrorContains(t, err, want)
	}
}

// O-56: compose.yaml is valid, waits for what it needs, and says when all of it is well.
func TestComposeIsValid(t *testing.T) {
	t.Parallel()
	load := func(env ...string) ([]string, error) {
		options, err := cli.NewProjectOptions([]string{"../../compose.yaml"}, cli.WithName("hogsend"), cli.WithEnv(env))
		require.NoError(t, err)
		project, err := options.LoadProject(context.Background())
		if err != nil {
			return nil, err
		}
		for _, name := range []string{"serve", "worker", "postgres"} {
			require.NotNil(t, project.Services[name].HealthCheck, "%s says when it is well", name)
		}
		for name, service := range project.Services {
			for _, port := range service.Ports {
				require.Equal(t, "127.0.0.1", port.HostIP, "%s is not for the world", name)
			}
			require.True(t, service.Build != nil || regexp.MustCompile(`:\d`).MatchString(service.Image), "%s is an image of some version", name)
			for needed := range service.DependsOn {
				require.Contains(t, project.Services, needed)
			}
		}
		return project.ServiceNames(), nil
	}
	_, err := load()
	require.ErrorContains(t, err, "HOGSEND_SECRET")
	names, err := load("HOGSEND_SECRET=0123456789012345678901234567890123456789", "ADMIN_API_KEY=0123456789012345678901234567890123456789")
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"postgres", "temporal", "temporal-ui", "migrate", "serve", "worker"}, names)
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", file))
	require.NoError(t, err)
	return body
}

// O-43: every alert rule is PromQL, has a name of its own and says what to look at.
func TestAlertRulesAreValid(t *testing.T) {
	t.Parallel()
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(read(t, "prometheus/alerts.yaml"), &file))
	seen := map[string]bool{}
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			require.False(t, seen[rule.Alert], rule.Alert)
			seen[rule.Alert] = true
			parse(t, rule.Expr)
			require.NotEmpty(t, rule.For, rule.Alert)
			require.Contains(t, []string{"warning", "critical"}, rule.Labels["severity"], rule.Alert)
			require.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
			require.NotEmpty(t, rule.Annotations["description"], rule.Alert)
		}
	}
	require.Greater(t, len(seen), 10)
}

// O-43: every query of the dashboard is PromQL, and a histogram is never summed without its
// bounds.
func TestTheDashboardIsValid(t *testing.T) {
	t.Parallel()
	var dashboard struct {
		Panels []struct {
			ID      int
			Type    string
			Title   string
			Targets []struct{ Expr, LegendFormat string }
			GridPos struct{ X, Y, W, H int }
		}
	}
	require.NoError(t, json.Unmarshal(read(t, "grafana/hogsend.json"), &dashboard))
	ids, queries := map[int]bool{}, 0
	for _, p := range dashboard.Panels {
		require.False(t, ids[p.ID])
		ids[p.ID] = true
		require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, p.Title)
		require.Equal(t, p.Type == "row", len(p.Targets) == 0, p.Title)
		for _, target := range p.Targets {
			queries++
			parse(t, strings.ReplaceAll(target.Expr, "$__rate_interval", "5m"))
			require.NotEmpty(t, target.LegendFormat, p.Title)
		}
	}
	require.Greater(t, queries, 30)
}

// parse parses an expression, whose counters and histograms are seen through a rate.
func parse(t *testing.T, expr string) {
	t.Helper()
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	require.NoError(t, err, expr)
	parser.Inspect(tree, func(node parser.Node, path []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok && regexp.MustCompile(`_(total|bucket|count)$`).MatchString(selector.Name) {
			require.True(t, slices.ContainsFunc(path, func(n parser.Node) bool {
				call, ok := n.(*parser.Call)
				return ok && call.Func.Name == "rate"
			}), "%s in %s is a counter", selector.Name, expr)
		}
		return nil
	})
}
