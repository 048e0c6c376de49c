"""The cost of `import audit_logger`: few modules, only of the standard library."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.checkout import TOOLS
from tests.support.recording import PYTHON, program, succeeded

ALLOWED = {
    "__future__",
    "_ast",
    "_bisect",
    "_blake2",
    "_collections",
    "_functools",
    "_hashlib",
    "_json",
    "_md5",
    "_opcode",
    "_operator",
    "_sha1",
    "_sha2",
    "_sha256",
    "_sha3",
    "_sha512",
    "_sre",
    "_stat",
    "_struct",
    "_weakrefset",
    "audit_logger",
    "bisect",
    "collections",
    "collections.abc",
    "copyreg",
    "enum",
    "errno",
    "fcntl",
    "functools",
    "hashlib",
    "itertools",
    "json",
    "json.decoder",
    "json.encoder",
    "json.scanner",
    "keyword",
    "operator",
    "pwd",
    "re",
    "re._casefix",
    "re._compiler",
    "re._constants",
    "re._parser",
    "reprlib",
    "set",
    "sre_compile",
    "sre_constants",
    "sre_parse",
    "time",
    "types",
}
FORBIDDEN = {
    "dataclasses",
    "typing",
    "inspect",
    "threading",
    "datetime",
    "subprocess",
    "pathlib",
    "socket",
    "gzip",
    "logging",
}


def modules(code: str) -> set[str]:
    listed = subprocess.run(
        [PYTHON, "-I", "-c", f"import sys; sys.path.insert(0, {str(TOOLS)!r}); {code}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(listed.stdout.split())


def test_importing_the_face_imports_little() -> None:
    more = modules("import audit_logger") - modules("pass")
    ours = {name for name in more if name.partition(".")[0] == "qt_audit"}
    assert more - ours <= ALLOWED
    assert not more & FORBIDDEN
    assert not {name for name in ours if name.startswith("qt_audit.commands")}


def test_recording_imports_nothing_more(tmp_path: Path) -> None:
    code = """
    before = set(sys.modules)
    log_action("one", details={"k": [1, 2.5, None]})
    with action("two"):
        pass
    print(*sorted(set(sys.modules) - before))
    """
    assert succeeded(program(tmp_path / "qt", code)).split() == []


def test_a_program_finds_the_installation_by_the_path_that_it_imported_from(tmp_path: Path) -> None:
    """tools/ holds links into a release: QT_HOME is where the operator named it."""
    home = tmp_path / "quantum_trader"
    (home / "tools").mkdir(parents=True)
    for path in TOOLS.iterdir():
        (home / "tools" / path.name).symlink_to(path)
    found = f"import sys; sys.path.insert(0, {str(home / 'tools')!r})"
    code = f"{found}; from audit_logger import log_action; log_action('x')"
    subprocess.run([PYTHON, "-c", code], check=True, env={"HOME": str(tmp_path)}, timeout=60)
    assert (home / "status/record/head").exists()
    code = f"{found}; before = list(sys.path); import audit_logger; print(before == sys.path)"
    done = subprocess.run([PYTHON, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout == "True\n"
