package virtual

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// holdLimit is how long a call is held, in real time.
const holdLimit = time.Second

// Client is a client of the service. It answers in this process: nothing is ever
// dialed.
func (s *Server) Client(logger log.Logger) (client.Client, error) {
	c, err := client.NewLazyClient(client.Options{
		HostPort: "passthrough:///virtual", Namespace: Namespace, Logger: logger, Identity: "hogsendtest",
		WorkerHeartbeatInterval: -1,
		ConnectionOptions:       client.ConnectionOptions{DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(s.call)}},
	})
	if err != nil {
		return nil, fmt.Errorf("make client of the virtual service: %w", err)
	}
	return c, nil
}

// call is the end of the chain of interceptors: it answers in place of a connection.
func (s *Server) call(ctx context.Context, method string, request, reply any, _ *grpc.ClientConn, _ grpc.UnaryInvoker, _ ...grpc.CallOption) error {
	switch r := reply.(type) {
	case *workflowservice.GetSystemInfoResponse:
		r.Capabilities = &workflowservice.GetSystemInfoResponse_Capabilities{
			SignalAndQueryHeader: true, InternalErrorDifferentiation: true, ActivityFailureIncludeHeartbeat: true,
			EncodedFailureAttributes: true, UpsertMemo: true, SdkMetadata: true,
		}
		return nil
	case *workflowservice.PollWorkflowTaskQueueResponse:
		return s.pollWorkflow(ctx, request, r)
	case *workflowservice.PollActivityTaskQueueResponse:
		return s.pollActivity(ctx, r)
	case *workflowservice.RespondWorkflowTaskCompletedResponse:
		next, err := s.answer(request)
		if next != nil {
			r.WorkflowTask = &workflowservice.PollWorkflowTaskQueueResponse{}
			next.fill(r.WorkflowTask)
		}
		return err
	case *workflowservice.RespondWorkflowTaskFailedResponse, *workflowservice.RespondActivityTaskCompletedResponse,
		*workflowservice.RespondActivityTaskFailedResponse, *workflowservice.RespondActivityTaskCanceledResponse:
		_, err := s.answer(request)
		return err
	case *workflowservice.DescribeNamespaceResponse, *workflowservice.RecordActivityTaskHeartbeatResponse, *workflowservice.ShutdownWorkerResponse:
		return nil
	}
	return status.Error(codes.Unimplemented, "hogsendtest does not know "+method)
}

func (s *Server) answer(request any) (*workflowTask, error) {
	message, ok := request.(proto.Message)
	if !ok {
		return nil, status.Errorf(codes.Internal, "%T is no message", request)
	}
	a := &answer{request: message, reply: make(chan reply, 1)}
	select {
	case s.answers <- a:
	case <-s.closed: // the deadline of the call is one in real time
		return nil, status.Error(codes.Canceled, "the run is over")
	}
	limit := time.NewTimer(holdLimit)
	defer limit.Stop()
	select {
	case r := <-a.reply:
		return r.next, r.err
	case <-limit.C:
	case <-s.closed:
	}
	if a.over.CompareAndSwap(false, true) {
		return nil, nil //nolint:nilnil // no task and no error is what a poll that ended is told
	}
	r := <-a.reply
	return r.next, r.err
}

func (s *Server) pollWorkflow(ctx context.Context, request any, r *workflowservice.PollWorkflowTaskQueueResponse) error {
	poll, ok := request.(*workflowservice.PollWorkflowTaskQueueRequest)
	if !ok {
		return status.Errorf(codes.Internal, "%T does not poll", request)
	}
	part, err := strconv.Atoi(poll.GetIdentity())
	if err != nil {
		return status.Error(codes.InvalidArgument, "the identity of a worker is the number of its part")
	}
	select {
	case t := <-s.workflowTasks[part]:
		t.fill(r)
		return nil
	case <-s.closed:
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

func (s *Server) pollActivity(ctx context.Context, r *workflowservice.PollActivityTaskQueueResponse) error {
	select {
	case t := <-s.activityTasks:
		t.fill(r)
		return nil
	case <-s.closed:
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}
