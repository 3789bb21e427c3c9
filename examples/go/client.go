// Package turnwire is a client of the Turnwire protocol, written from spec/PROTOCOL.md on the standard library alone: create a
// chat, send a prompt, read its turn over every broken connection, answer questions, cancel. Copy it and make it yours.
//
//	stream, err := turnwire.New("http://127.0.0.1:2728", key).Respond(ctx, chatID, "Hello")
//	for event, err := stream.Next(); err != io.EOF; event, err = stream.Next() { … }
//	turn, err := stream.Result()
package turnwire

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	mathrand "math/rand/v2"
	"mime"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	routes   = "/agent/v2/chat"
	maxEvent = 16 << 20 // FRAME-5
	maxHead  = 400 << 10
)

// Object is a JSON object of the protocol: an event, a turn, a chat.
type Object = map[string]any

// Error is what went wrong. Code is the service's, or one of docs/errors.md.
type Error struct {
	Code, Message string
	Status        int    // 0: no answer of the service
	Turn          Object // the turn so far, of an error that ended a stream
}

func (e *Error) Error() string { return e.Message }

// Client talks to one service. Copies must not be made once it is used.
type Client struct {
	BackoffScale  float64       // what waits between attempts are multiplied with
	Idle          time.Duration // when silence counts as a break; 0: as CLOCK-3 says
	MaxRetries    int
	base, key     string
	http          *http.Client
	knownAsServer atomic.Bool // VER-2
}

