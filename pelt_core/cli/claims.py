"""`pelt claims`: what the papers claim, and what our runs say of it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pelt_core.cli.console import INCOMPLETE, output, print_json, progress, show
from pelt_core.cli.options import AsJson, LedgerFolder, PresetName

app = typer.Typer()


@app.command()
def claims(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Only these claims.")] = None,
    preset: PresetName = "laptop",
    ledger: LedgerFolder = None,
    as_json: AsJson = False,
) -> None:
    """Judge the claims of both papers by the recorded runs: supported, contradicted, undecided, or without a verdict.

    A verdict is computed from rows: the effect with its 95 % interval, Holm's correction over each family of claims,
    and no verdict on a single seed, or while rows of some comparisons are missing: the claim is incomplete, or not run
    yet. Tasks on which even full fine-tuning shows nothing are left out. Works in a clone of the project, which holds
    the published numbers.

    Exit code 0 if every claim has been tested, 3 if rows of some are missing.

    Example: `pelt claims`

    Example: `pelt claims gain-100 --json`
    """
    from pelt_core.study.claims.claim import chosen
    from pelt_core.study.claims.evidence import Evidence
    from pelt_core.study.claims.finding import OPEN
    from pelt_core.study.claims.judge import judge, with_families
    from pelt_core.study.claims.lines import counted, line, provisional
    from pelt_core.study.ledger import Ledger
    from pelt_core.study.presets import ledger_folder

    wanted = chosen(ids or [])
    evidence = Evidence(preset, Ledger(ledger or ledger_folder(preset)))
    with progress("claims", len(with_families(wanted))) as advance:
        judged = judge(wanted, evidence, lambda _: advance(""))
    lines = [line(one) for one in judged]
    if as_json:
        print_json(lines)
    else:
        show([_shown(one) for one in lines], as_json=False)
        if ids:
            for one in lines:
                output.print(_explained(one), markup=False, soft_wrap=True)
        output.print(", ".join(f"{number} {verdict}" for verdict, number in counted(judged).items()))
        if note := provisional(judged):
            output.print(note)
    if any(one.verdict in OPEN for one in judged):
        raise typer.Exit(INCOMPLETE)


def _shown(line: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": line["id"],
        "claim": line["says"],
        "verdict": line["verdict"],
        "effect": _interval(line),
        "published": _written(line["published"]),
        "seeds": line["seeds"] or None,
        "p": line["p_holm"],
    }


def _explained(line: dict[str, Any]) -> str:
    reasons = "".join(f"\n  {reason}" for reason in line["reasons"])
    return f"{line['id']} ({line['paper']}, {line['where']}): {line['tested']}{reasons}"


def _interval(line: dict[str, Any]) -> str:
    if line["effect"] is None:
        return ""
    effect, low, high = (_written(line[name]) for name in ("effect", "low", "high"))
    return f"{effect} [{low}, {high}] {line['unit']}"


def _written(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
