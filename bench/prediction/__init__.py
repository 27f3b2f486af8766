"""How many nodes a lobby needs that is larger than one machine can show, from what a piece of work costs on this one.

    calibration (measured) ──▶ model ──▶ the server's own fan-out in virtual time ──▶ forecast ──▶ held out, measured

The words:

* **cost**: CPU of one piece of work, or bytes, or memory, fitted to measurements.
* **model**: all costs, and how far the measurements went.
* **process**: one server process, which is one node of the log. A **node** is a machine with a process per core.
* **crowd**: sessions of one process that are in step; in virtual time they stand as one subscriber.
* **cold**: of work that was not done for a while, and costs more then; **warm** where it is done again at once.
* **forecast**: what a plan comes to by a model.
* **extrapolated**: beyond what was measured; by how much is said beside it.

What is measured, and the check of forecasts against measurements that the model was not fitted to, are in
`bench.scenarios.prediction`.
"""
