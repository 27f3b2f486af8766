"""The lab: scenarios that measure a live lobby server, and a report that is derived from what they left.

Floors, each importing those before it alone: `measures`, `words` and `stats`; `record` (what a run left); then
`processes` (servers and generators), `load` (clients and changes) and `scenarios`; and beside these, on `record`
alone, `analysis` (what it means) and `report` (how it is told). Drawing the report of a saved run loads no generator.

The words:

* **measure**: what is measured; its name, unit, kind and direction stand once, in `bench.measures`.
* **reading**: the value of a measure in one repeat, with the CPU (a **stretch**) and the **ledger** beside it.
* **series**: all samples of one thing, in groups by repeat or broadcast.
* **party**: whose figure it is: the lobby, another server, a way to the list, a policy of retries.
* **findings**: all that one scenario left; a **book** is what it writes them in. A **run** has several findings.
* **ledger**: who should have received what, and did. **Reach** is received over expected.
* **figure**: a measure of one party at one size, over all repeats; its **estimate** is their median with an interval.
* **judgement**: whether a figure is valid, suspect or invalid, and why.
* **goal**: what the fan-out engine must reach, met or missed. **Claim**: what the specification says, with a verdict.
* **noise floor**: how far apart two come out that are the same (the **A/A**); a smaller difference is called none.
* **time to fresh**: from a change until a client holds a list that has it. **Staleness**: the age of the oldest change
  that a client has not.
* **way**: how a client comes to the list: polling, with ETag, push then fetch, with rev, rooms_delta.
* **cell**: clients of one way at one rate of changes on a fresh server.
* **lift**: to read a run of an older schema as one of today's.
"""
