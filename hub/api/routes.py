"""Which address leads where. The socket at /agent is not here: it is the gateway's."""

from starlette.routing import Route

from hub.api.health import HealthEndpoints, Readiness
from hub.api.media import MediaEndpoints
from hub.api.pairing import PairingEndpoints
from hub.api.status import StatusEndpoint
from hub.clock import Clock
from hub.gateway.pairing import PairingDesk
from hub.settings import Settings
from hub.store.database import Store
from hub.store.media import MediaFiles


def health_routes(readiness: Readiness) -> list[Route]:
    """What answers even while the database is not open yet."""
    health = HealthEndpoints(readiness)
    return [Route("/healthz", health.healthz), Route("/readyz", health.readyz)]


def agent_routes(store: Store, clock: Clock, files: MediaFiles, settings: Settings) -> list[Route]:
    """What agents call besides the socket, and the status of a tenant's agents."""
    ttl_s = settings.token_ttl_s
    desk = PairingDesk(store, clock, settings.pairing_tries_per_min, ttl_s)
    pairing = PairingEndpoints(store, clock, desk, ttl_s, settings.public_url)
    media = MediaEndpoints(store, clock, files, int(settings.media_max_bytes))
    status = StatusEndpoint(store, clock)
    return [
        Route("/agent/pair", pairing.pair, methods=["POST"]),
        Route("/agent/token", pairing.token, methods=["POST"]),
        Route("/agent/media/{sha256}", media.put, methods=["PUT"]),
        Route("/agent/media/{sha256}", media.get, methods=["GET"]),
        # A tenant's name may hold any character, a slash included.
        Route("/api/desktop-agent/status/{tenant:path}", status.get, methods=["GET"]),
    ]
