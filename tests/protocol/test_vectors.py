"""The golden conversations: our session plays either part, and the schemas know every frame."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from protocol import asyncapi, codec
from protocol.codec import LogRow
from protocol.happenings import HeartbeatDue, HelloReceived, WelcomeReceived
from protocol.messages import CONTROLS, Control, Drain, Event, Heartbeat, Hello, Welcome
from protocol.session import Role, Session, Settings, State

pytestmark = pytest.mark.core

FILES = sorted(Path(asyncapi.__file__).with_name("vectors").glob("*.json"))
SIDES = {"agent": Role.AGENT, "hub": Role.HUB}


def load(path: Path) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = json.loads(path.read_text())["steps"]
    return steps


class Player:
    """One side of a conversation, driven by its steps."""

    def __init__(self, side: str, steps: list[dict[str, Any]]) -> None:
        self.side = side
        self.now = 0.0
        self.said: list[Any] = []  # what the session has put on the socket
        window = next((s["hub"]["data"]["window"] for s in steps if _is(s, "hub", "welcome")), 32)
        settings = Settings(window=window)
        if side == "hub":
            self.session = Session(Role.HUB, settings, 0.0)
            return
        opening = codec.decode(json.dumps(steps[0].get("agent", {})))
        assert isinstance(opening, Hello)
        self.session = Session(Role.AGENT, settings, 0.0, opening)

    def play(self, step: dict[str, Any]) -> None:
        if "at" in step:
            self._pass_time(step["at"])
        elif "commit" in step:
            if step["commit"] == self.side:
                self.session.committed(step["seq"])
        elif "close" in step:
            self._close(step)
        else:
            ((side, frame),) = step.items()
            if side == self.side:
                self._say(frame)
            else:
                self.session.receive_data(json.dumps(frame), self.now)
        self._hear()

    def _say(self, frame: dict[str, Any]) -> None:
        """Make the session send this frame, unless that is its own affair; then it was said."""
        message = codec.decode(json.dumps(frame))
        match message:
            case Hello():
                pass
            case Welcome():
                self.session.welcome(message, self.now)
            case Event():
                row = LogRow(
                    message.id, message.seq, message.ts, message.type, json.dumps(frame["data"])
                )
                self.session.send_events([row], self.now)
            case Heartbeat():
                self.session.heartbeat(message.status)
            case Drain():
                self.session.drain(message, self.now)
            case Control() if frame["type"] != "ack":
                self.session.send(message)
        self._flush()
        assert self.said.pop(0) == frame

    def _close(self, step: dict[str, Any]) -> None:
        self._flush()
        assert self.said == [], "the session said more than the conversation"
        if step["by"] != self.side:
            self.session.receive_close(step["close"])
            return
        if step["close"] == 1000:
            self.session.close(1000, "")
        closing = self.session.close_to_send()
        assert closing is not None
        assert closing.code == step["close"]

    def _pass_time(self, until: float) -> None:
        while (due := self.session.get_timer()) is not None and due <= until:
            self.now = max(self.now, due)
            self.session.handle_timer(self.now)
            self._hear()
        self.now = until

    def _hear(self) -> None:
        for happening in self.session.happenings():
            if isinstance(happening, WelcomeReceived):
                self.session.start(20.0, self.now)
            assert self.side == "hub" or not isinstance(happening, HelloReceived)
            assert self.side == "agent" or not isinstance(happening, HeartbeatDue)
        self._flush()

    def _flush(self) -> None:
        self.said += [json.loads(text) for text in self.session.data_to_send()]


def _is(step: dict[str, Any], side: str, kind: str) -> bool:
    return side in step and step[side]["type"] == kind


def _parts(path: Path) -> list[str]:
    """The sides that behave well, which our session can play."""
    parts: list[str] = json.loads(path.read_text())["parts"]
    return parts


PARTS = [(file, side) for file in FILES for side in _parts(file)]


@pytest.mark.parametrize(("path", "side"), PARTS, ids=lambda part: getattr(part, "stem", part))
def test_our_session_plays_its_part(path: Path, side: str) -> None:
    """Acks and closes come out exactly as written, and nothing else does."""
    steps = load(path)
    player = Player(side, steps)
    for step in steps:
        player.play(step)
    assert player.said == []
    assert (player.session.state is State.CLOSED) == ("close" in steps[-1])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_frame_fits_the_published_schema(path: Path) -> None:
    """The schemas of asyncapi.yaml accept what the conversations show, bad data excepted."""
    document = asyncapi.build()
    payloads = {
        message["name"]: message["payload"]
        for message in document["components"]["messages"].values()
    }
    for step in load(path):
        for side in SIDES.keys() & step.keys():
            frame = step[side]
            schema = payloads[frame["type"]] | {"components": document["components"]}
            is_bad = frame["type"] not in CONTROLS and frame["data"].get("from_me") == "perhaps"
            assert jsonschema.Draft7Validator(schema).is_valid(frame) is not is_bad


def test_the_published_file_fits_the_types() -> None:
    """asyncapi.yaml is what the types generate."""
    assert asyncapi.FILE.read_text(encoding="utf-8") == asyncapi.render()
