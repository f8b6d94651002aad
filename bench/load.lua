-- The wrk script: nine request headers like a browser's, and the figures as one line of JSON.
-- Arguments after "--": METHOD BODY_SIZE(bytes) PAUSE(milliseconds)

function init(args)
  local pause = tonumber(args[3])
  if pause > 0 then
    delay = function() return math.random(0, 2 * pause) end  -- wrk looks for this name
  end
  wrk.method = args[1]
  if tonumber(args[2]) > 0 then
    wrk.body = string.rep("x", tonumber(args[2]))
    wrk.headers["Content-Type"] = "application/octet-stream"
  else
    wrk.headers["Upgrade-Insecure-Requests"] = "1"
  end
  -- wrk itself adds Host, and Content-Length when there is a body.
  wrk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
  wrk.headers["Accept"] = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
  wrk.headers["Accept-Language"] = "en-GB,en;q=0.7,de;q=0.3"
  wrk.headers["Accept-Encoding"] = "gzip, deflate, br, zstd"
  wrk.headers["Referer"] = "http://127.0.0.1/start?from=search"
  wrk.headers["Cookie"] = "session=0123456789abcdef0123456789abcdef; theme=dark"
  wrk.headers["Cache-Control"] = "max-age=0"
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "p50": %.1f, "p99": %.1f, '
    .. '"errors": {"connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}}\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
