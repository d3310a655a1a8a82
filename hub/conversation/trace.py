"""What a turn keeps of how its answer came about, or why there is none: `turns.trace`."""

import traceback

import msgspec

from hub.assistant import turn_trace
from hub.assistant.engine import Answer
from hub.assistant.turn_trace import ANSWERED, TurnTrace
from hub.conversation.commit import Begun
from hub.conversation.turns import Reason


class Unanswered(msgspec.Struct, frozen=True):
    """An engine was asked and gave no answer; `error` is where it broke, if it did."""

    reason: Reason
    error: str | None = None


def record_of(begun: Begun, answer: Answer | Unanswered, latency_ms: int) -> str:
    """The JSON text that a turn keeps of what its engine did."""
    if isinstance(answer, Unanswered):
        trace = TurnTrace(outcome=answer.reason.value, error=answer.error)
    else:
        calls, model = turn_trace.parted(answer.tool_calls)
        trace = TurnTrace(
            path=answer.path,
            outcome=answer.handover or ANSWERED,
            engine=answer.mode,
            language=answer.language,
            tool_calls=calls,
            model=model,
        )
    return turn_trace.encode(
        msgspec.structs.replace(
            trace,
            sending=begun.mode,
            late=begun.turn.late,
            latency_ms=latency_ms,
            messages=begun.covered,
        )
    )


def record_of_failure(error: Exception) -> str:
    """The same of a turn that a defect of ours ended, whatever came before."""
    broke = TurnTrace(outcome=Reason.TURN_FAILED.value, error=described(error))
    return turn_trace.encode(broke)


def described(error: Exception) -> str:
    """An error in one line."""
    return " in ".join(place(error).values())


def place(error: Exception) -> dict[str, str]:
    """Where an error arose. Its words stay out of logs and traces: they may quote a customer."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].name}:{frames[-1].lineno}" if frames else "unknown"
    return {"error": type(error).__name__, "where": where}
