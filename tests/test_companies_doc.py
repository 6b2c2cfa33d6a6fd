"""`docs/companies.md` names every key of a profile with its default, and nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

import pytest
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from ivr import company, opening, terms
from ivr.agent_queue.model import Rules
from ivr.destination import Calling
from ivr.engine import Limits

PAGE = (Path(__file__).parents[1] / "docs" / "companies.md").read_text("utf-8")
SECTIONS: dict[str, Any] = {
    "limits": Limits,
    "readings": company.ReadingLimits,
    "queues: NAME": Rules,
    "calling": Calling,
    "callbacks": terms.CallbackTerms,
    "contacts": terms.Contacts,
    "danger": terms.DangerTerms,
    "outages": terms.OutageTerms,
    "restoration": terms.RestorationTerms,
    "visits": terms.Visits,
    "offices[]": terms.Office,
    "meters": terms.Meters,
    "requests": terms.Requests,
    "storm": terms.StormTerms,
    "speech": terms.SpeechTerms,
    "service_level": terms.ServiceTerms,
    "staffing": terms.StaffingTerms,
    "quality": terms.QualityTerms,
    "retention": terms.RetentionTerms,
    "alerts": terms.AlertTerms,
    "survey": terms.SurveyTerms,
    "listening": terms.ListeningTerms,
}


def table(heading: str) -> dict[str, str]:
    """Return key and default of the first table below a heading."""
    _, _, below = PAGE.partition(f"\n{heading}\n")
    rows = re.split(r"\n#", below)[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", rows, re.MULTILINE))


def default(field: Field[Any]) -> str:
    if field.default is not MISSING:
        value = field.default
    elif field.default_factory is not MISSING:
        value = field.default_factory()
    else:
        return "needed"
    if isinstance(value, FieldInfo):
        value = value.get_default(call_default_factory=True)
    return f"`{json.dumps(value, ensure_ascii=False, default=to_jsonable_python)}`"


def test_every_key_of_a_profile() -> None:
    assert set(table("## Keys")) == company.KEYS
    assert set(table("### holidays")) == set(opening.HOLIDAY_KEYS)


ELSEWHERE = {"limits": {"hearing"}}
"""Fields that another section fills."""


@pytest.mark.parametrize(("name", "kind"), SECTIONS.items(), ids=SECTIONS)
def test_every_key_of_a_section(name: str, kind: Any) -> None:
    own = [field for field in fields(kind) if field.name not in ELSEWHERE.get(name, ())]
    assert table(f"### {name}") == {field.name: default(field) for field in own}


def test_every_section_has_its_table() -> None:
    plain = {"offices", "feed"}
    assert set(terms.SECTIONS) - plain <= SECTIONS.keys()
