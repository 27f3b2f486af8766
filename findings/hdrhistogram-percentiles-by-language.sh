#!/usr/bin/env bash
# Guess:    a percentile of one and the same HdrHistogram is the same in each language: the format is shared so that one
#           records here and reads there.
# Really:   to find the rank, the port to Python rounds to the nearest whole number, and so does the one to C inside
#           Node.js; the one to JavaScript rounds up. Of 600 answers, one of which took 2 s, the p99.9 is 10 ms in Python
#           and 2 s in JavaScript, read from the same bytes. Only the second is a time that 99.9 % of the answers did not
#           exceed. With the p99 it is so for 51 to 99 values, and the rank differs by one for 151 to 199, and so on.
# Versions: hdrhistogram 0.10.8 (Python), hdr-histogram-js 3.0.1, `perf_hooks` of Node.js 20.20.2, 2026-11-29.
# Who:      anybody whose load generator and report are written in different languages, or who reads high percentiles of
#           short runs, of windows, or of rare requests.
# Matters:  the same run passes its threshold in one tool and fails in the other, and Python and C leave out the outlier.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
timeout 50 npm install --no-save --no-fund --no-audit --loglevel=error 'hdr-histogram-js@3.0.1' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
python3 -m venv venv
timeout 40 venv/bin/pip install -q --disable-pip-version-check 'hdrhistogram==0.10.8' || {
    echo "not installed, so nothing was tried" >&2
    exit 2
}

cat >written.py <<'PY'
"""Write histograms as text, with their percentiles as Python reads them: JSON on standard output."""

import json
from importlib.metadata import version

from hdrh.histogram import HdrHistogram

# Times in microseconds: how many took 10 ms beside the one that took 2 s, and the percentile to read.
runs = []
for usual, percentile in ((599, 99.9), (998, 99.9), (59, 99), (39, 99), (99, 99)):
    histogram = HdrHistogram(1, 60_000_000, 3)
    for _ in range(usual):
        histogram.record_value(10_000)
    histogram.record_value(2_000_000)
    text = histogram.encode().decode()
    read = HdrHistogram.decode(text)
    runs.append({"usual": usual, "percentile": percentile, "text": text, "python": read.get_value_at_percentile(percentile)})
print(json.dumps({"version": version("hdrhistogram"), "runs": runs}))
PY
cat >read.js <<'JS'
"use strict";
const { createHistogram } = require("perf_hooks");
const hdr = require("hdr-histogram-js");

const { version, runs } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const ms = (us) => `${Math.round(us / 1000)} ms`.padStart(8);
console.log(`hdrhistogram ${version}, hdr-histogram-js ${require("hdr-histogram-js/package.json").version}, Node.js ${process.version}`);
const differ = runs.map(({ usual, percentile, text, python }) => {
  const read = hdr.decodeFromCompressedBase64(text);
  const javascript = read.getValueAtPercentile(percentile);
  const own = createHistogram();
  for (let count = 0; count < usual; count += 1) own.record(10_000);
  own.record(2_000_000);
  const c = own.percentile(percentile);
  console.log(`${String(read.totalCount).padStart(4)} values, one of 2 s: p${percentile} is ${ms(python)} in Python, ${ms(c)} in Node.js itself, ${ms(javascript)} in JavaScript`);
  return [python, c, javascript].map((us) => us > 1_000_000);
});
// Of 40 values both ways of rounding lead to the last, of 100 there is nothing to round.
const expected = [[false, false, true], [false, false, true], [false, false, true], [true, true, true], [false, false, false]];
const isSo = JSON.stringify(differ) === JSON.stringify(expected);
console.log(isSo ? "as described: the outlier is in the percentile of one, and not of the others" : "a library behaves otherwise now");
process.exit(isSo ? 0 : 1);
JS
timeout 30 venv/bin/python written.py | timeout 30 node read.js
