package turnwire

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Stream delivers the events of one turn, each once, over every broken connection (RESUME-2).
type Stream struct {
	NoResume bool
	client   *Client
	context  context.Context
	stop     context.CancelFunc
	chat     string
	turn     *Fold
	body     io.ReadCloser
	parser   *Parser
	frames   []Frame
	last     int64        // the number of the last event that was read
	deliver  int64        // events up to this number are folded, not delivered (RESUME-6)
	failures int          // attempts in a row without a new event
	asked    map[any]bool // the requests that the caller has got
	ended    error
}

// Respond sends a prompt and streams its turn.
func (c *Client) Respond(ctx context.Context, chat, prompt string) (*Stream, error) {
	if err := named(chat); err != nil {
		return nil, err
	}
	if strings.TrimSpace(prompt) == "" {
		return nil, &Error{Code: "invalid_argument", Message: "The prompt says nothing."} // SEND-1
	}
	parts := []Object{{"type": "text", "text": prompt}}
	path := "/" + url.PathEscape(chat) + "/respond"
	s := c.stream(ctx, chat)
	return s.open(call{method: "POST", path: path, body: Object{"parts": parts}, starts: true, stream: true, chat: chat})
}

// Resume streams what follows the event seq of a turn, in this process or another one (RESUME-6).
func (c *Client) Resume(ctx context.Context, chat, turn string, seq int64) (*Stream, error) {
	if err := named(chat, turn); err != nil {
		return nil, err
	}
	s := c.stream(ctx, chat)
	s.turn.Turn["id"], s.deliver = turn, seq
	return s.open(s.again())
}

// Attach streams the turn that runs in the chat, from its first event; nil if none runs (RESUME-7).
func (c *Client) Attach(ctx context.Context, chat string) (*Stream, error) {
	found, err := c.Retrieve(ctx, chat)
	if err != nil {
		return nil, err
	}
	turn, _ := found["activeTurnId"].(string)
	if turn == "" {
		return nil, nil
	}
	return c.Resume(ctx, chat, turn, 0)
}

// SendMessage sends a prompt and returns the ended turn. An agent that asks something gets no answer, and the turn is cancelled.
func (c *Client) SendMessage(ctx context.Context, chat, prompt string) (Object, error) {
	s, err := c.Respond(ctx, chat, prompt)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for {
		if _, err := s.Next(); err != nil {
			return s.Result()
		}
		if len(s.Asked()) > 0 { // ASK-6, CANCEL-3
			_ = c.Cancel(ctx, chat, s.TurnID())
			return nil, &Error{Code: "input_required", Message: "The agent waits for an answer.", Turn: s.Turn()}
		}
	}
}

func (c *Client) stream(ctx context.Context, chat string) *Stream {
	ctx, stop := context.WithCancel(ctx)
	return &Stream{client: c, context: ctx, stop: stop, chat: chat, turn: NewFold(), asked: map[any]bool{}}
}

func (s *Stream) open(call call) (*Stream, error) {
	answer, err := s.client.send(s.context, call)
	if err != nil {
		s.stop()
		return nil, err
	}
	if turn := answer.Header.Get("turnwire-turn-id"); turn != "" {
		s.turn.Turn["id"] = turn
	}
	s.begin(answer)
	return s, nil
}

func (s *Stream) begin(answer *http.Response) {
	s.body, s.parser, s.frames = answer.Body, &Parser{}, nil
}

// again is the request that resumes the turn after the last event that was read.
func (s *Stream) again() call {
	path := fmt.Sprintf("/%s/turns/%s/stream", url.PathEscape(s.chat), url.PathEscape(s.TurnID()))
	return call{method: "GET", path: path, stream: true, after: s.last}
}

// TurnID is the id of the turn, empty before it is known.
func (s *Stream) TurnID() string {
	id, _ := s.turn.Turn["id"].(string)
	return id
}

// Turn is the turn so far ($defs/turn).
func (s *Stream) Turn() Object { return s.turn.Value() }

// Seq is the number of the last event: with the ids of chat and turn it is the cursor for Resume.
func (s *Stream) Seq() int64 { return s.last }

// Close closes the connection. The turn continues (SEND-4).
func (s *Stream) Close() {
	s.stop()
	if s.body != nil {
		s.body.Close()
	}
	if s.ended == nil {
		s.ended = io.EOF
	}
}

