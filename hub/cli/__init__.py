"""`sak-hub`: the hub's command line."""

import click

from hub.cli.agents import agent
from hub.cli.audit import audit
from hub.cli.catalog import catalog
from hub.cli.chats import chats
from hub.cli.command import Commands
from hub.cli.customers import customer
from hub.cli.discounts import discount
from hub.cli.doctor import doctor
from hub.cli.evaluate import evaluate
from hub.cli.keys import key
from hub.cli.notices import notices
from hub.cli.orders import orders_group
from hub.cli.serve import migrate, serve
from hub.cli.tenants import tenant
from hub.cli.trace import trace


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sak-hybrid", prog_name="sak-hub")
def main() -> None:
    """The hub of SAK Hybrid: shops, their agents, their catalogs, and the server.

    Settings come from SAK_HUB_* variables or the TOML file that SAK_HUB_CONFIG names.
    """


for command in (
    serve,
    migrate,
    tenant,
    agent,
    key,
    catalog,
    discount,
    orders_group,
    customer,
    chats,
    audit,
    trace,
    doctor,
    notices,
    evaluate,
):
    main.add_command(command)
