"""An object of a JSON file as it is: what the file has, and nothing of the lab's types."""

from __future__ import annotations

from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