// New makes a client for the service at this address.
func New(baseURL, key string) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: 5 * time.Second}).DialContext // CLOCK-1
	transport.ResponseHeaderTimeout = 60 * time.Second
	transport.MaxResponseHeaderBytes = maxHead // LIMIT-4
	transport.DisableCompression = true
	c := &Client{BackoffScale: 1, MaxRetries: 2, base: strings.TrimRight(baseURL, "/"), key: key}
	c.http = &http.Client{Transport: transport, CheckRedirect: func(next *http.Request, before []*http.Request) error {
		first := before[0].URL // HTTP-6
		same := next.URL.Scheme == first.Scheme && next.URL.Host == first.Host
		if next.Method != before[0].Method || !same || len(before) > 5 {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	return c
}

// A call is one request of an operation.
type call struct {
	method, path string
	body         any
	starts       bool   // it starts something, once: create and respond (SEND-7)
	stream       bool   // the answer is an event stream
	chat         string // with starts: the chat, to ask whether the service is a server
	after        int64  // Last-Event-ID
	key          string // the idempotency key
}

// once sends a request and returns its answer, whatever the status.
func (c *Client) once(ctx context.Context, call call) (*http.Response, error) {
	var body io.Reader
	if call.body != nil {
		data, err := json.Marshal(call.body)
		if err != nil {
			return nil, err
		}
		body = struct{ io.Reader }{bytes.NewReader(data)} // net/http must not send it again by itself
	}
	request, err := http.NewRequestWithContext(ctx, call.method, c.base+routes+call.path, body)
	if err != nil {
		return nil, &Error{Code: "invalid_argument", Message: err.Error()}
	}
	set := request.Header.Set
	set("Authorization", "Bearer "+c.key)
	set("Accept-Encoding", "identity") // HTTP-7
	set("Content-Type", "application/json")
	if call.stream {
		set("Accept", "text/event-stream")
	}
	if call.after > 0 {
		set("Last-Event-ID", strconv.FormatInt(call.after, 10))
	}
	if call.key != "" {
		set("Idempotency-Key", call.key)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, transportError(err)
	}
	if answer.Header.Get("turnwire-contract") != "" {
		c.knownAsServer.Store(true)
	}
	if answer.StatusCode < 300 {
		return answer, nil
	}
	return answer, answerError(answer)
}

// send sends a request, and again as RETRY-1 to RETRY-6 allow.
func (c *Client) send(ctx context.Context, call call) (*http.Response, error) {
	if call.starts {
		call.key = rand.Text()
	}
	for attempt := 0; ; attempt++ {
		answer, err := c.once(ctx, call)
		if err == nil {
			return accepted(answer, call.stream)
		}
		if ctx.Err() != nil || attempt >= c.MaxRetries || !c.mayRepeat(ctx, call, answer, err) {
			return nil, err
		}
		wait := min(0.5*math.Pow(2, float64(attempt)), 8) * (1 - 0.25*mathrand.Float64())
		if answer != nil {
			wait = requestedWait(answer.Header, wait)
		}
		if !c.sleep(ctx, wait) {
			return nil, err
		}
	}
}

// mayRepeat tells whether a request may be sent again after this failure.
func (c *Client) mayRepeat(ctx context.Context, call call, answer *http.Response, err error) bool {
	if answer == nil {
		switch failed(err).Code {
		case "connection_failed": // RETRY-1
			return true
		case "connection_lost", "answer_timeout":
			return !call.starts || c.isServer(ctx, call)
		}
		return false // RETRY-6
	}
	should, status := answer.Header.Get("x-should-retry"), answer.StatusCode
	if should == "false" || status == http.StatusProxyAuthRequired {
		return false
	}
	if !call.starts {
		return should == "true" || status == 408 || status == 429 || status >= 500
	}
	nothingAccepted := status == 429 || status == 503 && (should == "true" || answer.Header.Get("Retry-After") != "")
	return nothingAccepted || (status == 408 || status >= 500) && c.isServer(ctx, call)
}

// isServer tells whether the service honours idempotency keys. One that has not answered yet is asked (VER-2).
func (c *Client) isServer(ctx context.Context, call call) bool {
	if !c.knownAsServer.Load() && call.chat != "" {
		if answer, _ := c.once(ctx, get(call.chat)); answer != nil {
			answer.Body.Close()
		}
	}
	return c.knownAsServer.Load()
}

func (c *Client) sleep(ctx context.Context, seconds float64) bool {
	select {
	case <-time.After(time.Duration(seconds * c.BackoffScale * float64(time.Second))):
		return true
	case <-ctx.Done():
		return false
	}
}

// requestedWait is the wait that the service requests, in seconds (RETRY-5).
func requestedWait(header http.Header, otherwise float64) float64 {
	if ms, err := strconv.ParseFloat(header.Get("retry-after-ms"), 64); err == nil && ms >= 0 {
		return min(ms/1000, 60)
	}
	text := header.Get("Retry-After")
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds >= 0 {
		return min(seconds, 60)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, min(time.Until(at).Seconds(), 60))
	}
	return otherwise
}

func transportError(err error) *Error {
	code, message := "connection_lost", err.Error()
	var dial *net.OpError
	var certificate *tls.CertificateVerificationError
	var timeout net.Error
	switch {
	case errors.As(err, &certificate):
		code = "certificate_refused"
	case errors.As(err, &dial) && dial.Op == "dial":
		code = "connection_failed"
	case strings.Contains(message, "server response headers exceeded"):
		code = "headers_too_large"
	case errors.As(err, &timeout) && timeout.Timeout():
		code = "answer_timeout"
	}
	return &Error{Code: code, Message: message}
}

// accepted checks that an answer of 2xx is what the operation gives (HTTP-7, HTTP-8).
func accepted(answer *http.Response, stream bool) (*http.Response, error) {
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	problem := &Error{Status: answer.StatusCode}
	encoding := answer.Header.Get("Content-Encoding")
	switch {
	case encoding != "" && encoding != "identity":
		problem.Code, problem.Message = "unexpected_encoding", fmt.Sprintf("The answer is encoded as %q.", encoding)
	case stream && kind != "text/event-stream":
		problem.Code, problem.Message = "unexpected_content_type", fmt.Sprintf("The answer is %q, not an event stream.", kind)
	case headers(answer.Header) > 1000:
		problem.Code, problem.Message = "headers_too_large", "The answer has over 1,000 headers."
	default:
		return answer, nil
	}
	answer.Body.Close()
	return nil, problem
}

func headers(header http.Header) (count int) {
	for _, values := range header {
		count += len(values)
	}
	return count
}

var pageTitle = regexp.MustCompile(`(?is)<title>(.*?)</title>`)

// answerError reads an error in the protocol's shape and in others (ERR-1 to ERR-3).
func answerError(answer *http.Response) *Error {
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	failure := &Error{Code: "unexpected_status", Status: answer.StatusCode, Message: strings.TrimSpace(string(text))}
	body, isObject := Decode(text).(Object)
	title := pageTitle.FindSubmatch(text)
	switch {
	case answer.Header.Get("Content-Encoding") != "":
		failure.Message = "an answer in an encoding that is not read"
	case isObject:
		failure.Message = sentence(body)
		inner, _ := body["error"].(Object)
		if code, _ := word(first(inner["code"], body["code"])).(string); code != "" {
			failure.Code = code
		}
	case title != nil:
		failure.Message = string(title[1])
	}
	if answer.StatusCode < 400 {
		to, _, _ := strings.Cut(answer.Header.Get("Location"), "?")
		failure.Message = fmt.Sprintf("The service redirects (%d) to %s, which is not followed.", answer.StatusCode, to)
	}
	return failure
}

// sentence finds the words of an error.
func sentence(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case []any:
		var all []string
		for _, item := range value {
			all = append(all, sentence(item))
		}
		return strings.Join(all, "; ")
	case Object:
		title, detail := sentence(value["title"]), sentence(value["detail"])
		if title != "" && detail != "" {
			return title + ": " + detail
		}
		if where, ok := value["loc"].([]any); ok {
			var path []string
			for _, step := range where {
				path = append(path, fmt.Sprint(step))
			}
			return strings.Join(path, ".") + ": " + sentence(value["msg"])
		}
		for _, name := range []string{"message", "msg", "error", "detail", "errors", "title"} {
			if words := sentence(value[name]); words != "" {
				return words
			}
		}
	}
	return ""
}

