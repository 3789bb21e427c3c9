package turnwire

import "strings"

// Fold makes a turn of its events (FOLD-1).
type Fold struct {
	Turn     Object
	last     int64
	messages map[string]Object
	parts    map[string]Object
	halves   map[string]string // of a part: the first half of a character that a delta ended with (VAL-4)
}

// NewFold is the turn before its first event.
func NewFold() *Fold {
	turn := Object{
		"id": "", "chatId": "", "status": "running", "ended": false, "userMessage": Object{"id": "", "parts": []any{}},
		"messages": []any{}, "requests": []any{}, "usage": usage(Object{}),
	}
	return &Fold{turn, 0, map[string]Object{}, map[string]Object{}, map[string]string{}}
}

// Value is the turn so far ($defs/turn). It shares what it holds with the fold.
func (f *Fold) Value() Object {
	f.Turn["text"] = f.text()
	return f.Turn
}

func (f *Fold) requests() []any { return f.Turn["requests"].([]any) }

// foreign tells whether an event names another turn. One that names none is of this turn (FOLD-3).
func (f *Fold) foreign(event Object) bool {
	own, other := f.Turn["id"], first(word(event["turnId"]), "")
	return own != "" && other != "" && own != other
}

// Push applies an event. The event is changed where its delta ends in half a character.
func (f *Fold) Push(event Object) {
	seq, numbered := count(event["seq"]).(int64)
	if f.Turn["ended"] == true || f.foreign(event) || numbered && seq <= f.last {
		return
	}
	if numbered {
		f.last = seq
	}
	turn := f.Turn
	for to, from := range map[string]string{"id": "turnId", "chatId": "chatId"} {
		if turn[to] == "" {
			turn[to] = first(word(event[from]), "")
		}
	}
	set := func(to Object, reads Object) {
		for name, value := range reads {
			if value != nil {
				to[name] = value
			}
		}
	}
	message := func() Object { return f.message(event) }
	switch event["type"] {
	case "turn.started":
		set(turn, Object{"userMessage": userMessage(event["userMessage"]), "model": word(event["model"]), "startedAt": when(event["startedAt"])})
	case "turn.status":
		requests := first(list(request)(event["requests"]), []any{}).([]any)
		status := "running"
		if len(requests) > 0 {
			status = "waiting"
		}
		set(turn, Object{"status": first(word(event["status"]), status), "requests": requests})
	case "message.created":
		set(message(), Object{"kind": word(event["kind"]), "model": word(event["model"]), "agent": word(event["agent"])})
	case "message.part.updated":
		f.part(event)
	case "message.completed":
		var used any
		if counts, ok := event["usage"].(Object); ok {
			used = tokens(counts)
		}
		set(message(), Object{"finishReason": first(word(event["finishReason"]), "unknown"), "usage": used, "error": failure(event["error"])})
	case "session.usage":
		if counts, ok := event["usage"].(Object); ok {
			turn["usage"] = usage(counts)
		}
	case "turn.completed":
		failure, status := failure(event["error"]), "completed"
		if failure != nil {
			status = "failed"
		}
		turn["ended"], turn["requests"] = true, []any{}
		set(turn, Object{
			"status": first(word(event["status"]), status), "error": failure, "mergedInto": word(event["mergedInto"]),
			"completedAt": when(event["completedAt"]), "durationMs": count(event["durationMs"]),
		})
	}
}

// message is the message that an event names. One that was not announced begins here.
func (f *Fold) message(event Object) Object {
	id, _ := word(event["messageId"]).(string)
	message := f.messages[id]
	if message == nil {
		message = Object{"id": id, "kind": first(word(event["kind"]), "answer"), "parts": []any{}}
		if parent := word(event["parentPartId"]); parent != nil {
			message["parentPartId"] = parent
		}
		f.messages[id] = message
		f.Turn["messages"] = append(f.Turn["messages"].([]any), message)
	}
	return message
}

func (f *Fold) part(event Object) {
	id, _ := word(event["partId"]).(string)
	known := f.parts[id]
	whole, replaces := event["part"].(Object)
	if replaces {
		delete(f.halves, id)
		whole = readPart(whole, id)
	} else {
		delta, _ := event["delta"].(string)
		delta = f.halves[id] + delta
		delta, f.halves[id] = cutHalf(joined(delta))
		delta = marked(delta)
		event["delta"] = delta
		if known != nil {
			if text, ok := known["text"].(string); ok {
				known["text"] = text + delta
			}
			return
		}
		kind := first(word(event["partType"]), "text")
		whole = Object{"id": id, "type": kind, "state": "streaming", "text": delta}
	}
	if known == nil {
		known = Object{}
		f.parts[id] = known
		message := f.message(event)
		message["parts"] = append(message["parts"].([]any), known)
	}
	clear(known)
	for name, value := range whole {
		known[name] = value
	}
}

// text is that of the last answer to the user that has any (FOLD-2).
func (f *Fold) text() string {
	messages := f.Turn["messages"].([]any)
	for at := len(messages) - 1; at >= 0; at-- {
		message := messages[at].(Object)
		if message["kind"] == "summary" || message["parentPartId"] != nil {
			continue
		}
		var texts []string
		for _, part := range message["parts"].([]any) {
			part := part.(Object)
			text, _ := part["text"].(string)
			if part["type"] == "text" && part["state"] != "discarded" && text != "" {
				texts = append(texts, text)
			}
		}
		if len(texts) > 0 {
			return strings.Join(texts, "\n\n")
		}
	}
	return ""
}
