from loadtest.results.exit_codes import ExitCode, UsageError


def test_exit_codes_are_the_documented_numbers():
    assert [(code.name, int(code)) for code in ExitCode] == [
        ("GOOD", 0), ("FAILED", 1), ("USAGE", 2), ("THRESHOLD_MISSED", 3), ("INVALID", 4),
        ("SUSPECT", 5), ("INTERRUPTED", 130),
    ]  # fmt: skip


def test_a_usage_error_is_a_value_error_so_that_parsers_may_catch_either():
    assert issubclass(UsageError, ValueError)
