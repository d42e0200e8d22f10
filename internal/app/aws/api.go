package aws

import (
	"cmp"
	"context"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"

	"compileo/internal/api"
	"compileo/internal/dataset"
	"compileo/internal/rest"
)

const (
	maxAnswer = maxEvent - 64<<10 // bytes of an HTTP answer; what the gateway's JSON adds fits beside it
	maxForm   = 4 << 20           // bytes of a form with files; what is larger comes and goes by presigned requests
	answering = 2 * time.Second   // of a request's time, kept for saying that it was over
)

// API handles the requests of API Gateway (HTTP API, payload format 2.0). Each function that has it serves every
// route: which one a request reaches is the template's affair.
func (a *App) API() lambda.Handler { return a.gateway(a.service()) }

// gateway serves h, which writes the line of a request itself.
func (a *App) gateway(h http.Handler) handler {
	proxy := httpadapter.NewV2(h)
	do := func(ctx context.Context, e events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		if e.RequestContext.HTTP.Method == "" {
			return events.APIGatewayV2HTTPResponse{}, dataset.Errorf(dataset.Invalid, "the event is no request of format 2.0")
		}
		e.RawPath = rest.RepairPath(cmp.Or(e.RawPath, e.RequestContext.HTTP.Path))
		answer, err := proxy.ProxyWithContext(ctx, e)
		if err != nil {
			return answer, dataset.Errorf(dataset.Invalid, "the event is no request: %w", err)
		}
		return answer, nil
	}
	return guarded(a, "api", answering, func(ctx context.Context, event []byte) ([]byte, error) { return call(ctx, event, do) })
}

// service is the HTTP API as a function serves it.
func (a *App) service() http.Handler {
	return api.New(api.Config{
		Table: a.engine.Table, Guard: a.guard, Library: a.library, Engine: a.engine, Version: version(), Log: a.log,
		MaxAnswer: maxAnswer, MaxForm: maxForm, Redirect: maxForm,
	})
}

// version is the program's, as the build has stamped it.
func version() string {
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" && b.Main.Version != "(devel)" {
		return b.Main.Version
	}
	return "dev"
}
