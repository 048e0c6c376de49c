"""The role's sessions as PostgreSQL's superuser call nothing that a user made in the database."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from typing import Any

import jinja2
import pytest
import yaml

from tests.support.checkout import ROOT
from tests.support.postgres_server import Server, postgres_server

ROLE = ROOT / "roles/repair_programs"
ATTACK = """
GRANT CREATE ON SCHEMA public TO stranger;
CREATE TABLE public.caught (what text);
GRANT INSERT ON public.caught TO PUBLIC;
SET ROLE stranger;
CREATE FUNCTION public.joined(text, name) RETURNS text LANGUAGE plpgsql AS
  $$BEGIN INSERT INTO public.caught VALUES ('||'); RETURN $1; END$$;
CREATE OPERATOR public.|| (LEFTARG = text, RIGHTARG = name, FUNCTION = public.joined);
CREATE FUNCTION public.equal(name, name) RETURNS boolean LANGUAGE plpgsql AS
  $$BEGIN INSERT INTO public.caught VALUES ('='); RETURN true; END$$;
CREATE OPERATOR public.= (LEFTARG = name, RIGHTARG = name, FUNCTION = public.equal);
CREATE FUNCTION public.equal(bigint, integer) RETURNS boolean LANGUAGE plpgsql AS
  $$BEGIN INSERT INTO public.caught VALUES ('= 0'); RETURN false; END$$;
CREATE OPERATOR public.= (LEFTARG = bigint, RIGHTARG = integer, FUNCTION = public.equal);
"""


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """As upgraded from PostgreSQL 14: `public` can be written. With "public first" it is searched first."""
    with postgres_server() as running:
        running.sql(ATTACK)
        if request.param == "public first":
            running.sql("ALTER DATABASE postgres SET search_path = public, pg_catalog")
        yield running


def variables(server: Server) -> dict[str, Any]:
    plain = yaml.safe_load((ROLE / "vars/main.yml").read_text())
    return {
        "audit_base_user": "qt",
        "__repair_programs_account_literal": "'qt'",
        "__repair_programs_owner_literals": "'trader'",
        "__repair_programs_database_role": {"owners": ["trader"], "inherits": False},
        "__repair_programs_lines": [],
        "__repair_programs_memberships": [],
        "__repair_programs_pgoptions": plain["__repair_programs_pgoptions"],
        "query": plain["__repair_programs_database_query"],
    }


def rendered(text: str, known: dict[str, Any]) -> str:
    environment = jinja2.Environment(trim_blocks=True, autoescape=False)
    environment.filters["difference"] = lambda one, other: [item for item in one if item not in other]
    environment.filters["quote"] = lambda value: "'" + value.replace("'", "'\\''") + "'"
    return environment.from_string(text).render(known)


def run(server: Server, argv: list[str], text: str = "", **env: str) -> str:
    """Run psql as the superuser, with the role's own arguments and environment."""
    where = {"PGHOST": str(server.root), "PGPORT": str(server.port), "PGUSER": "postgres"}
    done = subprocess.run(
        argv, input=text, env={"PATH": f"{server.bin}:{os.environ['PATH']}", **where, **env},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("server", ["upgraded", "public first"], indirect=True)
def test_the_look_at_a_host_calls_no_operator_of_a_user(server: Server) -> None:
    known = variables(server)
    known["__repair_programs_database_query"] = rendered(known["query"], known)
    task = yaml.safe_load((ROLE / "tasks/preflight.yml").read_text())[0]
    text: str = task["ansible.builtin.shell"]["cmd"]
    command = text[text.index("cd /\n", text.index("wants-owner")) : text.index(" 2>/dev/null && echo")]
    said = run(server, ["bash", "-c", rendered(command, known).replace("runuser -u postgres -- ", "")])
    assert said.splitlines() == ["owner trader"]
    assert server.sql("SELECT what FROM public.caught") == ""


@pytest.mark.parametrize("server", ["upgraded", "public first"], indirect=True)
def test_making_the_role_calls_no_operator_of_a_user(server: Server) -> None:
    known = variables(server)
    task = yaml.safe_load((ROLE / "tasks/database.yml").read_text())[0]
    environ = {name: rendered(value, known) for name, value in task.get("environment", {}).items()}
    statements = rendered((ROLE / "templates/database_role.sql.j2").read_text(), known)
    run(server, task["ansible.builtin.command"]["argv"], statements, **environ)
    assert server.sql("SELECT what FROM public.caught") == ""
    server.sql("ALTER DATABASE postgres RESET search_path")
    assert server.sql("SELECT rolcreatedb, rolsuper FROM pg_roles WHERE rolname = 'qt'::text") == "t|f"
