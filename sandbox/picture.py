"""The picture in README: what a terminal shows of `make demo`, as an SVG for light and dark screens.

    script -qec "make demo" /dev/stdout | python3 -m sandbox.picture

reads the output with its colours, takes the parts named below, and writes sandbox/demo.svg.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html import escape

from sandbox.places import REPOSITORY

PICTURE = REPOSITORY / "sandbox/demo.svg"
# From the line that matches the first to the line before the one that matches the second.
PARTS = ((r"^1 of 7", r"^2 of 7"), (r"^3 of 7", r"^4 of 7"), (r"^qt@vps:~\$ .* verify", r"^\s*$"))
_WIDTH, _SIZE, _LINE, _MARGIN = 78, 13, 18, 16
_ADVANCE = 7.83
"""Pixels a character: 0.602 of the size in the fonts named below."""
_CODE = re.compile(r"\x1b\[([0-9;]*)m")
_CLASSES = {"1": "b", "2": "dim", "31": "red", "32": "green", "33": "yellow", "36": "cyan"}
_STYLE = """\
svg { --back: #f6f8fa; --fore: #1f2328; --dim: #59636e; --red: #b91c1c; --green: #116329;
      --yellow: #7d4e00; --cyan: #0550ae }
@media (prefers-color-scheme: dark) {
  svg { --back: #161b22; --fore: #e6edf3; --dim: #9198a1; --red: #ff7b72; --green: #56d364;
        --yellow: #e3b341; --cyan: #79c0ff } }
rect { fill: var(--back) }
text { font: 13px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: var(--fore);
       white-space: pre }
.b { font-weight: bold } .dim { fill: var(--dim) } .red { fill: var(--red) } .green { fill: var(--green) }
.yellow { fill: var(--yellow) } .cyan { fill: var(--cyan) }"""


def parts(lines: list[str]) -> list[str]:
    """The lines of PARTS, an empty one between them. Raises ValueError where one is not there."""
    plain = [_CODE.sub("", line) for line in lines]
    taken: list[str] = []
    for first, behind in PARTS:
        begin = next((n for n, line in enumerate(plain) if re.search(first, line)), None)
        if begin is None:
            raise ValueError(f"no line of the output matches {first}")
        end = next((n for n in range(begin + 1, len(plain)) if re.search(behind, plain[n])), len(plain))
        taken += [*([""] if taken else []), *lines[begin:end]]
        while taken and not _CODE.sub("", taken[-1]).strip():
            taken.pop()
    return taken


def spans(line: str) -> Iterator[tuple[str, str]]:
    """The line's pieces: their classes, and their text, cut at the picture's width."""
    classes, left = "", _WIDTH
    for number, piece in enumerate(_CODE.split(line)):
        if number % 2:
            classes = " ".join(_CLASSES[code] for code in piece.split(";") if code in _CLASSES)
        elif piece and left > 0:
            yield classes, piece if len(piece) <= left else piece[: left - 1] + "…"
            left -= len(piece)


def picture(lines: list[str]) -> str:
    """The SVG of a terminal that shows these lines."""
    width, height = round(_WIDTH * _ADVANCE) + 2 * _MARGIN, len(lines) * _LINE + 2 * _MARGIN
    drawn = []
    for number, line in enumerate(lines):
        at, y = 0, _MARGIN + number * _LINE + _SIZE
        for classes, text in spans(line):
            if text.strip():
                x = round(_MARGIN + at * _ADVANCE, 1)
                size = f'textLength="{len(text) * _ADVANCE:.1f}" lengthAdjust="spacingAndGlyphs"'
                drawn.append(f'<text x="{x}" y="{y}" class="{classes}" {size}>{escape(text)}</text>')
            at += len(text)
    label = "What make demo prints: three faults, each repaired, and the trail whole"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{label}">\n<style>\n{_STYLE}\n</style>\n'
        f'<rect width="{width}" height="{height}" rx="8"/>\n' + "\n".join(drawn) + "\n</svg>\n"
    )


def main() -> None:
    lines = [line.rstrip("\r\n") for line in sys.stdin]
    PICTURE.write_text(picture(parts(lines)))
    print(f"{PICTURE.relative_to(REPOSITORY)}: written")


if __name__ == "__main__":
    main()