// Asked are the questions and permissions ($defs/request) that are open and were not returned before (ASK-5).
func (s *Stream) Asked() (open []Object) {
	for _, request := range s.turn.requests() {
		request := request.(Object)
		if id := request["requestId"]; !s.asked[id] {
			s.asked[id] = true
			open = append(open, request)
		}
	}
	return open
}

// Reply answers an open request, as Client.Reply does.
func (s *Stream) Reply(request Object, body Object) error {
	return s.client.Reply(s.context, s.chat, request, body)
}

// Cancel cancels this turn; the stream continues to its end.
func (s *Stream) Cancel() error { return s.client.Cancel(s.context, s.chat, s.TurnID()) }

// Result is the turn after its end. One that failed is an error (FOLD-4).
func (s *Stream) Result() (Object, error) {
	for s.ended == nil {
		_, _ = s.Next()
	}
	if s.ended != io.EOF {
		return nil, s.ended
	}
	turn := s.Turn()
	status, _ := turn["status"].(string)
	failure, _ := turn["error"].(Object)
	known := slices.Contains([]string{"completed", "cancelled", "blocked", "merged"}, status)
	if status == "failed" || status == "interrupted" || failure != nil && !known {
		code, _ := failure["code"].(string)
		message, _ := failure["message"].(string)
		if code == "" {
			code = "turn_failed"
		}
		return nil, &Error{Code: code, Message: "The turn ended as " + status + ": " + message, Turn: turn}
	}
	return turn, nil
}

// Next returns the next event. The error is io.EOF after the last one.
func (s *Stream) Next() (Object, error) {
	for s.ended == nil {
		frame, err := s.frame()
		if err == nil {
			event, hole, err := s.read(frame)
			if err != nil {
				return nil, s.fail(err)
			}
			if event != nil {
				return event, nil
			}
			if !hole {
				continue
			}
		} else if failed(err).Code == "event_too_large" {
			return nil, s.fail(failed(err))
		}
		if err := s.resume(); err != nil {
			return nil, s.fail(failed(err))
		}
	}
	return nil, s.ended
}

func (s *Stream) fail(err *Error) error {
	err.Turn = s.Turn()
	s.Close()
	s.ended = err
	return err
}

// resume opens the turn's stream again (RESUME-3 to RESUME-5).
func (s *Stream) resume() error {
	s.body.Close()
	incomplete := &Error{Code: "incomplete_turn", Message: "The stream ended before the turn did."}
	if s.NoResume || s.TurnID() == "" || !s.client.knownAsServer.Load() {
		return incomplete
	}
	for s.failures < 10 && s.context.Err() == nil {
		if s.failures > 0 {
			wait := mathrand.Float64() * min(0.25*math.Pow(2, float64(s.failures)), 8)
			s.client.sleep(s.context, max(wait, min(max(s.parser.RetryMs(), 100), 30_000)/1000))
		}
		s.failures++
		answer, err := s.client.once(s.context, s.again())
		if err == nil {
			if answer, err = accepted(answer, true); err != nil {
				return err
			}
			s.begin(answer)
			return nil
		}
		status := failed(err).Status
		if answer != nil && status != 408 && status != 425 && status != 429 && status < 500 {
			return err
		}
	}
	return incomplete
}

// frame reads the next frame. An error is the end of this connection.
func (s *Stream) frame() (Frame, error) {
	chunk := make([]byte, 32<<10)
	for len(s.frames) == 0 {
		// CLOCK-3 and CLOCK-4: silence is a break, unless a request is open at a service that sends no comments.
		idle := s.client.Idle
		waits := len(s.turn.requests()) > 0 && s.parser.Comments == 0
		if idle == 0 && s.parser.Comments > 0 {
			idle = 45 * time.Second
		} else if idle == 0 {
			idle = 300 * time.Second
		}
		body := s.body
		clock := time.AfterFunc(idle, func() { body.Close() })
		if waits {
			clock.Stop()
		}
		read, err := body.Read(chunk)
		clock.Stop()
		frames, large := s.parser.Feed(chunk[:read])
		s.frames = frames
		if large != nil {
			return Frame{}, large
		}
		if err != nil && len(s.frames) == 0 {
			return Frame{}, transportError(err)
		}
	}
	frame := s.frames[0]
	s.frames = s.frames[1:]
	return frame, nil
}

