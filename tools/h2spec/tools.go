//go:build tools

// Package tools pins h2spec, by which servers of HTTP/2 are judged.
package tools

import _ "github.com/summerwind/h2spec/cmd/h2spec"
