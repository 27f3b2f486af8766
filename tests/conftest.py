"""What holds for all tests."""

from __future__ import annotations

import hypothesis

# An example that takes long tells of a busy machine, not of a fault.
hypothesis.settings.register_profile("lobby", deadline=None)
hypothesis.settings.load_profile("lobby")