var keepAlive = []string{"ping", "heartbeat", "keepalive", "keep-alive", "keep_alive"}

// read makes an event of a frame: nil for one that is not delivered; hole: events before it are missing.
func (s *Stream) read(frame Frame) (event Object, hole bool, failure *Error) {
	data := strings.TrimSpace(frame.Data)
	if slices.Contains(keepAlive, frame.Event) || len(data) <= 64 && !strings.HasPrefix(data, "{") {
		return nil, false, nil // FRAME-6
	}
	event, _ = Decode([]byte(data)).(Object)
	if event == nil {
		return nil, false, &Error{Code: "invalid_frame", Message: "A frame is not a JSON object."}
	}
	kind, _ := event["type"].(string)
	if kind == "" && frame.Event != "" {
		kind = frame.Event
		event["type"] = kind // EVENT-1
	}
	if slices.Contains(keepAlive, kind) {
		return nil, false, nil
	}
	if frame.Event == "error" || kind == "error" || kind == "" && event["error"] != nil { // FRAME-7
		return nil, false, &Error{Code: "stream_error", Message: "The service ends the stream: " + sentence(event)}
	}
	if s.turn.foreign(event) {
		return nil, false, nil
	}
	seq, numbered := count(event["seq"]).(int64)
	if numbered && seq <= s.last {
		return nil, false, nil // FOLD-3
	}
	if numbered && seq > s.last+1 {
		return nil, true, nil // RESUME-2
	}
	if numbered {
		s.last = seq
	}
	s.failures = 0
	s.turn.Push(event)
	if kind == "turn.completed" {
		s.Close()
	}
	if numbered && seq <= s.deliver {
		return nil, false, nil
	}
	return event, false, nil
}

// Frame is one event of an event stream, as the HTML standard defines it (FRAME-4).
type Frame struct {
	ID    string `json:"id"`
	Event string `json:"event"`
	Data  string `json:"data"`
}

// Parser reads event streams in pieces that are cut anywhere.
type Parser struct {
	Comments int
	retry    json.Number
	line     []byte
	data     *bytes.Buffer // nil: no data line yet
	id, name string
	begun    bool // the place of a byte order mark is passed
	wasCR    bool
}

// RetryMs is the last retry: of the stream, 0 if there was none.
func (p *Parser) RetryMs() float64 {
	ms, _ := p.retry.Float64()
	return ms
}

// Feed takes a piece and returns the frames that it completes.
func (p *Parser) Feed(chunk []byte) (frames []Frame, err error) {
	for len(chunk) > 0 {
		if p.wasCR && chunk[0] == '\n' {
			p.wasCR, chunk = false, chunk[1:]
			continue
		}
		p.wasCR = false
		end := bytes.IndexAny(chunk, "\r\n")
		size := len(p.line)
		if p.data != nil {
			size += p.data.Len()
		}
		if end < 0 {
			p.line = append(p.line, chunk...)
			if size+len(chunk) > maxEvent {
				return frames, &Error{Code: "event_too_large", Message: "An event exceeds 16 MiB."} // FRAME-5
			}
			return frames, nil
		}
		p.line = append(p.line, chunk[:end]...)
		p.wasCR, chunk = chunk[end] == '\r', chunk[end+1:]
		line := p.line
		p.line = p.line[:0]
		if !p.begun {
			p.begun, line = true, bytes.TrimPrefix(line, []byte("\xEF\xBB\xBF"))
		}
		if len(line) > 0 {
			p.field(line)
			continue
		}
		if p.data != nil {
			frames = append(frames, Frame{p.id, p.name, strings.ToValidUTF8(p.data.String(), "\uFFFD")})
		}
		p.data, p.name = nil, ""
	}
	return frames, nil
}

func (p *Parser) field(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "":
		p.Comments++
	case "data":
		if p.data == nil {
			p.data = &bytes.Buffer{}
		} else {
			p.data.WriteByte('\n')
		}
		p.data.Write(value)
	case "event":
		p.name = strings.ToValidUTF8(string(value), "\uFFFD")
	case "id":
		if !bytes.ContainsRune(value, 0) {
			p.id = strings.ToValidUTF8(string(value), "\uFFFD")
		}
	case "retry":
		if _, err := strconv.ParseUint(string(value), 10, 64); err == nil {
			p.retry = json.Number(value)
		}
	}
}
