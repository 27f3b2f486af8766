"""``lobby-bench``, which is also ``python -m bench``. Imports nothing of weight before Ctrl-C ends it quietly."""

from loadtest.results.early import end_at_interrupt, leave_interrupts_to_python
from loadtest.results.standard_output import told_or_failed


def main() -> None:
    end_at_interrupt()
    with told_or_failed("lobby-bench"):
        from bench.cli import main as command

        leave_interrupts_to_python()
        command()


if __name__ == "__main__":
    main()
