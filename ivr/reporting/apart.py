"""Counts and writes reports in a process of their own, so that nobody else waits for them.

A report over a year keeps a core busy for half a minute. In a process that answers desks and
callers it would hold up every other thread; a process of its own does not, gives way to the calls
(`nice`), and can be ended when it takes too long.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from ivr.company import Company
from ivr.reporting import Answer, Asked, CannotReport, named, render
from ivr.reporting.words import Words
from ivr.store.database import Store, open_store

T = TypeVar("T")
NICE = 10
"""How far a report stands behind calls (nice(1))."""


@dataclass(frozen=True)
class Question:
    """What is asked, without a store. Fields as of `Asked`."""

    report: str
    first: date
    last: date
    now: datetime
    by: tuple[str, ...] = ()
    storms: bool = True


class TookTooLong(Exception):
    """The report was not ready in time and was given up."""


def count(store: Store, company: Company, question: Question, seconds: float) -> Answer:
    """Return what a report says. CannotReport: it cannot; TookTooLong: not in so many seconds.

    A store in memory is asked here: no other process can see it.
    """
    named(question.report).check(question.first, question.last, question.by)
    if store.url is None:
        return _asked(store, company, question)
    return _apart(_count, (store.url, company, question), seconds)


def write(
    answer: Answer, format_: str, language: str, table: str = "", seconds: float = 60.0
) -> bytes:
    """Return an answer in a format for people; CSV is that for spreadsheets."""
    return _apart(_write, (answer, format_, language, table), seconds)


def _count(url: str, company: Company, question: Question) -> Answer:
    with closing(open_store(url)) as store:
        return _asked(store, company, question)


def _asked(store: Store, company: Company, question: Question) -> Answer:
    with store.session(read_only=True) as db:
        asked = Asked(
            db, company, question.first, question.last, question.now, question.by, question.storms
        )
        return named(question.report).answer(asked)


def _write(answer: Answer, format_: str, language: str, table: str) -> bytes:
    words = Words(language)
    if format_ == "csv":
        return render.as_sheet_csv(answer, words, table)
    return render.write(answer, format_, words, table)


def _apart(work: Callable[..., T], given: tuple[Any, ...], seconds: float) -> T:
    """Run a function of this module in a new process and return what it returns."""
    context = multiprocessing.get_context("spawn")  # a fork would copy locks that are held
    mine, its = context.Pipe(duplex=False)
    process = context.Process(target=_carry, args=(its, work, given), daemon=True)
    process.start()
    its.close()
    try:
        if not mine.poll(seconds):
            raise TookTooLong
        found, refused = mine.recv()
    except EOFError:
        raise RuntimeError("the process of the report died") from None
    finally:
        mine.close()
        process.kill()
        process.join()
        process.close()
    if refused:
        text, code, details = refused
        raise CannotReport(text, code, **details)
    result: T = found
    return result


def _carry(pipe: Connection, work: Callable[..., Any], given: tuple[Any, ...]) -> None:
    os.nice(NICE)
    try:
        pipe.send((work(*given), None))
    except CannotReport as refused:
        pipe.send((None, (str(refused), refused.code, refused.details)))
