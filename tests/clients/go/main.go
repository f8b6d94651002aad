// Go's net/http, over HTTP/1.1 and HTTP/2: a row is read as a line of JSON, and what it saw is written as one.
// A row has its name under "do"; an error is a fact like any other.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// Row is what to do; each row uses some of it.
type Row struct {
	Do      string   `json:"do"`
	URL     string   `json:"url"`
	URLs    []string `json:"urls"`
	Size    int64    `json:"size"`
	After   int64    `json:"after"`
	Times   int      `json:"times"`
	Framing string   `json:"framing"`
}

// Facts are what a client saw.
type Facts map[string]any

var client *http.Client

func main() {
	var told struct{ HTTP, CA string }
	check(json.Unmarshal([]byte(os.Args[1]), &told))
	client = newClient(told.HTTP, told.CA)
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return
		}
		check(err)
		var row Row
		check(json.Unmarshal(line, &row))
		facts, err := rows[row.Do](row)
		if err != nil {
			facts = Facts{"error": err.Error()}
		}
		said, err := json.Marshal(facts)
		check(err)
		fmt.Println(string(said))
	}
}

func newClient(version, ca string) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(version == "1.1")
	protocols.SetHTTP2(version == "2")
	protocols.SetUnencryptedHTTP2(version == "2")
	transport := &http.Transport{
		Protocols:             protocols,
		ExpectContinueTimeout: 30 * time.Second,
		MaxIdleConnsPerHost:   32,
	}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		check(err)
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	return &http.Client{Transport: transport, Timeout: 2 * time.Minute}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
