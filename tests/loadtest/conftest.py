"""Locust patches the standard library for gevent when it is imported. Here it must not: these tests have real threads,
and the processes that they start patch for themselves."""

import os

os.environ["LOCUST_SKIP_MONKEY_PATCH"] = "1"
import locust  # noqa: F401  # the first import decides

del os.environ["LOCUST_SKIP_MONKEY_PATCH"]
