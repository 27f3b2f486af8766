"""How long a test waits for what has to come about, before it fails and says what it waited for.

It bounds the suite and judges nothing: a wait ends with its condition, and a machine that is busy with other work only
makes it longer. What has to be quick is judged by what happened meanwhile, or by `tests.stopwatch`.
"""

PATIENCE_S = 60.0
"""Well within the time that one test may take, `timeout` in setup.cfg."""