func first(values ...any) any {
	for _, value := range values {
		if value != nil {
			return value
		}
	}
	return nil
}

func failed(err error) *Error {
	var failure *Error
	if errors.As(err, &failure) {
		return failure
	}
	return &Error{Code: "connection_lost", Message: err.Error()}
}

func get(chat string) call { return call{method: "GET", path: "/" + url.PathEscape(chat)} }

// object sends a request whose answer is one object that has this field (HTTP-8), and reads it.
func (c *Client) object(ctx context.Context, call call, read reader, field string) (Object, error) {
	answer, err := c.send(ctx, call)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, transportError(err)
	}
	object, _ := read(Decode(text)).(Object)
	if _, there := object[field]; field != "" && !there {
		return nil, &Error{Code: "invalid_answer", Status: answer.StatusCode, Message: "The answer has no " + field + "."}
	}
	return object, nil
}

func named(ids ...string) error {
	for _, id := range ids {
		if strings.TrimSpace(id) == "" || id == "." || id == ".." {
			return &Error{Code: "invalid_argument", Message: fmt.Sprintf("%q is no id.", id)} // VAL-5
		}
	}
	return nil
}

// Close closes the connections that are kept for the next request.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Create creates a chat. Options are the fields of the route's body, or nil.
func (c *Client) Create(ctx context.Context, options Object) (Object, error) {
	if options == nil {
		options = Object{}
	}
	return c.object(ctx, call{method: "POST", body: options, starts: true}, chat, "id")
}

// Retrieve reads a chat.
func (c *Client) Retrieve(ctx context.Context, id string) (Object, error) {
	if err := named(id); err != nil {
		return nil, err
	}
	return c.object(ctx, get(id), chat, "id")
}

// List lists chats: the page that follows the cursor, or the first.
func (c *Client) List(ctx context.Context, cursor string) (Object, error) {
	path := ""
	if cursor != "" {
		path = "?cursor=" + url.QueryEscape(cursor)
	}
	return c.object(ctx, call{method: "GET", path: path}, page, "data")
}

// Delete ends a chat.
func (c *Client) Delete(ctx context.Context, id string) (Object, error) {
	if err := named(id); err != nil {
		return nil, err
	}
	return c.object(ctx, call{method: "DELETE", path: "/" + url.PathEscape(id)}, chat, "id")
}

// Cancel cancels this turn of the chat (CANCEL-2).
func (c *Client) Cancel(ctx context.Context, chat, turn string) error {
	if err := named(chat, turn); err != nil {
		return err
	}
	path := "/" + url.PathEscape(chat) + "/cancel"
	_, err := c.object(ctx, call{method: "POST", path: path, body: Object{"turnId": turn}}, clean, "")
	return err
}

// Reply answers a request of the agent: body is {"answers": [["label"]]} for a question, {"reply": "once"} for a permission.
func (c *Client) Reply(ctx context.Context, chat string, request Object, body Object) error {
	kind, _ := request["kind"].(string)
	id, _ := request["requestId"].(string)
	if err := named(chat, kind, id); err != nil {
		return err
	}
	path := fmt.Sprintf("/%s/%s/%s/reply", url.PathEscape(chat), kind, url.PathEscape(id))
	_, err := c.object(ctx, call{method: "POST", path: path, body: body}, clean, "")
	if err != nil && failed(err).Code == kind+"_not_found" {
		return nil // ASK-4: somebody else answered first
	}
	return err
}
