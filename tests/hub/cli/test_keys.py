"""`sak-hub key`."""

import pytest

from hub.gateway.tokens import hash_secret
from tests.hub.cli.conftest import Cli


def test_a_key_is_shown_once_and_stored_as_a_hash(cli: Cli) -> None:
    """The answer holds the key; the list and the database's files do not."""
    facts = cli.facts("key", "add", "operator")
    key = facts["key"]
    assert key.startswith("sak_k_")
    assert len(key) == len("sak_k_") + 43
    assert facts["tenant_id"] is None
    assert key not in cli.run("key", "list", "--json").output
    content = b"".join(path.read_bytes() for path in cli.path.parent.iterdir())
    assert key.encode() not in content
    assert hash_secret(key).encode() in content


def test_a_key_may_reach_one_tenant(cli: Cli) -> None:
    """--tenant takes an id or a name; a person gets the key on a line of its own."""
    tenant_id = cli.facts("tenant", "add", "Shop A")["tenant_id"]
    assert cli.facts("key", "add", "one", "--tenant", "Shop A")["tenant_id"] == tenant_id
    assert cli.lines("key", "add", "two", "--tenant", tenant_id)[1].startswith("sak_k_")
    assert cli.failure("key", "add", "three", "--tenant", "Nowhere")[0] == "unknown_tenant"


def test_keys_are_listed_and_revoked(cli: Cli) -> None:
    """A revoked key stays in the list with its end; its name stays taken."""
    assert cli.lines("key", "list") == ["No keys yet."]
    key_id = cli.facts("key", "add", "operator")["key_id"]
    assert cli.facts("key", "revoke", "operator") == {"key_id": key_id, "name": "operator"}
    (key,) = cli.facts("key", "list")["keys"]
    assert (key["key_id"], key["name"]) == (key_id, "operator")
    assert key["revoked_at"].endswith("Z")
    assert cli.failure("key", "add", "operator")[0] == "name_taken"
    assert cli.lines("key", "revoke", key_id) == ["Revoked the key operator."]


@pytest.mark.parametrize("name", ["", " a", "key_a", "a\x07", "x" * 81])
def test_a_keys_name_can_be_typed_again(cli: Cli, name: str) -> None:
    """Names that could not be told from ids, or not be seen, are refused."""
    assert cli.failure("key", "add", name)[0] == "bad_value"


def test_an_unknown_key_is_told(cli: Cli) -> None:
    """Revoking what is not there is a failure, not a success."""
    assert cli.failure("key", "revoke", "nobody")[0] == "unknown_key"
