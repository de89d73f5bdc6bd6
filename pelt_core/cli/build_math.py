"""`pelt data build math10k`: questions, a teacher, and what is left of both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pelt_core.cli.console import errors, print_json, show
from pelt_core.cli.options import AsJson, BadOption

if TYPE_CHECKING:
    from pelt_core.data.teachers import Teacher
    from pelt_core.data.teachers.store import Store

app = typer.Typer()

_MODELS: dict[str, Any] = {"rich_help_panel": "Of local and openai"}
_ENDPOINTS: dict[str, Any] = {"rich_help_panel": "Of openai"}


@app.command("math10k")
def math10k(
    teacher: Annotated[
        str, typer.Option(help="Who writes the rationales: annotated, local:BACKBONE or openai:MODEL.")
    ] = "annotated",
    clean: Annotated[bool, typer.Option("--clean", help="Without the problems that an evaluation set asks.")] = False,
    questions: Annotated[int | None, typer.Option(min=1, help="Of each source at most.")] = None,
    size: Annotated[int | None, typer.Option(min=1, help="Rows, sampled from those that are right.")] = None,
    seed: Annotated[int, typer.Option(help="Of all samples.")] = 0,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the rows there, as JSON Lines.")] = None,
    record: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Add the report, which has no rows, to this JSON file.")
    ] = None,
    as_json: AsJson = False,
    samples: Annotated[
        int, typer.Option(min=1, help="Texts of a question at most; the first right one is kept.", **_MODELS)
    ] = 1,
    temperature: Annotated[float, typer.Option(min=0.01, max=2, help="Of the samples.", **_MODELS)] = 0.7,
    max_tokens: Annotated[int, typer.Option(min=1, help="After which a text is cut.", **_MODELS)] = 256,
    at_once: Annotated[int, typer.Option(min=1, help="Questions under way at the same time.", **_MODELS)] = 16,
    kept: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where texts are kept; by default in the user's cache.", **_MODELS),
    ] = None,
    base_url: Annotated[
        str, typer.Option(help="The endpoint, e.g. http://localhost:8000/v1.", **_ENDPOINTS)
    ] = "https://api.openai.com/v1",
    key_variable: Annotated[
        str, typer.Option(help="The environment variable that holds the key.", **_ENDPOINTS)
    ] = "OPENAI_API_KEY",
    per_minute: Annotated[float | None, typer.Option(min=0.1, help="Requests a minute at most.", **_ENDPOINTS)] = None,
    prices: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Dollars for a million tokens read, and for a million written.", **_ENDPOINTS),
    ] = None,
) -> None:
    """Build Math10K: a teacher solves questions of GSM8K, MathQA, MAWPS and MAWPS-single; wrong answers are dropped.

    MathQA stands in for AQuA, whose train file it rewrites. `annotated` takes the rationales that the sources carry,
    and needs no model. What a model writes is kept on disk at once: after a stop, call again to go on where it was.

    Example: `pelt data build math10k --out math10k.jsonl`

    Example: `pelt data build math10k --teacher local:smollm2-135m --samples 4 --questions 40`
    """
    from pelt_core import provenance
    from pelt_core.data.math10k import build, gather, read, read_clean
    from pelt_core.data.yields import summarise
    from pelt_core.writing import check_writable, write_whole

    provenance.source()  # before the work, so that a commit made meanwhile is not credited with it
    name = "math10k-clean" if clean else "math10k"
    for path in (out, record):
        if path:
            check_writable(path)
    _recorded(record)  # to refuse it before the work
    kind, _, model = teacher.partition(":")
    settings: dict[str, Any] = {"attempts": samples, "temperature": temperature, "max_tokens": max_tokens}
    teaching: Teacher
    match kind, bool(model):
        case "annotated", False:
            from pelt_core.data.teachers.annotated import Annotated as Carried

            teaching = Carried()
        case "local", True:
            from pelt_core.local_teacher import LocalTeacher

            teaching = LocalTeacher(model, _store(kept), batch_size=at_once, seed=seed, **settings)
        case "openai", True:
            from pelt_core.data.teachers.endpoint import Endpoint

            teaching = Endpoint(
                model,
                _store(kept),
                base_url,
                key_variable=key_variable,
                concurrency=at_once,
                requests_a_minute=per_minute,
                prices=prices,
                **settings,
            )
        case _:
            raise BadOption(
                f"--teacher {teacher!r}: write annotated, local:BACKBONE (see `pelt backbones`) or openai:MODEL"
            )
    built = build(gather(read_clean if clean else read, seed, questions), teaching, seed, size)
    if out:
        write_whole(out, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in built.rows))
        errors.print(f"{len(built.rows)} rows: {out}", markup=False)
    report = {"set": name, **summarise(built, teaching), "provenance": provenance.collect()}
    if record:  # read now, as another build may have added its report meanwhile
        reports = _recorded(record) | {f"{name}/{kind}": report}
        write_whole(record, json.dumps(reports, indent=1, ensure_ascii=False) + "\n")
    if as_json:
        print_json(report)
    else:
        _show(report)


def _recorded(path: Path | None) -> dict[str, Any]:
    """The reports of earlier builds, by set and teacher."""
    if path is None or not path.exists():
        return {}
    try:
        known: Any = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadOption(f"--record {path}: it has other content than reports ({error}); name another file") from None
    if not isinstance(known, dict):
        raise BadOption(f"--record {path}: it has other content than reports, which are an object; name another file")
    return known


def _store(path: Path | None) -> Store:
    from pelt_core.data.teachers.store import Store
    from pelt_core.folders import cache_folder

    return Store(path or cache_folder() / "rationales.sqlite")


def _show(report: dict[str, Any]) -> None:
    rows, sources = report["rows"], report["sources"]
    show([_source(source) for source in sources], as_json=False, title=f"{report['set']}: {rows:,} rows")
    lost = [
        {"source": source["source"], "what": what, "reason": reason, "questions": count}
        for source in sources
        for what in ("not_asked", "dropped")
        for reason, count in source[what].items()
    ]
    if lost:
        show(lost, as_json=False, title="Left out")
    show([report["teacher"]], as_json=False, title="Teacher")


def _source(source: dict[str, Any]) -> dict[str, Any]:
    columns = ("source", "asked", "kept", "kept_by_attempt", "yield", "in_set")
    lengths = {f"{of}_words": (source[f"{of}_words"] or {"p50": None})["p50"] for of in ("question", "solution")}
    return {**{column: source[column] for column in columns}, **lengths}
