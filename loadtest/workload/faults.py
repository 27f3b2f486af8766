"""Faults in the middle of a run: a process that the user names is killed, frozen, or killed and started again.

    --fault freeze:4711@60+10                  the process 4711 is stopped after 60 s and goes on 10 s later
    --fault 'valkey=restart:4712@90+2'         killed after 90 s, started again 2 s later; called valkey in the results
    --fault 'cut=run:ip link set va down@120'  a command

`loadtest.workload.breaking` brings them about.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from loadtest.results.exit_codes import UsageError

KILL, FREEZE, RESTART, RUN = "kill", "freeze", "restart", "run"
KINDS = (KILL, FREEZE, RESTART, RUN)
EXAMPLE = "kill:4711@60, freeze:4711@60+10, restart:4711@60+2 or run:COMMAND@60"
RECOVERY_S = 30.0
"""After its end a fault may be felt for so long by default."""
_LONGEST_NAME = 40

_PATTERN = re.compile(
    r"(?:(?P<name>[^=:@]+)=)?(?P<kind>[a-z]+):(?P<target>.+)@(?P<at>[0-9.]+)(?:\+(?P<lasts>[0-9.]+))?", re.DOTALL
)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One that is planned. Times in seconds of the run."""

    name: str
    kind: str
    at_s: float
    lasts_s: float = 0.0
    pid: int | None = None
    """None for a command."""
    command: str = ""


def read_fault(text: str) -> Fault:
    """Raises `UsageError`."""
    found = _PATTERN.fullmatch(text.strip())
    if found is None or found["kind"] not in KINDS:
        raise UsageError(f"--fault {text} is no fault: write {EXAMPLE}.")
    kind, target, name = found["kind"], found["target"].strip(), (found["name"] or "").strip()
    try:
        at_s, lasts_s = float(found["at"]), float(found["lasts"] or 0.0)
    except ValueError:
        raise UsageError(f"--fault {text}: its times are seconds, such as @60+10.") from None
    if kind == FREEZE and not lasts_s:
        raise UsageError(f"--fault {text}: say for how long it is frozen, such as freeze:{target}@{at_s:g}+10.")
    if kind == KILL and lasts_s:
        raise UsageError(
            f"--fault {text}: what is killed stays so; restart:{target}@{at_s:g}+{lasts_s:g} starts it again."
        )
    if kind == RUN:
        return Fault(name=(name or target)[:_LONGEST_NAME], kind=kind, at_s=at_s, lasts_s=lasts_s, command=target)
    if not target.isdecimal() or int(target) <= 1:
        raise UsageError(f"--fault {text}: {target} is no process id; write {EXAMPLE}.")
    return Fault(
        name=(name or f"{kind} {target}")[:_LONGEST_NAME], kind=kind, at_s=at_s, lasts_s=lasts_s, pid=int(target)
    )


def command_of(process: psutil.Process) -> list[str]:
    """With which a process can be started again. Raises `OSError` where it has put a title in place of it."""
    command = process.cmdline()
    if not command or shutil.which(command[0], path=process.environ().get("PATH")) is None:
        shown = " ".join(command)[:60]
        raise OSError(
            f"process {process.pid} hides its command line behind a title ({shown}), so it cannot be started again; "
            "Valkey and Redis keep it with --set-proc-title no"
        )
    return command


def check_faults(faults: Sequence[Fault]) -> None:
    """Before the run: whether the processes are there and ours. Raises `UsageError`."""
    for fault in faults:
        if fault.pid is None:
            continue
        if fault.pid in (os.getpid(), os.getppid()):
            raise UsageError(f"--fault: process {fault.pid} is the swarm itself, or what started it.")
        try:
            process = psutil.Process(fault.pid)
            process.environ()
            if fault.kind == RESTART:
                command_of(process)
        except psutil.NoSuchProcess:
            raise UsageError(f"--fault: no process has the id {fault.pid}.") from None
        except psutil.AccessDenied:
            raise UsageError(f"--fault: process {fault.pid} is not yours to {fault.kind}.") from None
        except OSError as error:
            raise UsageError(f"--fault: {error}.") from None


def check_time_of_faults(faults: Sequence[Fault], *, recovery_s: float, run_s: float | None) -> None:
    """Whether what comes of them can be judged before the run is over. Raises `UsageError`."""
    for fault in faults:
        over_s = fault.at_s + fault.lasts_s + recovery_s
        if run_s is not None and over_s > run_s:
            raise UsageError(
                f"--fault: what comes of “{fault.name}” is judged {over_s:g} s after the start, when the run is over: "
                "make -t longer, or --recovery-s shorter."
            )
