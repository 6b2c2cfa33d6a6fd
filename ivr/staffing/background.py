"""What-ifs that run beside a web process: one at a time for each company."""

from __future__ import annotations

import contextlib
import json
import pickle
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ivr.staffing.whatif import Question

HOME = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "ivr.staffing.worker")


class Busy(Exception):
    """One is running already."""


@dataclass
class Job:
    """One what-if. state: running, done, refused, failed or stopped. of: runs to be done.

    asked: what somebody wants to see beside the answer. why: of refused.
    """

    asked: dict[str, Any]
    process: subprocess.Popen[bytes]
    state: str = "running"
    done: int = 0
    of: int = 0
    answer: dict[str, Any] | None = None
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return what a page shows."""
        names = ("asked", "state", "done", "of", "answer", "why")
        return {name: getattr(self, name) for name in names}


@dataclass
class Simulations:
    """The what-ifs of a process, the last one of each company."""

    jobs: dict[str, Job] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, company: str, question: Question, asked: dict[str, Any]) -> Job:
        """Begin one. Busy: another one of the company is running."""
        with self.lock:
            job = self.jobs.get(company)
            if job is not None and job.state == "running":
                raise Busy(company)
            process = subprocess.Popen(
                COMMAND, cwd=HOME, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            job = self.jobs[company] = Job(asked, process)
        threading.Thread(target=_follow, args=(job, question), daemon=True).start()
        return job

    def last(self, company: str) -> Job | None:
        """Return the last one of a company."""
        return self.jobs.get(company)

    def stop(self, company: str) -> bool:
        """End the one that runs; False: none does."""
        job = self.jobs.get(company)
        if job is None or job.state != "running":
            return False
        job.state = "stopped"
        job.process.terminate()
        return True


def _follow(job: Job, question: Question) -> None:
    """Hand the question over and take note of what comes back."""
    with job.process as process:
        if process.stdin and process.stdout:
            with contextlib.suppress(OSError):  # it was stopped already
                process.stdin.write(pickle.dumps(question))
            with contextlib.suppress(OSError):
                process.stdin.close()
            for line in process.stdout:
                _note(job, json.loads(line))
    if job.state == "running":
        job.state = "failed"


def _note(job: Job, told: dict[str, Any]) -> None:
    job.done, job.of = told.get("done", job.done), told.get("of", job.of)
    if "answer" in told:
        job.answer, job.state = told["answer"], "done"
    elif "refused" in told:
        job.why, job.state = told["refused"], "refused"
