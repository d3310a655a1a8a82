"""A model's endpoint over the `openai` SDK: one call, its answer checked, its failures named.

The SDK takes 45 MiB and some milliseconds of a processor for each call: it is imported at the first
one, and works in a thread of its own, beside the loop that serves sockets. Its own retries are off,
and a `Retry-After` is for the caller to judge.
"""

from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any, Final

import msgspec

from hub.assistant.breaker import Fault
from hub.assistant.budget import Usage
from hub.assistant.loop_thread import LoopThread
from hub.assistant.tools import TOOLS, Arguments

CONNECT_TIMEOUT_S: Final = 5.0
READ_TIMEOUT_S: Final = 20.0
"""Between two reads; a body that trickles is stopped by the turn's limit alone."""

TEMPERATURE: Final = 0.2
_STATUS_REFUSED: Final = frozenset((401, 403, 404, 405))
_STATUS_REJECTED: Final = frozenset((400, 413, 415, 422))  # too long for it, or against its rules

Message = dict[str, Any]


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where a model is, and what its server understands beyond plain Chat Completions.

    `base_url` None: OpenAI's own. The flags are off for others, which may refuse what they ignore.
    """

    api_key: str
    model: str
    base_url: str | None = None
    strict: bool = True
    store: bool = False
    cache_key: bool = False
    identifier: bool = False
    completion_tokens: bool = False
    temperature: bool = True

    @classmethod
    def of(cls, api_key: str, model: str, base_url: str | None = None) -> "Endpoint":
        """The endpoint with the flags that suit it."""
        own = base_url is None or "api.openai.com" in base_url
        return cls(
            api_key=api_key,
            model=model,
            base_url=base_url,
            store=own,
            cache_key=own,
            identifier=own,
            completion_tokens=own,
            temperature=not own,  # the newer models there refuse any but their own
        )


class Wanted(msgspec.Struct, frozen=True):
    """A tool that the model wants used; `arguments` are as it wrote them."""

    call_id: str
    name: str
    arguments: str


class Reply(msgspec.Struct, frozen=True):
    """Words, or tools to use, or both. `usage` is None where the endpoint does not count."""

    text: str
    wanted: tuple[Wanted, ...]
    usage: Usage | None


class CallFailed(Exception):  # noqa: N818 - it names what happened
    """No answer. `retry_after_s` is what the endpoint asks for; `billed`: it may have worked."""

    def __init__(
        self, fault: Fault, retry_after_s: float | None = None, *, billed: bool = False
    ) -> None:
        super().__init__(fault)
        self.fault = fault
        self.retry_after_s = retry_after_s
        self.billed = billed


class Wire:
    """One endpoint; `close` when nobody calls any more."""

    def __init__(self, endpoint: Endpoint, thread: LoopThread | None = None) -> None:
        self.endpoint = endpoint
        self._thread = thread or LoopThread("model")
        self._client: Any = None  # of the thread alone

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._thread.run(self._client.close)
        await self._thread.close()

    async def ask(
        self,
        messages: Sequence[Message],
        *,
        identifier: str,
        output_max: int,
        use_tools: bool = True,
    ) -> Reply:
        """The model's answer; CallFailed. Cancelling closes the request's connection."""
        request = self._request(messages, identifier, output_max)
        if not use_tools:
            request["tool_choice"] = "none"
        return await self._thread.run(partial(self._call, request))

    async def _call(self, request: Mapping[str, Any]) -> Reply:
        import openai

        if self._client is None:
            self._client = _client(self.endpoint)
        try:
            answer = await self._client.chat.completions.create(**request)
        except openai.APIStatusError as error:
            raise _refused(error.status_code, error.code, error.response.headers) from None
        except openai.APITimeoutError:
            raise CallFailed("timeout", billed=True) from None
        except openai.APIConnectionError:
            raise CallFailed("unreachable", billed=True) from None
        except (openai.OpenAIError, ValueError):
            raise CallFailed("nonsense", billed=True) from None
        return reply_of(answer)

    def _request(
        self, messages: Sequence[Message], identifier: str, output_max: int
    ) -> dict[str, Any]:
        end = self.endpoint
        tokens = "max_completion_tokens" if end.completion_tokens else "max_tokens"
        request: dict[str, Any] = {
            "model": end.model,
            "messages": list(messages),
            "tools": tool_schemas(strict=end.strict),
            tokens: output_max,
        }
        if end.store:
            request["store"] = False
        if end.cache_key:
            request["prompt_cache_key"] = "sak-hub"
        if end.identifier:
            request["safety_identifier"] = identifier
        if end.temperature:
            request["temperature"] = TEMPERATURE
        return request


def _client(endpoint: Endpoint) -> Any:
    import openai

    timeout = openai.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
    return openai.AsyncOpenAI(
        api_key=endpoint.api_key, base_url=endpoint.base_url, timeout=timeout, max_retries=0
    )


def _refused(status: int, code: str | None, headers: Mapping[str, str]) -> CallFailed:
    if code in ("insufficient_quota", "billing_hard_limit_reached") or status == 402:
        return CallFailed("quota")
    if status == 429:
        return CallFailed("limited", _seconds(headers.get("retry-after")))
    if status in _STATUS_REFUSED:
        return CallFailed("refused")
    if status in _STATUS_REJECTED:
        return CallFailed("rejected")
    return CallFailed("server", _seconds(headers.get("retry-after")))


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else max(0.0, float(text))
    except ValueError:
        return None  # a date: nobody waits that long


def reply_of(answer: Any) -> Reply:
    """A response whose shape is checked; CallFailed when it is none."""
    choices = getattr(answer, "choices", None)
    first = choices[0] if isinstance(choices, list) and choices else None
    message = getattr(first, "message", None)
    if first is None or message is None:
        raise CallFailed("nonsense", billed=True)
    text = message.content if isinstance(getattr(message, "content", None), str) else ""
    calls = getattr(message, "tool_calls", None) or []
    if not isinstance(calls, list):
        raise CallFailed("nonsense", billed=True)
    wanted = tuple(_wanted(call) for call in calls)
    if getattr(first, "finish_reason", None) in ("length", "content_filter"):
        raise CallFailed("nonsense", billed=True)  # half an answer is none
    if not wanted and not text.strip():
        raise CallFailed("nonsense", billed=True)
    return Reply(text, wanted, _usage(getattr(answer, "usage", None)))


def _wanted(call: Any) -> Wanted:
    function = getattr(call, "function", None)
    parts = (getattr(call, "id", None), getattr(function, "name", None))
    arguments = getattr(function, "arguments", None)
    if not all(isinstance(part, str) and part for part in parts) or not isinstance(arguments, str):
        raise CallFailed("nonsense", billed=True)
    return Wanted(str(parts[0]), str(parts[1]), arguments)


def _usage(usage: Any) -> Usage | None:
    asked, said = (_count(usage, name) for name in ("prompt_tokens", "completion_tokens"))
    if asked is None or said is None:
        return None
    details = getattr(usage, "prompt_tokens_details", None)
    cached, written = (
        _count(details, name) or 0 for name in ("cached_tokens", "cache_write_tokens")
    )
    return Usage(input=asked, output=said, cached=cached, cache_write=written)


def _count(counts: Any, name: str) -> int | None:
    found = getattr(counts, name, None)
    return found if isinstance(found, int) and found >= 0 else None


# --- the tools ---------------------------------------------------------------------------------


@cache
def tool_schemas(*, strict: bool) -> list[dict[str, Any]]:
    """Every tool as JSON Schema, by name: the same bytes at each call, for the prompt's cache.

    The list is everybody's: not to be changed.
    """
    return [_schema(name, TOOLS[name], strict=strict) for name in sorted(TOOLS)]


def _schema(name: str, kind: type[Arguments], *, strict: bool) -> dict[str, Any]:
    fields = msgspec.structs.fields(kind)
    whole = msgspec.json.schema(kind)["$defs"][kind.__name__]
    properties = {f.name: _strict(whole["properties"][f.name]) for f in fields}
    function = {
        "name": name,
        "description": " ".join((kind.__doc__ or "").split()),
        "parameters": {
            "type": "object",
            "properties": properties,
            "required": [f.name for f in fields],
            "additionalProperties": False,
        },
    }
    return {"type": "function", "function": function | ({"strict": True} if strict else {})}


def _strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What strict mode takes of a field's schema; its bounds are checked by the toolbox anyway."""
    if schema.get("format") == "decimal":
        return {"type": "number"}
    if "anyOf" in schema:
        return {"anyOf": [_strict(one) for one in schema["anyOf"]]}
    kept = {key: schema[key] for key in ("type", "enum", "description") if key in schema}
    return kept | ({"type": "string"} if "enum" in kept and "type" not in kept else {})
