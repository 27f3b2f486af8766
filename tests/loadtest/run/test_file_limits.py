"""Open files: a share of the players that does not fit is one sentence before the run."""

import resource

import pytest

from loadtest.results.exit_codes import UsageError
from loadtest.run.checks.file_limits import BASE_FILES, check_files, raise_file_limit


def test_a_share_that_just_fits_is_fine_and_one_more_socket_is_not():
    check_files(sockets=800, http_connections=100, allowed=900 + BASE_FILES)
    with pytest.raises(UsageError) as caught:
        check_files(sockets=801, http_connections=100, allowed=900 + BASE_FILES)
    assert "may open 1,000 files" in str(caught.value)
    assert "needs 1,001" in str(caught.value)
    assert "--processes 2" in str(caught.value)


def test_the_soft_limit_is_raised_to_the_hard_one():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(before[0], before[1] - 1), before[1]))
        allowed = raise_file_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
        assert allowed == before[1] or before[1] == resource.RLIM_INFINITY
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
