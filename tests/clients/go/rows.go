package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"
)

var rows = map[string]func(Row) (Facts, error){
	"reuse":    reuse,
	"upload":   upload,
	"refused":  refused,
	"expect":   expect,
	"trailers": trailers,
	"download": download,
	"cancel":   cancel,
	"parallel": parallel,
}

func reuse(row Row) (Facts, error) {
	answers := []any{}
	for range row.Times {
		said, _, err := read(client.Get(row.URL + "/who"))
		if err != nil {
			return nil, err
		}
		answers = append(answers, said)
	}
	return Facts{"answers": answers}, nil
}

func upload(row Row) (Facts, error) {
	said, status, err := read(client.Do(post(row.URL, row)))
	return Facts{"answer": said, "status": status}, err
}

func refused(row Row) (Facts, error) {
	statuses, next := []any{}, []any{}
	base, err := url.Parse(row.URL)
	if err != nil {
		return nil, err
	}
	for range row.Times {
		statuses = append(statuses, outcome(client.Do(post(row.URL, row))))
		next = append(next, outcome(client.Get(base.JoinPath("../who").String())))
	}
	return Facts{"statuses": statuses, "next": next}, nil
}

func expect(row Row) (Facts, error) {
	row.Framing = "length"
	said, _, continued, err := waiting(row.URL+"/digest", row)
	if err != nil {
		return nil, err
	}
	_, status, needlessly, err := waiting(row.URL+"/refused", row)
	return Facts{"answer": said, "refused": status, "continued": continued && !needlessly}, err
}

// waiting sends its body when 100 has come.
func waiting(url string, row Row) (any, int, bool, error) {
	var continued atomic.Bool
	trace := &httptrace.ClientTrace{Got100Continue: func() { continued.Store(true) }}
	request := post(url, row)
	request.Header.Set("Expect", "100-continue")
	request = request.WithContext(httptrace.WithClientTrace(context.Background(), trace))
	said, status, err := read(client.Do(request))
	return said, status, continued.Load(), err
}

func trailers(row Row) (Facts, error) {
	request := post(row.URL+"/digest", row)
	request.ContentLength = -1
	request.Header.Set("TE", "trailers")
	request.Trailer = http.Header{"X-Sent": nil}
	sent := func() { request.Trailer.Set("X-Sent", "behind") }
	request.Body = io.NopCloser(&body{size: row.Size, ended: sent})
	answer, err := client.Do(request)
	said, _, err := read(answer, err)
	if err != nil {
		return nil, err
	}
	return Facts{"answer": said, "got": answer.Trailer.Get("X-Digest"), "sent": Facts{"x-sent": "behind"}}, nil
}

func download(row Row) (Facts, error) {
	answer, err := client.Get(row.URL)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return digest(answer.Body)
}

func cancel(row Row) (Facts, error) {
	next := []any{}
	for range row.Times {
		answer, err := client.Get(row.URL + "/sized?" + strconv.FormatInt(row.Size, 10))
		if err != nil {
			return nil, err
		}
		_, err = io.CopyN(io.Discard, answer.Body, row.After)
		answer.Body.Close()
		if err != nil {
			return nil, err
		}
		next = append(next, outcome(client.Get(row.URL+"/who")))
	}
	return Facts{"next": next}, nil
}

func parallel(row Row) (Facts, error) {
	answers := make([]Facts, len(row.URLs))
	errors := make(chan error)
	for number, url := range row.URLs {
		go func() {
			var err error
			answers[number], err = download(Row{URL: url})
			errors <- err
		}()
	}
	var first error
	for range row.URLs {
		if err := <-errors; first == nil {
			first = err
		}
	}
	return Facts{"answers": answers}, first
}

func post(url string, row Row) *http.Request {
	request, err := http.NewRequest("POST", url, io.NopCloser(&body{size: row.Size}))
	check(err)
	request.ContentLength = -1
	if row.Framing == "length" {
		request.ContentLength = row.Size
	}
	return request
}

// read gives what an answer says, if it is JSON.
func read(answer *http.Response, err error) (any, int, error) {
	if err != nil {
		return nil, 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	var said any
	if answer.StatusCode == http.StatusOK && err == nil {
		err = json.Unmarshal(text, &said)
	}
	return said, answer.StatusCode, err
}

// outcome is the status of an answer that came whole, or the error.
func outcome(answer *http.Response, err error) any {
	_, status, err := read(answer, err)
	if err != nil {
		return err.Error()
	}
	return status
}
