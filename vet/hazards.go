package vet

import (
	"go/types"
	"slices"
	"strings"
)

const (
	nondeterministic kind = iota // a replay may decide otherwise
	variable                     // a package variable that is changed
	external                     // something outside changes or is asked
	ownCall                      // Run has its own
)

// hazard is what a package has that a journey must not use. Names are those of
// functions and variables, Type.Method for methods and Type.* for all of a type's.
type hazard struct {
	kind   kind
	only   []string // all, if empty
	except []string
	why    string
}

const (
	byChance  = "a replay draws another number; use run.Variant or keep the value by run.Once"
	byClock   = "a replay runs at another time; use workflow.Now"
	byTimer   = "the timers of the standard library end with the process; use run.Sleep or a wait"
	byZone    = "machines know other zones; use run.When or run.Timezone"
	byMachine = "a replay may find another one; keep it by run.Once, or read it before the registry is made"
	byOrder   = "a map has no order; sort it, as by workflow.DeterministicKeys"
	byOthers  = "the order in which goroutines run is not recorded; use workflow.Go and workflow.Selector"
	outside   = "a replay does it again; what has an effect is an activity or an event"
	printed   = "a replay prints it again; use workflow.GetLogger"
)

// hazards are what the standard library and well-known clients of databases have.
func hazards(path string) []hazard {
	switch path {
	case "math/rand":
		return []hazard{{nondeterministic, nil, []string{"New", "NewSource", "NewZipf", "Rand.*", "Zipf.*", "Source.*", "Source64.*"}, byChance}}
	case "math/rand/v2":
		return []hazard{{nondeterministic, nil, []string{"New", "NewPCG", "NewChaCha8", "NewZipf", "Rand.*", "PCG.*", "ChaCha8.*", "Zipf.*", "Source.*"}, byChance}}
	case "crypto/rand", "hash/maphash":
		return []hazard{{nondeterministic, nil, nil, byChance}}
	case "time":
		return []hazard{
			{nondeterministic, []string{"Now", "Since", "Until"}, nil, byClock},
			{nondeterministic, []string{"Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Timer.*", "Ticker.*"}, nil, byTimer},
			{nondeterministic, []string{"LoadLocation", "Local", "Time.Local"}, nil, byZone},
		}
	case "context":
		return []hazard{{nondeterministic, []string{"WithTimeout", "WithTimeoutCause", "WithDeadline", "WithDeadlineCause"}, nil, byTimer}}
	case "os":
		return []hazard{
			{nondeterministic, []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Args", "Hostname", "Getpid", "Getppid", "Getwd", "Executable", "TempDir", "UserHomeDir"}, nil, byMachine},
			{external, nil, []string{"Expand", "IsExist", "IsNotExist", "IsPermission", "IsTimeout", "IsPathSeparator", "Err*", "PathError.*", "SyscallError.*", "FileMode.*"}, outside},
		}
	case "runtime":
		return []hazard{{nondeterministic, []string{"NumCPU", "NumGoroutine", "GOMAXPROCS", "Stack", "ReadMemStats"}, nil, byMachine}}
	case "maps":
		return []hazard{{nondeterministic, []string{"All", "Keys", "Values"}, nil, byOrder}}
	case "reflect":
		return []hazard{{nondeterministic, []string{"Value.MapKeys", "Value.MapRange"}, nil, byOrder}}
	case "sync":
		return []hazard{
			{nondeterministic, []string{"Map.Range"}, nil, byOrder},
			{nondeterministic, []string{"WaitGroup.Go", "WaitGroup.Wait", "Cond.Wait"}, nil, byOthers},
		}
	case "golang.org/x/sync/errgroup":
		return []hazard{{nondeterministic, nil, nil, byOthers}}
	case "fmt":
		return []hazard{{external, []string{"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"}, nil, printed}}
	case "log":
		return []hazard{{external, nil, []string{"New"}, printed}}
	case "log/slog":
		return []hazard{{external, []string{
			"Debug", "DebugContext", "Info", "InfoContext", "Warn", "WarnContext", "Error", "ErrorContext", "Log", "LogAttrs", "Logger.*",
		}, nil, printed}}
	case "net":
		return []hazard{{external, []string{
			"Dial*", "Listen*", "Lookup*", "Interface*", "FileConn", "FileListener", "Dialer.*", "Resolver.*", "ListenConfig.*",
		}, nil, outside}}
	case "net/http":
		return []hazard{{external, []string{
			"Get", "Head", "Post", "PostForm", "Serve", "ServeTLS", "ListenAndServe*", "DefaultClient", "DefaultTransport",
			"Client.*", "Transport.*", "RoundTripper.*", "Server.*",
		}, nil, outside}}
	case "database/sql":
		return []hazard{{external, []string{"Open", "OpenDB", "DB.*", "Conn.*", "Tx.*", "Stmt.*", "Row.*", "Rows.*"}, nil, outside}}
	case "path/filepath":
		return []hazard{{external, []string{"Abs", "EvalSymlinks", "Glob", "Walk", "WalkDir"}, nil, outside}}
	case "net/smtp", "os/exec", "os/signal", "os/user", "io/ioutil", "syscall", rootPath + "/members":
		return []hazard{{external, nil, nil, outside}}
	}
	for _, client := range []string{
		"github.com/jackc/pgx/", "github.com/jmoiron/sqlx", "github.com/lib/pq", "github.com/go-sql-driver/mysql", "gorm.io/", "github.com/redis/go-redis/",
	} {
		if strings.HasPrefix(path, client) {
			return []hazard{{external, nil, nil, outside}}
		}
	}
	return nil
}

// hazardOf tells what is wrong with using a function or variable.
func hazardOf(obj types.Object) (hazard, bool) {
	if obj.Pkg() == nil {
		return hazard{}, false
	}
	for _, h := range hazards(obj.Pkg().Path()) {
		name := inPackage(obj)
		if (len(h.only) == 0 || listed(h.only, name)) && !listed(h.except, name) {
			return h, true
		}
	}
	return hazard{}, false
}

func listed(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		prefix, open := strings.CutSuffix(pattern, "*")
		return name == pattern || open && strings.HasPrefix(name, prefix)
	})
}
