"""HTTP/2 (RFC 9113): the same applications, over streams."""
