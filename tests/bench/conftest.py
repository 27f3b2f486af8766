"""What holds for all tests of the lab: a property takes as long as a busy machine lets it."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("lab", deadline=None)
settings.load_profile("lab")
