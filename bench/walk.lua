-- wrk's part of bench/pixel.py: each token of a file is asked for exactly once.
--
-- wrk stops by time, not by count. So the threads share the tokens by stripes, ask for an image without a token when
-- theirs are used up, and say "done" when all their answers must have come; bench/pixel.py then interrupts wrk.

local ffi = require("ffi")
ffi.cdef [[ typedef struct { long sec; long usec; } wall_time; int gettimeofday(wall_time *now, void *zone); ]]

local function wall()
  local now = ffi.new("wall_time")
  ffi.C.gettimeofday(now, nil)
  return tonumber(now.sec) + tonumber(now.usec) / 1e6
end

local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init(arguments)
  local file, of, connections = arguments[1], tonumber(arguments[2]), tonumber(arguments[3])
  local pause = tonumber(arguments[4])  -- milliseconds of a connection between an answer and its next request
  if pause > 0 then
    function delay() return pause end
  end
  local line_number = 0
  requests = {}
  wrk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
  for path in io.lines(file) do
    if line_number % of == number then
      requests[#requests + 1] = wrk.format("GET", path)
    end
    line_number = line_number + 1
  end
  nothing = wrk.format("GET", "/o/nothing.gif")
  at, last = 0, #requests
  rest = last + (pause > 0 and 3 or 20) * connections  -- each connection has had its answer by then
  began, ended = 0, 0
end

function request()
  if number == 0 and not verified then  -- wrk looks at one request of the first thread and does not send it
    verified = true
    return nothing
  end
  at = at + 1
  if at <= last then
    if at == 1 then began = wall() end
    return requests[at]
  end
  if ended == 0 then ended = wall() end
  if at == rest then
    io.stderr:write("done\n")
    wrk.thread:stop()
  end
  return nothing
end

function done(summary, latency)
  local began, ended = math.huge, 0
  for _, thread in ipairs(threads) do
    began = math.min(began, thread:get("began"))
    ended = math.max(ended, thread:get("ended"))
  end
  local errors = summary.errors
  io.write(string.format(
    '\n{"seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "max_ms": %.3f, "errors": %d}\n',
    ended - began, latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
