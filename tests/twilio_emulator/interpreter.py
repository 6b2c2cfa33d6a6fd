"""The verbs, as twilio.com/docs/voice/twiml/<verb> tells what they do.

A verb gives None (go on with the next one), a Document (go on there), OVER (the call ends) or
LEFT (the call leaves its queue).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urljoin

from .call import Call
from .collectors import Gathering, Taping
from .dial import dial
from .queues import enqueue
from .twiml import Document, Verb

OVER, LEFT = "over", "left"
Outcome = Document | str | None


async def perform(call: Call, document: Document) -> str:
    """Run a document and those that follow it; "" at their end, else OVER or LEFT."""
    outcome: Outcome = document
    while isinstance(outcome, Document):
        verbs, outcome = outcome.verbs, None
        for verb in verbs:
            if verb.name not in ("Reject", "Dial", "Hangup"):
                call.answer()
            outcome = await VERBS[verb.name](call, verb, document.place)
            if outcome is not None:
                break
    return outcome or ""


async def play(call: Call, verb: Verb, place: str) -> Outcome:
    """Fetch the sound and play it (docs: /play)."""
    if digits := verb.get("digits"):
        call.hear("digits", digits)
        await call.emulator.sound(len(digits) * 0.5)
        return None
    rounds = verb.number("loop", 1) or 10**6
    for _ in range(rounds):
        url, seconds = await call.emulator.media.fetch(call, verb)
        call.hear("play", url)
        await call.emulator.sound(max(seconds, 0.05 if rounds > 1000 else 0.0))
    return None


async def say(call: Call, verb: Verb, place: str) -> Outcome:
    """Say words, about 15 characters a second (docs: /say)."""
    rounds = verb.number("loop", 1) or 10**6
    for _ in range(rounds):
        call.hear("say", verb.text)
        await call.emulator.sound(len(verb.text) / 15)
        if rounds > 1000:
            await asyncio.sleep(0.05)
    return None


async def pause(call: Call, verb: Verb, place: str) -> Outcome:
    call.hear("pause", verb.get("length", "1"))
    await call.emulator.sound(verb.number("length", 1))
    return None


async def _prompts(call: Call, verb: Verb, place: str) -> None:
    for child in verb.children:
        await VERBS[child.name](call, child, place)


async def gather(call: Call, verb: Verb, place: str) -> Outcome:
    """Wait for keys or words (docs: /gather). The timeout begins when the prompts end."""
    gathering = Gathering(call, verb)
    call.opened(verb, gathering)
    prompts = asyncio.create_task(_prompts(call, verb, place))
    try:
        gathering.take_ahead()
        await _first(prompts, gathering.touched)
        if prompts.done():
            prompts.result()
        prompts.cancel()
        await gathering.finish()
    finally:
        prompts.cancel()
        call.closed(verb)
    answer = gathering.answer()
    if answer is None:
        return None
    return await call.fetch(
        verb.url("action") or verb.base, answer, verb.get("method", "POST"), place
    )


async def _first(task: asyncio.Task[None], event: asyncio.Event) -> None:
    touched = asyncio.create_task(event.wait())
    try:
        await asyncio.wait({task, touched}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        touched.cancel()


async def record(call: Call, verb: Verb, place: str) -> Outcome:
    """Record the person (docs: /record); an empty recording goes on with the next verb."""
    if verb.get("playBeep", "true") == "true":
        call.hear("beep", "")
    taping = Taping(call, verb)
    call.opened(verb, taping)
    url, method = verb.url("action") or verb.base, verb.get("method", "POST")
    try:
        await taping.finish()
    except asyncio.CancelledError:
        if call.ending == "hangup" and taping.seconds:
            call.tell(url, taping.answer("hangup"), method)
        raise
    finally:
        call.closed(verb)
    if not taping.seconds:
        taping.absent()
        return None
    return await call.fetch(url, taping.answer(taping.key_pressed), method, place)


async def redirect(call: Call, verb: Verb, place: str) -> Outcome:
    """Go to another document (docs: /redirect)."""
    return await call.fetch(urljoin(verb.base, verb.text), {}, verb.get("method", "POST"), place)


async def hang_up(call: Call, verb: Verb, place: str) -> Outcome:
    call.finish("completed")
    return OVER


async def leave(call: Call, verb: Verb, place: str) -> Outcome:
    return LEFT


async def reject(call: Call, verb: Verb, place: str) -> Outcome:
    """Refuse an incoming call; as the first verb it costs nothing (docs: /reject)."""
    call.hear("reject", verb.get("reason", "rejected"))
    call.finish("busy" if call.answered is None else "completed")
    return OVER


async def _enqueue(call: Call, verb: Verb, place: str) -> Outcome:
    return await enqueue(call, verb, perform)


VERBS: dict[str, Callable[[Call, Verb, str], Awaitable[Outcome]]] = {
    "Gather": gather,
    "Play": play,
    "Say": say,
    "Pause": pause,
    "Record": record,
    "Enqueue": _enqueue,
    "Leave": leave,
    "Redirect": redirect,
    "Dial": dial,
    "Hangup": hang_up,
    "Reject": reject,
}
