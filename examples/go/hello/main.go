// A turn, with its text while it is written and an answer to what the agent asks: go run ./hello, beside
// turnwire serve --runtime practice. It takes the key from TURNWIRE_API_KEY.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"turnwire.example"
)

func main() {
	if err := run(context.Background(), strings.Join(os.Args[1:], " ")); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, prompt string) error {
	address := os.Getenv("TURNWIRE_BASE_URL")
	if address == "" {
		address = "http://127.0.0.1:2728"
	}
	if prompt == "" {
		prompt = "/ask"
	}
	client := turnwire.New(address, os.Getenv("TURNWIRE_API_KEY"))
	defer client.Close()
	chat, err := client.Create(ctx, turnwire.Object{"title": "From Go"})
	if err != nil {
		return err
	}
	id := chat["id"].(string)
	defer client.Delete(ctx, id)
	stream, err := client.Respond(ctx, id, prompt)
	if err != nil {
		return err
	}
	defer stream.Close()
	for {
		event, err := stream.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if text, ok := event["delta"].(string); ok && event["partType"] == "text" {
			fmt.Print(text)
		}
		for _, open := range stream.Asked() {
			if open["kind"] == "question" {
				question := open["questions"].([]any)[0].(turnwire.Object)
				fmt.Println(question["question"], "yes")
				if err := stream.Reply(open, turnwire.Object{"answers": [][]string{{"yes"}}}); err != nil {
					return err
				}
			}
		}
	}
	turn, err := stream.Result()
	if err != nil {
		return err
	}
	fmt.Println("\n" + turn["status"].(string))
	return nil
}
