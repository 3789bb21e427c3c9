package turnwire

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// Values are read field by field, each by its reader; nil: absent (VAL-3).

type reader = func(any) any

func word(value any) any {
	switch value := value.(type) {
	case string:
		return marked(value)
	case json.Number:
		if number, err := value.Float64(); err == nil && !math.IsInf(number, 0) {
			return value.String()
		}
	}
	return nil
}

// words reads a text for people: of a list or an object it is the JSON.
func words(value any) any {
	switch value.(type) {
	case []any, Object:
		text, _ := json.Marshal(value)
		return string(text)
	}
	return word(value)
}

func count(value any) any {
	text, _ := word(value).(string)
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || number < 0 || number >= 1<<63 || math.IsNaN(number) {
		return nil
	}
	return int64(number)
}

func number(value any) any {
	text, _ := word(value).(string)
	if number, err := strconv.ParseFloat(text, 64); err == nil {
		return number
	}
	return nil
}

func when(value any) any {
	switch value := value.(type) {
	case string:
		if _, err := time.Parse(time.RFC3339, value); err == nil {
			return value
		}
	case json.Number:
		if ms, err := value.Float64(); err == nil && math.Abs(ms) < 1e15 {
			return time.UnixMilli(int64(ms)).UTC().Format("2006-01-02T15:04:05.000Z")
		}
	}
	return nil
}

func flag(value any) any { return value == true || value == "true" }

func list(item reader) reader {
	return func(value any) any {
		values, ok := value.([]any)
		if !ok {
			return nil
		}
		read := []any{}
		for _, value := range values {
			if value := item(value); value != nil {
				read = append(read, value)
			}
		}
		return read
	}
}

// fields reads an object: these fields with their readers, else these values; others stay as they are.
func fields(readers map[string]reader, otherwise Object) reader {
	return func(value any) any {
		object, ok := value.(Object)
		if !ok {
			return nil
		}
		read := Object{}
		for name, value := range otherwise {
			read[name] = value
		}
		for name, value := range object {
			if reader := readers[name]; reader != nil {
				value = reader(value)
			}
			if value = clean(value); value != nil {
				read[name] = value
			}
		}
		return read
	}
}

var (
	option      = fields(map[string]reader{"label": word, "description": word}, Object{"label": "", "description": ""})
	oneQuestion = fields(
		map[string]reader{"header": word, "question": word, "options": list(option), "multiple": flag, "custom": flag},
		Object{"header": "", "question": "", "options": []any{}, "multiple": false, "custom": false})
	ids      = map[string]reader{"requestId": word, "messageId": word, "partId": word}
	question = fields(with(ids, "questions", list(oneQuestion)), Object{"questions": []any{}})
	permit   = fields(with(ids, "patterns", list(word)), Object{"permission": "", "patterns": []any{}, "metadata": Object{}})
	todo     = fields(map[string]reader{"content": word, "status": word, "priority": word}, Object{"content": "", "status": "", "priority": ""})
	counts   = map[string]reader{"inputTokens": count, "outputTokens": count, "reasoningTokens": count, "cacheReadTokens": count, "cacheWriteTokens": count, "totalTokens": count, "costMicros": count}
	zeros    = Object{"inputTokens": 0, "outputTokens": 0, "reasoningTokens": 0, "cacheReadTokens": 0, "cacheWriteTokens": 0, "totalTokens": 0}
	tokens   = fields(counts, zeros)
	entry    = fields(with(with(counts, "messageId", word), "kind", word), zeros)
	parts    = map[string]reader{
		"id": word, "state": word, "text": words, "callId": word, "tool": word, "output": words, "title": word, "error": failure,
		"startedAt": when, "completedAt": when, "mime": word, "filename": word, "url": word, "toolPartId": word, "omitted": flag,
		"files": list(word), "items": list(todo),
	}
	chat = fields(map[string]reader{
		"id": word, "status": word, "title": word, "provider": word, "model": word, "runtimeState": word, "activeTurnId": word, "runtimeId": word,
		"idleTimeoutMs": count, "lastEventId": count, "runtimeMs": count, "costMicros": count, "cost": number, "createdAt": when,
	}, Object{"status": ""})
	page        = fields(map[string]reader{"data": list(chat), "nextCursor": word}, Object{})
	userMessage = fields(map[string]reader{"id": word}, Object{"id": "", "parts": []any{}})
)

