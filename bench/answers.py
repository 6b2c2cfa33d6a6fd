"""Search in an answer base of 1,700 entries: how long a question takes.

    python -m bench.answers [--entries 1700]

The entries are the product's own, told again with other words mixed in, until there are enough.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path

from agent_desk.answer_base import AnswerBase

HOME = Path(__file__).parents[1]
QUESTIONS = (
    "немає світла", "коли передавати покази", "лічильник", "двозонний лічильник ніч", "к",
    "нет света", "замена счётчика", "показания", "meter", "reading window february",
    "нічого такого нема", "xylophone",
)  # fmt: skip


def grow(folder: Path, wanted: int) -> None:
    """Write so many entries into a folder."""
    sources = sorted((HOME / "agent_desk" / "answers").glob("*/*.md"))
    words = sorted({word for path in sources for word in path.read_text("utf-8").split()})
    chance = random.Random(1)
    for number in range(wanted):
        source = sources[number % len(sources)]
        target = folder / source.parent.name / f"{source.stem}-{number}.md"
        target.parent.mkdir(exist_ok=True)
        more = " ".join(chance.choices(words, k=150))
        target.write_text(f"{source.read_text('utf-8')}\n{more}\n", encoding="utf-8")


def main() -> None:
    """Index, search, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1700)
    wish = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        grow(Path(name), wish.entries)
        begun = time.perf_counter()
        base = AnswerBase(Path(name))
        print(f"{len(base)} entries indexed in {time.perf_counter() - begun:.2f} s")
        begun = time.perf_counter()
        base.refresh()
        print(f"looking for changed files: {1000 * (time.perf_counter() - begun):.1f} ms")
        times = sorted(base.search(q, "uk")[1] for _ in range(50) for q in QUESTIONS)
        print(
            f"search: median {statistics.median(times):.1f} ms,"
            f" p99 {times[int(len(times) * 0.99)]:.1f} ms, slowest {times[-1]:.1f} ms"
        )


if __name__ == "__main__":
    main()
