"""`pelt data build commonsense170k`: the training rows of eight sets, a better variant of them, or a sample."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pelt_core.cli.console import errors, print_json, show
from pelt_core.cli.options import AsJson

app = typer.Typer()


@app.command("commonsense170k")
def commonsense170k(
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Write the rows there: a list (.json), or a row a line (.jsonl).")
    ],
    variant: Annotated[
        str,
        typer.Option(
            help="published; distinct, without repeated questions; or balanced, distinct with no answer the commonest."
        ),
    ] = "published",
    size: Annotated[
        int | None, typer.Option(min=1, help="A sample of so many rows, with sets and answers in their proportions.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the balanced variant and of a sample.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Build Commonsense170K: BoolQ, PIQA, SIQA, HellaSwag, WinoGrande, ARC and OpenBookQA, asked as published.

    Without an option, all published rows in their order. What no mirror and no hub has is missing: the table says how
    many rows of which set.

    Example: `pelt data build commonsense170k --variant distinct --size 15000 --out commonsense15k.json`
    """
    from pelt_core.data.commonsense170k import SOURCES, build, counts, expected
    from pelt_core.data.instructions import check, write
    from pelt_core.data.reading import content_sha256
    from pelt_core.provenance import source

    check(out)
    code = source()
    made = build(variant, size, seed)
    write(made.rows, out)
    kept = counts(made.rows)
    sets = [_row(name, expected(name), made.missing.get(name, 0), kept[name]) for name in SOURCES]
    total = _row("total", sum(map(expected, SOURCES)), sum(made.missing.values()), len(made.rows))
    if as_json:
        print_json(
            {
                **{"variant": variant, "size": size, "seed": seed, "file": str(out)},
                **{"content_sha256": content_sha256(made.rows), "sets": sets, "total": total, "code": code},
            }
        )
    else:
        show([*sets, total], as_json=False, title=f"commonsense170k, {variant}")
        errors.print(f"{len(made.rows)} rows: {out}", markup=False)


def _row(name: str, published: int, missing: int, rows: int) -> dict[str, Any]:
    left_out = published - missing - rows
    return {"set": name, "published": published, "missing": missing, "left_out": left_out, "rows": rows}
