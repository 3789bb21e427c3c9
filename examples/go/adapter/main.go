// The adapter of docs/conformance.md for this client: go run ./adapter, under turnwire-testkit conformance.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"time"

	"turnwire.example"
)

type request struct {
	Operation, BaseURL, APIKey, ChatID, Prompt, Resume string
	Acquainted, Answer                                 bool
	BackoffScale                                       *float64
	CancelAfter, LeaveAfter                            int
	Cursor                                             struct {
		ChatID, TurnID string
		Seq            int64
	}
	Options struct {
		MaxRetries *int
		Timeout    struct{ IdleMs int }
	}
	Events []string
	Chunks [][]int
}

var features = []string{
	"create", "retrieve", "list", "delete", "respond", "sendMessage", "answer", "cancel", "leave", "attach", "resume", "fold", "parse",
	"resumeOff", "maxRetries", "timeout.idle", "headLimits",
}

var out = json.NewEncoder(os.Stdout)

func write(line map[string]any) { _ = out.Encode(line) }

func main() {
	write(map[string]any{"client": "examples/go", "features": features})
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var r request
		if err := json.Unmarshal(line, &r); err != nil {
			panic(err)
		}
		result, err := r.run(context.Background())
		var failure *turnwire.Error
		if errors.As(err, &failure) {
			told := map[string]any{"code": failure.Code, "message": failure.Message, "printed": failure.Error()}
			if failure.Status != 0 {
				told["status"] = failure.Status
			}
			if failure.Turn != nil {
				told["turn"] = failure.Turn
			}
			write(map[string]any{"error": told})
		} else {
			write(map[string]any{"result": result})
		}
	}
}

func (r request) run(ctx context.Context) (any, error) {
	client := turnwire.New(r.BaseURL, r.APIKey)
	defer client.Close()
	client.Idle = time.Duration(r.Options.Timeout.IdleMs) * time.Millisecond
	if r.BackoffScale != nil {
		client.BackoffScale = *r.BackoffScale
	}
	if r.Options.MaxRetries != nil {
		client.MaxRetries = *r.Options.MaxRetries
	}
	if r.Acquainted {
		if _, err := client.Retrieve(ctx, r.ChatID); err != nil {
			return nil, err
		}
	}
	switch r.Operation {
	case "create":
		return client.Create(ctx, nil)
	case "retrieve":
		return client.Retrieve(ctx, r.ChatID)
	case "list":
		return client.List(ctx, "")
	case "delete":
		return client.Delete(ctx, r.ChatID)
	case "sendMessage":
		return client.SendMessage(ctx, r.ChatID, r.Prompt)
	case "respond":
		return r.follow(client.Respond(ctx, r.ChatID, r.Prompt))
	case "resume":
		return r.follow(client.Resume(ctx, r.Cursor.ChatID, r.Cursor.TurnID, r.Cursor.Seq))
	case "attach":
		return r.follow(client.Attach(ctx, r.ChatID))
	case "fold":
		return fold(r.Events), nil
	case "parse":
		return parse(r.Chunks)
	}
	panic("no operation " + r.Operation)
}

// follow reads a turn to its end, and does in between what its caller is to do.
func (r request) follow(stream *turnwire.Stream, err error) (any, error) {
	if err != nil || stream == nil {
		return nil, err
	}
	defer stream.Close()
	stream.NoResume = r.Resume == "off"
	for delivered := 1; ; delivered++ {
		event, err := stream.Next()
		if err == io.EOF {
			return stream.Result()
		}
		if err != nil {
			return nil, err
		}
		write(map[string]any{"event": event})
		for _, open := range stream.Asked() {
			if r.Answer {
				if err := stream.Reply(open, reply(open)); err != nil {
					return nil, err
				}
			}
		}
		if delivered == r.CancelAfter {
			if err := stream.Cancel(); err != nil {
				return nil, err
			}
		}
		if delivered == r.LeaveAfter {
			return stream.Turn(), nil
		}
	}
}

func reply(open turnwire.Object) turnwire.Object {
	if open["kind"] == "permission" {
		return turnwire.Object{"reply": "once"}
	}
	answers := [][]any{}
	for _, question := range open["questions"].([]any) {
		options := question.(turnwire.Object)["options"].([]any)
		answers = append(answers, []any{options[0].(turnwire.Object)["label"]})
	}
	return turnwire.Object{"answers": answers}
}

func fold(events []string) turnwire.Object {
	fold := turnwire.NewFold()
	for _, event := range events {
		if event, ok := turnwire.Decode([]byte(event)).(turnwire.Object); ok {
			fold.Push(event)
		}
	}
	return fold.Value()
}

func parse(chunks [][]int) (any, error) {
	var parser turnwire.Parser
	events := []turnwire.Frame{}
	for _, chunk := range chunks {
		bytes := make([]byte, len(chunk))
		for at, value := range chunk {
			bytes[at] = byte(value)
		}
		frames, err := parser.Feed(bytes)
		if err != nil {
			return nil, err
		}
		events = append(events, frames...)
	}
	return map[string]any{"events": events, "comments": parser.Comments}, nil
}
