"""How much of something is too much: a token bucket, and one bucket a key."""

from __future__ import annotations


class TokenBucket:
    """Allows `rate_per_s` on average and `burst` at once. A rate of 0 allows everything."""

    __slots__ = ("_at_s", "_burst", "_rate_per_s", "_tokens")

    def __init__(self, *, rate_per_s: float, burst: float, now_s: float) -> None:
        self._rate_per_s = rate_per_s
        self._burst = max(burst, 1.0)
        self._tokens = self._burst
        self._at_s = now_s

    def take(self, now_s: float) -> bool:
        """Whether one more is allowed now; if so it is counted."""
        if not self._rate_per_s:
            return True
        self._tokens = min(self._burst, self._tokens + (now_s - self._at_s) * self._rate_per_s)
        self._at_s = now_s
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def wait_s(self) -> float:
        """Seconds until the next one is allowed, counted from the last `take`."""
        if not self._rate_per_s:
            return 0.0
        return max(0.0, (1.0 - self._tokens) / self._rate_per_s)

    def is_full(self, now_s: float) -> bool:
        """Whether the bucket is as good as new, so that it can be forgotten."""
        return self._tokens + (now_s - self._at_s) * self._rate_per_s >= self._burst


class KeyedLimit:
    """One bucket a key, for instance an address. Buckets that are full again are dropped: memory is bounded by
    the keys seen within the time that a bucket takes to fill."""

    SWEEP_EVERY = 1024

    def __init__(self, *, rate_per_s: float, burst: float) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._buckets: dict[str, TokenBucket] = {}
        self._until_sweep = self.SWEEP_EVERY

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: str, now_s: float) -> float:
        """0.0 when one more of that key is allowed now, otherwise the seconds to wait."""
        if not self._rate_per_s:
            return 0.0
        self._until_sweep -= 1
        if not self._until_sweep:
            self._until_sweep = self.SWEEP_EVERY
            self._buckets = {key: bucket for key, bucket in self._buckets.items() if not bucket.is_full(now_s)}
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = TokenBucket(rate_per_s=self._rate_per_s, burst=self._burst, now_s=now_s)
            self._buckets[key] = bucket
        return 0.0 if bucket.take(now_s) else bucket.wait_s()
