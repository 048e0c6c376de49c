"""A private network for each machine: a namespace, a link into it, and a way out by masquerading.

A slot is a number that names all of it: the link `qts7`, the subnet 10.213.7.0/24, the table `qts7`.
Slots are machine-wide (several clones and caches share them) and are handed out in turn, so that an
address is not used again while a client still holds a connection to the machine before.
"""

from __future__ import annotations

import ipaddress
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from sandbox import places
from sandbox.errors import SandboxError
from sandbox.process import run

SLOTS = 250
_IP_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
# Present while forwarding is on only because a sandbox switched it on.
_FORWARDING_IS_OURS = "forwarding"


@dataclass(frozen=True)
class Network:
    """The names and addresses of one slot."""

    slot: int

    @property
    def link(self) -> str:
        """The name of the link on this side, of the namespace and of the nft table."""
        return f"qts{self.slot}"

    @property
    def subnet(self) -> ipaddress.IPv4Network:
        return ipaddress.IPv4Network(f"10.213.{self.slot}.0/24")

    @property
    def gateway(self) -> str:
        return str(self.subnet[1])

    @property
    def address(self) -> str:
        return str(self.subnet[2])

    @property
    def namespace(self) -> Path:
        return Path("/run/netns") / self.link


def reserve(machine: Path) -> Network:
    """A free slot for the machine whose directory this is; its supervisor must hold `machine`/alive."""
    with places.locked(places.RUNTIME / "lock"):
        last = places.RUNTIME / "last"
        start = int(last.read_text()) + 1 if last.exists() else 0
        routes = _routes()
        for step in range(SLOTS):
            network = Network((start + step) % SLOTS)
            if _is_free(network, routes):
                _slot_file(network).write_text(str(machine))
                last.write_text(str(network.slot))
                return network
    raise SandboxError("no private subnet is left in 10.213.0.0/16: take some sandboxes down")


def release(network: Network) -> None:
    """Remove the link, the namespace and the rules, and give the slot back. Nothing there: nothing done."""
    with places.locked(places.RUNTIME / "lock"):
        _remove(network)
        _slot_file(network).unlink(missing_ok=True)
        ours = places.RUNTIME / _FORWARDING_IS_OURS
        if ours.exists() and not any(places.RUNTIME.glob("slot-*")):
            # Another program that came later may rely on what we switched on: then it stays.
            if not any(Path("/sys/class/net", name).exists() for name in ("docker0", "virbr0", "lxdbr0")):
                _IP_FORWARD.write_text("0\n")
            ours.unlink()


def release_if_owned(network: Network, machine: Path) -> None:
    """What `release` does, for a machine that died without it; not where another has the slot by now."""
    owner = _slot_file(network)
    if owner.exists() and owner.read_text() == str(machine):
        release(network)


def create(network: Network) -> None:
    """Make the namespace with its link and rules from new: what a guest left there does not survive."""
    _remove(network)
    link, inside = network.link, ["ip", "-n", network.link]
    run(["ip", "netns", "add", link])
    run(["ip", "link", "add", link, "type", "veth", "peer", "name", "host0", "netns", link])
    run(["ip", "addr", "add", f"{network.gateway}/24", "dev", link])
    run(["ip", "link", "set", link, "up"])
    run([*inside, "addr", "add", f"{network.address}/24", "dev", "host0"])
    run([*inside, "link", "set", "lo", "up"])
    run([*inside, "link", "set", "host0", "up"])
    run([*inside, "route", "add", "default", "via", network.gateway])
    _let_out(network)


def _let_out(network: Network) -> None:
    if _IP_FORWARD.read_text().strip() != "1":
        (places.RUNTIME / _FORWARDING_IS_OURS).touch()
        _IP_FORWARD.write_text("1\n")
    run(
        ["nft", "-f", "-"],
        stdin=f"""
        table ip {network.link} {{
            chain out {{
                type nat hook postrouting priority srcnat;
                ip saddr {network.subnet} oifname != "{network.link}" masquerade
            }}
        }}
    """,
    )
    if _forwarding_is_dropped():
        for rule in _accept_rules(network):
            run(["iptables", "-w", "-I", "FORWARD", *rule])


def _remove(network: Network) -> None:
    link = network.link
    run(["nft", "delete", "table", "ip", link], check=False)
    if shutil.which("iptables"):
        for rule in _accept_rules(network):
            run(["iptables", "-w", "-D", "FORWARD", *rule], check=False)
    run(["ip", "link", "del", link], check=False)
    if network.namespace.exists():
        run(["ip", "netns", "del", link], check=False)


def _forwarding_is_dropped() -> bool:
    """A Docker or a firewall on this machine may refuse to forward by default; a drop there is final."""
    if shutil.which("iptables") is None:
        return False
    return "-P FORWARD DROP" in run(["iptables", "-w", "-S", "FORWARD"], check=False)


def _accept_rules(network: Network) -> list[list[str]]:
    return [["-i", network.link, "-j", "ACCEPT"], ["-o", network.link, "-j", "ACCEPT"]]


def _slot_file(network: Network) -> Path:
    return places.RUNTIME / f"slot-{network.slot}"


def _routes() -> list[ipaddress.IPv4Network]:
    """Every network this machine has a way to, other than the default route."""
    routes = json.loads(run(["ip", "-j", "-4", "route", "show", "table", "all"]) or "[]")
    targets = [str(route.get("dst", "default")) for route in routes]
    return [ipaddress.IPv4Network(dst, strict=False) for dst in targets if dst[0].isdigit()]


def _is_free(network: Network, routes: list[ipaddress.IPv4Network]) -> bool:
    owner = _slot_file(network)
    if owner.exists():
        if places.is_held(Path(owner.read_text()) / "alive"):
            return False
        _remove(network)  # its machine died without cleaning up
        return True
    exists = Path("/sys/class/net", network.link).exists()
    return not exists and not any(route.overlaps(network.subnet) for route in routes)


def name_servers() -> str:
    """A resolv.conf that a guest can use: not one that points to a resolver on this machine's loopback."""
    for path in (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf")):
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        servers = [line for line in lines if line.startswith("nameserver") and not _is_loopback(line)]
        if servers:
            others = [line for line in lines if line.startswith(("search", "options"))]
            return "\n".join([*servers, *others, ""])
    return ""


def _is_loopback(line: str) -> bool:
    return line.split()[-1].startswith(("127.", "::1"))
