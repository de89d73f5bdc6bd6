"""Where a method sits, drawn: one transformer block from bottom to top, grey what is frozen, coloured what is trained.

Everything is drawn from the positions of a method, so that a new one needs no hand. The ink is the colour of the text
around the drawing, and the ground is that of the page, so that one drawing serves light and dark pages.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape

LINE, INK = 'stroke="currentColor" stroke-opacity=".6"', 'fill="currentColor" fill-opacity=".6"'
GROUND = "var(--pst-color-background, #fff)"
STREAM, MAIN, AFTER, BESIDE, EDGE = 44, 176, 246, 304, 340
"""Columns: the residual stream, the sublayers, an adapter after one, an adapter beside one, the right edge."""
TAG = 26


@dataclass(frozen=True)
class Mark:
    """What one term of a method draws.

    Attributes:
        positions: where it sits.
        colour: of everything that it trains.
        label: what stands in or beside it.
        shape: "bottleneck", "tag", "tokens", "ladder", "network", "backbone" (all of it) or "head".
        reads: whether it reads the input `x` of a sublayer or its output `y`.
        gated: whether a gate stands in front of it.
    """

    positions: tuple[str, ...]
    colour: str
    label: str
    shape: str
    reads: str
    gated: bool = False


@dataclass(frozen=True)
class Block:
    """The frozen part of a drawing: position -> (x, y, width, height) of a box, and the wires between them.

    Attributes:
        boxes: of linear maps and normalisations.
        wires: paths.
        arrows: (x, y, direction) of their heads.
        joins: y of where each sublayer is added to the stream.
        inputs: y of where each sublayer is read.
        inner: position -> y on the main column, of what flows between boxes.
    """

    boxes: Mapping[str, tuple[int, int, int, int]]
    wires: tuple[str, ...]
    arrows: tuple[tuple[int, int, str], ...]
    joins: tuple[int, int]
    inputs: Mapping[str, int]
    inner: Mapping[str, int]
    bottom: int = 552


_ATTENTION = {"q": (87, 434, 54, 26), "k": (149, 434, 54, 26), "v": (211, 434, 54, 26), "o": (149, 338, 54, 26)}
_QKV = "M114 434V418M176 434V418M238 434V418"
PRE_NORM = Block(
    boxes={
        "attn_norm": (136, 490, 80, 24),
        **_ATTENTION,
        "mlp_norm": (136, 208, 80, 24),
        "gate": (106, 152, 64, 26),
        "up": (182, 152, 64, 26),
        "down": (138, 94, 76, 26),
    },
    wires=(
        f"M{STREAM} 530H176V516M176 490V460M114 460V468H238V460{_QKV}M176 390V364M176 338V262H{STREAM}",
        f"M{STREAM} 246H176V234M176 208V186M138 178V186H214V178M138 152V144H214V152M176 144V120M176 94V20H{STREAM}",
    ),
    arrows=((176, 514, "up"), (52, 262, "left"), (176, 232, "up"), (52, 20, "left")),
    joins=(262, 20),
    inputs={"attn": 479, "mlp": 197},
    inner={"heads": 377, "inner": 132},
)
POST_NORM = Block(
    boxes={
        **_ATTENTION,
        "attn_norm": (8, 214, 72, 24),
        "up": (138, 152, 76, 26),
        "down": (138, 94, 76, 26),
        "mlp_norm": (8, -28, 72, 24),
    },
    wires=(
        f"M{STREAM} 500H176V460M114 460V468H238V460{_QKV}M176 390V364M176 338V262H{STREAM}",
        f"M{STREAM} 196H176V178M176 152V120M176 94V20H{STREAM}",
    ),
    arrows=((176, 462, "up"), (52, 262, "left"), (176, 180, "up"), (52, 20, "left")),
    joins=(262, 20),
    inputs={"attn": 482, "mlp": 188},
    inner={"heads": 377, "inner": 136},
)


def draw(marks: Iterable[Mark], words: str, block: Block = PRE_NORM) -> str:
    """An SVG element of one block with the marks of a method on it; `words` tell what it shows to who cannot see it."""
    marks = list(marks)
    everywhere = {position for mark in marks for position in mark.positions}
    above = 58 if everywhere & {"final", "output"} else 44 if "final_norm" in everywhere else 0
    below = 44 if everywhere & {"embed", "embed_norm"} else 0
    top = (-44 if block is POST_NORM else 0) - above
    parts = [*_stream(block, top, below), *(_wire(path) for path in block.wires)]
    parts += [_arrow(x, y, way) for x, y, way in block.arrows]
    parts += [_plus(STREAM, y) for y in block.joins]
    boxes = dict(block.boxes) | {"attention": (87, 390, 178, 28)}
    if "final_norm" in everywhere:
        boxes["final_norm"] = (STREAM - 36, top + 14, 72, 24)
    elif above:
        boxes["output"] = (STREAM - 36, top + 14, 150, 26)
    if below:
        boxes["embed"] = (STREAM - 36, block.bottom + 6, 110, 26)
    trained = {p: mark for mark in marks for p in mark.positions if p in boxes and mark.shape != "tokens"}
    for name, place in boxes.items():
        mark = trained.get(name)
        if mark and mark.shape in ("backbone", "head"):
            parts.append(_box(*place, _name(name), mark.colour))
        elif mark:
            parts += _tagged(*place, _name(name), mark)
        else:
            parts.append(_box(*place, _name(name)))
    for mark in marks:
        parts += _extra(mark, block, top)
    height = block.bottom + below - top
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="pelt-diagram" viewBox="0 {top} {EDGE} {height}" '
        f'font-size="14" text-anchor="middle" fill="currentColor" role="img" aria-label="{escape(words)}">\n'
        f"{body}\n</svg>"
    )


def _name(position: str) -> str:
    names = {"attention": "attention", "output": "output layer", "embed": "embedding"}
    return names.get(
        position, "norm" if position.endswith("norm") else f"<tspan font-style='italic'>{position}</tspan>"
    )


def _stream(block: Block, top: int, below: int) -> list[str]:
    """The residual stream, with the name of what flows in it."""
    end = top + 8
    return [
        _wire(f"M{STREAM} {block.bottom + (0 if not below else 6)}V{end + 6}"),
        _arrow(STREAM, end, "up"),
        f'<text x="{STREAM - 14}" y="{block.bottom - 4}" font-style="italic">h</text>',
    ]


def _extra(mark: Mark, block: Block, top: int) -> list[str]:
    """What a mark draws beside the boxes."""
    parts: list[str] = []
    for position in mark.positions:
        if position in ("attn", "mlp"):
            first = position == "attn"
            end = block.joins[0 if first else 1] + 17
            y = block.boxes["o" if first else "down"][1] - 7
            if mark.reads == "y":
                parts += _detour(mark, y, y, end, AFTER)
            else:
                parts += _detour(mark, block.inputs[position], y + 46, end, BESIDE)
        elif position == "heads" and mark.shape == "bottleneck":
            parts += _detour(mark, block.inputs["attn"], 446, block.inner[position], BESIDE)
        elif position in block.inner:
            parts += [_box(MAIN - 13, block.inner[position] - 9, TAG, 18, mark.label, mark.colour, 12)]
            parts += _gate(mark, MAIN + 24, block.inner[position])
        elif position == "kv":
            parts += _tokens(mark, 288, 391)
            parts += [_wire("M286 404H274", mark.colour), _arrow(266, 404, "left", mark.colour)]
            parts += _gate(mark, 278, 404)
            parts += [f'<text x="309" y="382" font-style="italic">{mark.label}</text>']
        elif position == "embed" and mark.shape == "tokens":
            y = block.bottom + 6
            parts += _tokens(mark, 138, y)
            parts += [_wire(f"M134 {y + 13}H124", mark.colour), _arrow(118, y + 13, "left", mark.colour)]
            parts += [f'<text x="196" y="{y + 18}" font-style="italic">{mark.label}</text>']
        elif position == "final":
            parts += _side(mark, block, top)
    return parts


def _detour(mark: Mark, start: int, base: int, end: int, column: int) -> list[str]:
    """From the main column at `start` through a module on `column` back to the main column at `end`."""
    colour, x = mark.colour, column
    base = min(base, start) - 5
    waist = mark.shape == "bottleneck"
    height = 38 if waist else 26
    parts = [_wire(f"M{MAIN} {start}H{x}V{base}M{x} {base - height}V{end}H{MAIN + 8}", colour)]
    if waist:
        shape = f"M{x - 20} {base}h40l-11 -15h-18zM{x - 9} {base - 23}h18l11 -15h-40z"
        style = f'fill="{colour}" fill-opacity=".2" stroke="{colour}" stroke-width="1.6" stroke-linejoin="round"'
        parts.append(f'<path d="{shape}" {style}/>')
        beside, anchor = (x + 26, "start") if x == AFTER else (x - 24, "end")
        text = f'<text x="{beside}" y="{base - 14}" text-anchor="{anchor}" font-style="italic">{mark.label}</text>'
        parts.append(text)
    else:
        parts.append(_box(x - 20, base - height, 40, height, mark.label, colour))
    parts += [_plus(MAIN, end, colour), _arrow(MAIN + 9, end, "left", colour)]
    parts += _gate(mark, MAIN + (40 if x == AFTER else 90), end)
    return parts


def _side(mark: Mark, block: Block, top: int) -> list[str]:
    """A network beside the blocks, which ends where the backbone ends; a ladder reads every block on its way."""
    x, start, end, colour = BESIDE + 4, block.bottom - 14, top + 50, mark.colour
    middle = (block.joins[0] + block.joins[1]) // 2
    parts = [_wire(f"M{STREAM} {start}H{x}V{middle + 80}M{x} {middle - 54}V{end}H{STREAM + 8}", colour)]
    parts += [_box(x - 22, middle - 54, 44, 134, mark.label, colour)]
    if mark.shape == "ladder":
        y = block.joins[1] - 12
        parts += [_wire(f"M{STREAM} {y}H{x - 8}", colour), _arrow(x - 8, y, "right", colour), _plus(x, y, colour)]
    return [*parts, _plus(STREAM, end, colour), _arrow(STREAM + 9, end, "left", colour)]


def _tokens(mark: Mark, x: int, y: int) -> list[str]:
    style = f'fill="{mark.colour}" fill-opacity=".2" stroke="{mark.colour}" stroke-width="1.4"'
    square = f'width="11" height="11" rx="2" {style}'
    return [f'<rect x="{x + 14 * i}" y="{y + 14 * j}" {square}/>' for i in range(3) for j in range(2)]


def _gate(mark: Mark, x: int, y: int) -> list[str]:
    if not mark.gated:
        return []
    circle = f'<circle cx="{x}" cy="{y}" r="8.5" fill="{GROUND}" stroke="{mark.colour}" stroke-width="1.6"/>'
    return [circle, f'<text x="{x}" y="{y + 3.5}" font-size="12" font-style="italic">g</text>']


def _tagged(x: int, y: int, width: int, height: int, name: str, mark: Mark) -> list[str]:
    """A frozen box with a trained tag at its right end."""
    tag = TAG if len(mark.label) < 3 else TAG + 10
    parts = [_box(x, y, width - tag, height, name), _box(x + width - tag, y, tag, height, mark.label, mark.colour)]
    return parts + _gate(mark, x + width, y)


def _box(x: int, y: int, width: int, height: int, label: str, colour: str = "", size: int = 14) -> str:
    ink = f'fill="{colour}" fill-opacity=".2" stroke="{colour}" stroke-width="1.6"'
    style = ink if colour else f'fill="currentColor" fill-opacity=".05" {LINE}'
    text = f'<text x="{x + width / 2:g}" y="{y + height / 2 + 0.35 * size:.1f}" font-size="{size}">{label}</text>'
    place = f'x="{x}" y="{y}" width="{width}" height="{height}" rx="4"'
    return f'<rect {place} fill="{GROUND}"/><rect {place} {style}/>{text}'


def _wire(path: str, colour: str = "") -> str:
    return f'<path d="{path}" fill="none" ' + (f'stroke="{colour}" stroke-width="1.8"/>' if colour else f"{LINE}/>")


def _arrow(x: int, y: int, way: str, colour: str = "") -> str:
    tips = {
        "up": f"M{x - 4} {y + 6}l4 -7l4 7z",
        "left": f"M{x + 7} {y - 4}l-7 4l7 4z",
        "right": f"M{x - 7} {y - 4}l7 4l-7 4z",
    }
    return f'<path d="{tips[way]}" ' + (f'fill="{colour}"/>' if colour else f"{INK}/>")


def _plus(x: int, y: int, colour: str = "") -> str:
    style = f'stroke="{colour}" stroke-width="1.8"' if colour else LINE
    cross = f'<path d="M{x - 4.5} {y}h9M{x} {y - 4.5}v9" fill="none" {style}/>'
    return f'<circle cx="{x}" cy="{y}" r="8" fill="{GROUND}" {style}/>{cross}'
