"""The status table over the lives of connections and hubs."""

from contextlib import AsyncExitStack
from pathlib import Path

from tests.hub.gateway.stage import Stage


async def history(stage: Stage, name: str = "a") -> list[tuple[str, str]]:
    """The statuses that an agent entered, with their reasons."""
    return await stage.store.read(
        lambda tx: [
            (row["to_status"], row["reason"])
            for row in tx._connection.execute(
                "SELECT * FROM agent_status_history WHERE agent_id = ? ORDER BY id",
                (f"agt_{name}",),
            )
        ]
    )


async def test_a_life_from_welcome_to_goodbye(stage: Stage) -> None:
    """Every change is in the history, each once."""
    agent = stage.agent()
    async with agent.dial() as line:
        await line.live()
        assert await stage.status() == "online"
        await line.beat()
        await line.beat(whatsapp="qr")
        await stage.becomes("degraded")
        await line.beat(whatsapp="ready", paused=True)
        await line.beat(paused=False)
        await stage.becomes("online")
        await line.stop(1000)
    await stage.becomes("offline")
    assert await history(stage) == [
        ("online", "welcomed"),
        ("degraded", "whatsapp_not_ready"),
        ("online", "beat"),
        ("offline", "clean_stop"),
    ]
    row = await stage.store.one("agents.of_tenant", tenant_id="ten_a")
    assert row is not None
    assert (row["whatsapp"], row["account"]) == ("ready", "+919800000009")
    assert row["last_seen"] is not None


async def test_a_cut_makes_lost_and_then_offline(tmp_path: Path) -> None:
    """Without a goodbye it takes `offline_after_s`."""
    async with Stage.set(tmp_path, offline_after_s=0.2) as stage, stage.running():
        async with stage.agent().dial() as line:
            await line.live()
            await line.cut()
            await stage.becomes("lost")
        await stage.becomes("offline")
        assert await history(stage) == [
            ("online", "welcomed"),
            ("lost", "connection_ended"),
            ("offline", "lost_too_long"),
        ]


async def test_a_restarted_hub_waits_for_its_agents(tmp_path: Path) -> None:
    """Unknown at first, online for the one that comes back, lost and offline for the other."""
    settings = {"startup_grace_s": 0.3, "offline_after_s": 0.2}
    async with Stage.set(tmp_path, **settings) as stage, AsyncExitStack() as lines:
        async with stage.running():
            for name in ("a", "b"):
                line = await lines.enter_async_context(stage.agent(name).dial())
                await line.live()
        assert (await stage.status("a"), await stage.status("b")) == ("online", "online")
        async with stage.running():
            assert (await stage.status("a"), await stage.status("b")) == ("unknown", "unknown")
            async with stage.agent("a").dial() as a:
                await a.live()
                await stage.becomes("lost", "b")
                await stage.becomes("offline", "b")
                assert await stage.status("a") == "online"
        assert await history(stage, "b") == [
            ("online", "welcomed"),
            ("unknown", "hub_started"),
            ("lost", "grace_over"),
            ("offline", "lost_too_long"),
        ]


async def test_an_agent_that_left_stays_offline_over_a_restart(tmp_path: Path) -> None:
    """Offline is no claim about now."""
    async with Stage.set(tmp_path) as stage:
        async with stage.running():
            async with stage.agent().dial() as line:
                await line.live()
                await line.stop()
            await stage.becomes("offline")
        async with stage.running():
            assert await stage.status() == "offline"
