"""A scripted model's steps are read under the names that people give them; others are named."""

from typing import Any

import pytest

from hub.evaluation.script import BROKEN, HTML, Call, Reply, ScriptError, read

pytestmark = pytest.mark.core

PRICE = Call("get_price", '{"sku": "A-1", "quantity": 1}')


@pytest.mark.parametrize(
    ("step", "reply"),
    [
        ({"text": "Hello"}, Reply(text="Hello")),
        ({"message": {"role": "assistant", "content": "Hello"}}, Reply(text="Hello")),
        ("Hello", Reply(text="Hello")),
        ({"text": 240}, Reply(text="240")),
        ({"text": None, "refusal": "no"}, Reply(refusal="no")),
        ({"call": "get_price", "args": {"sku": "A-1", "quantity": 1}}, Reply(calls=(PRICE,))),
        ({"tool": "get_price", "arguments": {"sku": "A-1", "quantity": 1}}, Reply(calls=(PRICE,))),
        (
            {"tool_calls": [{"function": {"name": "get_price", "arguments": PRICE.arguments}}]},
            Reply(calls=(PRICE,)),
        ),
        (
            {"calls": [{"name": "view_cart"}, "view_cart"]},
            Reply(calls=(Call("view_cart", "{}"), Call("view_cart", "{}"))),
        ),
        ({"call": "get_price", "raw_args": '{"sku"'}, Reply(calls=(Call("get_price", '{"sku"'),))),
        ({"http": 500}, Reply(status=500)),
        (
            {"status": 429, "headers": {"Retry-After": 60}, "error_code": "rate"},
            Reply(status=429, headers={"retry-after": "60"}, error_code="rate"),
        ),
        ({"http": 429, "retry_after": 9}, Reply(status=429, headers={"retry-after": "9"})),
        (
            {"http": 400, "error": {"code": "context_length_exceeded"}},
            Reply(status=400, error_code="context_length_exceeded"),
        ),
        ({"http": 200, "html": True}, Reply(body=HTML, content_type="text/html")),
        ({"body": "<html>hi"}, Reply(body="<html>hi", content_type="text/html")),
        ({"raw": "{}"}, Reply(body="{}")),
        ({"json": {"choices": None}}, Reply(body='{"choices": null}')),
        ({"broken_json": True}, Reply(body=BROKEN)),
        ({"choices": []}, Reply(choices=[])),
        ({"empty": True}, Reply(choices=[])),
        ({"empty": "body"}, Reply(body="")),
        ({"trickle_s": 600}, Reply(trickle_s=600)),
        ({"delay_s": 8, "text": "late"}, Reply(delay_s=8, text="late")),
        ({"sleep_s": 8, "text": "late"}, Reply(delay_s=8, text="late")),
        ({"hang": True}, Reply(hangs=True)),
        ("hang", Reply(hangs=True)),
        ({"hang_s": 60}, Reply(delay_s=60, cut_at=-1)),
        ({"hang_s": 60, "text": "late"}, Reply(delay_s=60, text="late")),
        ({"text": "half", "cut": True}, Reply(text="half", cut_at=0.5)),
        ({"text": "half", "cut_after_bytes": 9}, Reply(text="half", cut_at=9)),
        ({"disconnect": True}, Reply(cut_at=-1)),
        ("disconnect", Reply(cut_at=-1)),
        ({"error": "timeout"}, Reply(hangs=True)),
        ({"error": "connection_reset"}, Reply(cut_at=-1)),
        ({"error": "insufficient_quota"}, Reply(status=429, error_code="insufficient_quota")),
        ({"stream": ["Hel", "lo"], "cut": True}, Reply(text="Hello", cut_at=0.5)),
        ({"stream": True, "text": "Hello"}, Reply(text="Hello")),
        (
            {"http": 429, "headers": {}, "retry_after_s": 9},
            Reply(status=429, headers={"retry-after": "9"}),
        ),
        ({"text": "The", "finish": "length"}, Reply(text="The", finish_reason="length")),
        ({"text": "Hi", "usage": None}, Reply(text="Hi", usage=None)),
        (
            {"text": "Hi", "usage": {"prompt_tokens": 9}},
            Reply(text="Hi", usage={"prompt_tokens": 9}),
        ),
        ({"hang": True, "newer_message": "and?"}, Reply(hangs=True, then_say="and?")),
        ({"text": "Hi", "cut": False, "html": False, "hang": False}, Reply(text="Hi")),
        ({"text": "Hi", "broken_json": False, "note": "for you"}, Reply(text="Hi")),
    ],
)
def test_a_step_under_any_of_its_names(step: Any, reply: Reply) -> None:
    """One for each part, and for the forms in which it is often written."""
    assert read([step]) == (reply,)


def test_a_step_is_repeated() -> None:
    """So many times; for ever is what a last step is anyway."""
    assert read([{"http": 500, "repeat": 3}, "Hi"]) == (*[Reply(status=500)] * 3, Reply(text="Hi"))
    assert read([{"text": "Hi", "repeat": True}]) == (Reply(text="Hi"),)
    assert read({"text": "Hi"}) == (Reply(text="Hi"),)
    assert read([]) == ()


@pytest.mark.parametrize(
    ("step", "named"),
    [
        ({"txet": "Hi"}, "model[0]: a step has no field 'txet'"),
        ({"text": "Hi", "content": "Ho"}, "'content' is there twice"),
        ({"args": {"sku": "A"}}, "arguments need the 'call:'"),
        ({"call": {"args": {}}}, "name the tool"),
        ({"calls": [{"call": "x", "wait": 1}]}, "a call has no field 'wait'"),
        ({"call": "x", "calls": []}, "either 'call:' or 'calls:'"),
        ({"message": {"content": "Hi", "mood": "good"}}, "a message has no 'mood'"),
        ({"error": "sorrow"}, "an error needs its status"),
        ({"stream": ["a"], "text": "b"}, "either 'text:' or 'stream:'"),
        ({"http": 999}, "http: write a status"),
        ({"http": "many"}, "http: write a status"),
        ({"delay_s": "long"}, "delay_s: write seconds"),
        ({"cut": "soon"}, "cut: write true"),
        ({"empty": "pockets"}, "empty: write choices"),
        ({"choices": {}}, "choices: it is a list"),
        ({"text": ["Hi"]}, "text: write a text"),
        ({"text": "Hi", "repeat": 0}, "repeat: write a number"),
        ({}, "write what the model does"),
        (7, "write what the model does"),
    ],
)
def test_what_is_not_known_is_named(step: Any, named: str) -> None:
    """By its place in the script and its field."""
    with pytest.raises(ScriptError) as raised:
        read([step])
    assert named in str(raised.value)


def test_a_script_is_a_list() -> None:
    """Of steps."""
    with pytest.raises(ScriptError, match="it is a list of steps"):
        read(7)
