-- Page views of many visitors on a few hundred pages, behind a trusted proxy.
local agents = {
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
  "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
}
local counter = 0
function init(args)
  math.randomseed(tonumber(args[1] or "1"))
end
function request()
  counter = counter + 1
  local visitor = math.random(1, 50000)
  local address = string.format("84.%d.%d.%d", visitor % 50, math.floor(visitor / 50) % 250, math.floor(visitor / 12500))
  local body = string.format('{"n":"pageview","u":"https://bench.example.com/page-%s","d":"bench.example.com","r":""}',
    string.char(97 + visitor % 26, 97 + counter % 12))
  return wrk.format("POST", path, {
    ["Content-Type"] = "text/plain",
    ["User-Agent"] = agents[1 + visitor % 3],
    ["X-Forwarded-For"] = address,
  }, body)
end
