"""From a registry to the wa-js in use: fetched, checked, tried, and only then taken.

A failure at any step leaves everything as it was.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent import logs
from agent.cli.command import Failure, explained
from agent.cli.registry import LATEST, RegistryError, Release, Source, find_source
from agent.cli.trial import why_unfit
from agent.drivers.whatsapp_web.archive import check_integrity, unpack
from agent.drivers.whatsapp_web.bundle import FOLDER, VERSION, Bundles, rank
from agent.drivers.whatsapp_web.errors import WhatsAppWebError
from agent.drivers.whatsapp_web.inject import find_bundle
from agent.lock import is_held
from agent.settings import Settings

Trial = Callable[[Path], str | None]


def update(
    settings: Settings, wanted: str | None, *, check: bool, trial: Trial | None = None
) -> tuple[dict[str, Any], str]:
    """Take `wanted` or the newest; what was done, for a program and for a person.

    Raises:
        Failure: it was not done, and why.
    """
    if wanted is not None and not VERSION.fullmatch(wanted):
        raise Failure("usage", f"--version {wanted} is no version: give one like 4.6.0.")
    try:
        bundles = Bundles(settings.data_dir / FOLDER, find_bundle(None))
        source = find_source(settings)
        release = source.release(wanted or LATEST)
        facts = _compared(bundles, release)
        why_not = _why_not(bundles, release, explicit=wanted is not None)
        if why_not is None and not check:
            _take(bundles, source, release, trial or _in_browser(settings))
            facts |= {
                "version": release.version,
                "sha256": bundles.choose().sha256,
                "previous": facts["version"],
                "newer": False,
                "updated": True,
                "running": is_held(settings.data_dir),
            }
    except (WhatsAppWebError, RegistryError) as error:
        raise explained(error) from error
    return facts, why_not or _line(facts)


def _in_browser(settings: Settings) -> Trial:
    logs.configure("error")  # of the trial's driver
    return lambda path: why_unfit(path, settings)


def _compared(bundles: Bundles, release: Release) -> dict[str, Any]:
    now = bundles.choose()
    return {
        "version": now.version,
        "sha256": now.sha256,
        "offered": release.version,
        "newer": rank(release.version) > rank(now.version),
        "updated": False,
    }


def _why_not(bundles: Bundles, release: Release, *, explicit: bool) -> str | None:
    """Why there is nothing to do, as a sentence; Failure when it was asked for in vain."""
    now, shipped = bundles.choose(), bundles.shipped()
    if release.version == now.version:
        return f"wa-js {now.version} is in use already."
    if explicit and rank(release.version) <= rank(shipped.version):
        raise Failure(
            "too_old",
            f"wa-js {release.version} is not newer than {shipped.version}, which came with this "
            "agent and would be used all the same: give a newer --version.",
        )
    if not explicit and rank(release.version) < rank(now.version):
        return f"wa-js {now.version} is in use, and the registry has nothing newer."
    if not explicit and release.version in bundles.refused():
        return (
            f"wa-js {release.version} did not work with WhatsApp's page here, and there is nothing "
            f"newer; `--version {release.version}` tries it again."
        )
    return None


def _take(bundles: Bundles, source: Source, release: Release, trial: Trial) -> None:
    """Fetch, check, try, switch.

    Raises:
        RegistryError, WhatsAppWebError: it cannot be had, or is not what it should be.
        Failure: it does not work.
    """
    with bundles.held():
        archive = source.archive(release)
        check_integrity(archive, release.integrity)
        fetched = bundles.add(release.version, release.integrity, unpack(archive, release.version))
        try:
            why = trial(bundles.path(release.version))
            if why is not None:
                raise Failure(
                    "unfit",
                    f"wa-js {release.version} failed its trial ({why.rstrip('.')}): "
                    f"{bundles.choose().version} stays in use.",
                )
            bundles.use(fetched)
        except BaseException:
            if bundles.choose().version != release.version:
                bundles.discard(release.version)
            raise


def _line(facts: dict[str, Any]) -> str:
    offered = facts["offered"]
    if not facts["updated"]:
        return (
            f"wa-js {offered} can be had, {facts['version']} is in use: run `sak-agent "
            "update-bundle`."
        )
    if not facts["running"]:
        return f"wa-js {offered} is in use from the next start on; {facts['previous']} is kept."
    return (
        f"wa-js {offered} passed its trial; the running agent takes it up within a minute, and "
        f"goes back to {facts['previous']} by itself if WhatsApp's page does not work with it."
    )