func with(readers map[string]reader, name string, reader reader) map[string]reader {
	more := map[string]func(any) any{name: reader}
	for name, reader := range readers {
		more[name] = reader
	}
	return more
}

func usage(value Object) Object {
	read := fields(with(with(counts, "summary", tokens), "entries", list(entry)), zeros)(value).(Object)
	read["summary"] = first(read["summary"], tokens(Object{}))
	read["entries"] = first(read["entries"], []any{})
	return read
}

func request(value any) any {
	object, _ := value.(Object)
	switch object["kind"] {
	case "question":
		return question(object)
	case "permission":
		return permit(object)
	}
	return nil
}

func readPart(value Object, id string) Object {
	otherwise := Object{"id": id, "state": "done"}
	switch value["type"] {
	case "text", "reasoning":
		otherwise["text"] = ""
	case "file":
		otherwise["mime"], otherwise["url"] = "", ""
	}
	return fields(parts, otherwise)(value).(Object)
}

func failure(value any) any {
	read := Object{"code": "", "message": "", "retryable": false}
	switch value := value.(type) {
	case string, json.Number:
		if number, ok := value.(json.Number); ok && strings.Trim(number.String(), "-0.") == "" {
			return nil
		}
		read["message"] = first(word(value), "")
	case Object:
		read["code"] = first(word(value["code"]), word(value["name"]), "")
		read["message"] = sentence(value)
		read["retryable"] = flag(value["retryable"])
	}
	if read["code"] == "" && read["message"] == "" {
		return nil
	}
	return read
}

// JSON, with the halves of surrogate pairs kept: as characters of a private plane, which no service sends.

const halfPlane = 0x100000

// Decode reads JSON; nil: it is none.
func Decode(text []byte) any {
	decoder := json.NewDecoder(bytes.NewReader(markHalves(text)))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil || decoder.More() {
		return nil
	}
	return value
}

func markHalves(text []byte) []byte {
	if !bytes.Contains(text, []byte(`\u`)) {
		return text
	}
	half := func(at int) (rune, bool) {
		if at+6 > len(text) || text[at] != '\\' || text[at+1] != 'u' {
			return 0, false
		}
		unit, err := strconv.ParseUint(string(text[at+2:at+6]), 16, 16)
		return rune(unit), err == nil && unit >= 0xD800 && unit < 0xE000
	}
	var out []byte
	for at := 0; at < len(text); {
		unit, is := half(at)
		low, follows := half(at + 6)
		switch {
		case is && unit < 0xDC00 && follows && low >= 0xDC00:
			out, at = append(out, text[at:at+12]...), at+12
		case is:
			out, at = append(out, string(halfPlane+unit-0xD800)...), at+6
		case text[at] == '\\' && at+1 < len(text):
			out, at = append(out, text[at:at+2]...), at+2
		default:
			out, at = append(out, text[at]), at+1
		}
	}
	return out
}

func isHalf(letter rune, from rune) bool {
	return letter >= halfPlane+from && letter < halfPlane+from+0x400
}

// joined joins the halves that follow one another.
func joined(text string) string {
	letters := []rune(text)
	var out []rune
	for at := 0; at < len(letters); at++ {
		if isHalf(letters[at], 0) && at+1 < len(letters) && isHalf(letters[at+1], 0x400) {
			out = append(out, 0x10000+(letters[at]-halfPlane)<<10+(letters[at+1]-halfPlane-0x400))
			at++
			continue
		}
		out = append(out, letters[at])
	}
	return string(out)
}

// cutHalf cuts off a first half at the end.
func cutHalf(text string) (string, string) {
	letters := []rune(text)
	if end := len(letters) - 1; end >= 0 && isHalf(letters[end], 0) {
		return string(letters[:end]), string(letters[end:])
	}
	return text, ""
}

// marked replaces each half that is left by U+FFFD.
func marked(text string) string {
	return strings.Map(func(letter rune) rune {
		if isHalf(letter, 0) || isHalf(letter, 0x400) {
			return '\uFFFD'
		}
		return letter
	}, text)
}

// clean is marked for every text of a value.
func clean(value any) any {
	switch value := value.(type) {
	case string:
		return marked(value)
	case []any:
		for at, item := range value {
			value[at] = clean(item)
		}
	case Object:
		for name, item := range value {
			value[name] = clean(item)
		}
	}
	return value
}
