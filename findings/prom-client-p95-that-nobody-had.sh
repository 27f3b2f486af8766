#!/usr/bin/env bash
# Guess:    the quantiles of prom-client's Summary, which are those of a t-digest, are good to a percent or so: of 10,000 answers
#           that took 10 to 14 ms, but for 120 that took 2 s, the p95 is 14 ms.
# Really:   it is 1.2 s, and the p90 0.2 s. All equal values are one centroid, however many they are, and a quantile is read off a
#           straight line from the middle of one centroid to the middle of the next: so those of the last usual value lie on the
#           way to the outliers. The packages `tdigest` of npm, which is what prom-client takes, and of Python do the same. With
#           times that have fractions, so that no two are equal, the p95 is 14 ms.
# Versions: prom-client 15.1.3, tdigest 0.1.3 (npm), tdigest 0.5.2.2 (Python), Node.js 20.20.2, CPython 3.11, 2026-11-30.
# Who:      servers that observe times in whole milliseconds, from Date.now() or rounded; sizes of rooms, numbers of retries, and
#           all else that has few values.
# Matters:  the p90 and p95 say that every tenth player waited when one in eighty did, and a limit on them is missed by a server
#           that keeps it; of two servers the one that measures more coarsely looks slower. Observe fractions, or use a Histogram.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
timeout 40 npm install --no-save --no-fund --no-audit --loglevel=error 'prom-client@15.1.3' 'tdigest@0.1.3' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
python3 -m venv venv
timeout 60 venv/bin/pip install -q --disable-pip-version-check 'tdigest==0.5.2.2' || {
    echo "not installed, so nothing was tried" >&2
    exit 2
}
# Times in milliseconds, whole ones and the same with fractions: 9,880 from 10 to 14 ms and 120 of 2 s, well mixed.
python3 - <<'PY'
import json
import random

generator = random.Random(1)
whole = [2_000 if number < 120 else 10 + number % 5 for number in range(10_000)]
generator.shuffle(whole)
with open("times.json", "w") as file:
    json.dump({"whole": whole, "fractions": [time + generator.random() / 100 for time in whole]}, file)
PY
cat >quantiles.js <<'JS'
"use strict";
const { readFileSync } = require("fs");
const { Summary } = require("prom-client");
const { TDigest } = require("tdigest");

async function main() {
  const found = {};
  const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version;
  for (const [kind, times] of Object.entries(JSON.parse(readFileSync("times.json", "utf8")))) {
    const summary = new Summary({ name: kind, help: "s", percentiles: [0.5, 0.9, 0.95, 0.99] });
    for (const ms of times) summary.observe(ms / 1_000);
    const { values } = await summary.get();
    (found[`prom-client ${version("prom-client")}`] ??= {})[kind] =
      [0.5, 0.9, 0.95, 0.99].map((quantile) => 1_000 * values.find(({ labels }) => labels.quantile === quantile).value);
    const digest = new TDigest();
    for (const ms of times) digest.push(ms);
    digest.compress();
    (found[`tdigest ${version("tdigest")} (npm)`] ??= {})[kind] = [0.5, 0.9, 0.95, 0.99].map((quantile) => digest.percentile(quantile));
  }
  console.log(JSON.stringify(found));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
JS
cat >quantiles.py <<'PY'
"""The quantiles in Python, those that are true, and all of them as a table."""

import json
import sys
from importlib.metadata import version

from tdigest import TDigest

PERCENTS = (50, 90, 95, 99)
times = json.load(open("times.json"))
found = json.load(sys.stdin)
name = f"tdigest {version('tdigest')} (Python)"
found[name] = {}
for kind, of_kind in times.items():
    digest = TDigest()
    digest.batch_update(of_kind)
    found[name][kind] = [digest.percentile(percent) for percent in PERCENTS]
print(" " * 40, *(f"p{percent} in ms".rjust(11) for percent in PERCENTS))
for kind, of_kind in times.items():
    in_order = sorted(of_kind)
    true = [in_order[len(in_order) * percent // 100 - 1] for percent in PERCENTS]
    for name, quantiles in {"in truth": true, **{each: kinds[kind] for each, kinds in found.items()}}.items():
        print(f"{kind}: {name}".ljust(40), *(f"{quantile:11.1f}" for quantile in quantiles))
is_so = all(
    kinds["whole"][1] > 100 and kinds["whole"][2] > 1_000 and kinds["fractions"][1] < 15 and kinds["fractions"][2] < 15
    for kinds in found.values()
)
print("as described: a p95 of a second, where 98 % had their answer in 14 ms" if is_so else "a library behaves otherwise now")
sys.exit(0 if is_so else 1)
PY
timeout 30 node quantiles.js | timeout 30 venv/bin/python quantiles.py
