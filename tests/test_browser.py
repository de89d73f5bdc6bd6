"""The book in a real browser, opened from a file, as a reader opens it."""

import pandas as pd
import pytest

pytest_plugins = ["built_book"]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser(chromium):
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def visit(browser):
    """Open a page at a width and in a colour scheme; returns it and the list of all that went wrong."""
    contexts = []

    def open_page(path, width=1400, scheme="light", query=""):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        context.set_default_timeout(120_000)  # a busy machine is no fault of the page
        contexts.append(context)
        page, wrong = context.new_page(), []
        page.on("request", lambda r: r.url.startswith(("file:", "data:", "blob:")) or wrong.append(f"remote {r.url}"))
        page.on("requestfailed", lambda request: wrong.append(f"failed {request.url}"))
        page.on("console", lambda message: message.type == "error" and wrong.append(f"console {message.text}"))
        page.on("pageerror", lambda error: wrong.append(f"error {error}"))
        page.goto(path.resolve().as_uri() + query)
        page.evaluate("document.fonts.ready.then(() => window.MathJax?.startup?.promise).then(() => true)")
        return page, wrong

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("width, scheme", [(1400, "light"), (420, "light"), (420, "dark")])
def test_every_page_is_whole_offline_and_fits(pages, visit, width, scheme):
    for path in pages:
        page, wrong = visit(path, width, scheme)
        assert not wrong, (path.name, wrong)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path.name


def test_equations_are_set(html, visit):
    page, _ = visit(html / "methods.html")
    page.wait_for_selector("mjx-container[display=true]")
    assert page.locator("mjx-container[display=true]").count() >= 8
    assert page.locator("mjx-merror").count() == 0


@pytest.mark.parametrize("name", ["studies/placement", "benchmarks/speed"])
def test_figures_are_drawn_and_wide_enough_on_a_phone(html, visit, name):
    page, _ = visit(html / f"{name}.html", width=420)
    widths = page.evaluate("[...document.querySelectorAll('main img')].map(i => i.naturalWidth && i.clientWidth)")
    assert len(widths) == 3 and min(widths) > 320


@pytest.mark.parametrize("width, scheme", [(1400, "light"), (420, "dark")])
def test_a_wide_table_keeps_its_first_column_and_its_caption_in_sight(html, visit, width, scheme):
    page, _ = visit(html / "studies" / "low-resource.html", width, scheme)
    kept = page.evaluate(
        """() => {
            const box = [...document.querySelectorAll(".pst-scrollable-table-container")]
                .find((one) => one.scrollWidth > one.clientWidth);
            if (!box) return null;
            box.scrollLeft = box.scrollWidth;
            const table = box.querySelector("table"), first = table.tBodies[0].rows[0].cells[0];
            const start = box.getBoundingClientRect().left;
            const left = (element) => Math.round(element.getBoundingClientRect().left - start);
            return [box.scrollLeft > 0, left(first), left(table.caption), table.caption.clientWidth <= box.clientWidth,
                getComputedStyle(first).backgroundColor];
        }"""
    )
    assert width > 600 or kept, "on a phone some table is wider than the page"
    if kept:
        scrolled, *lefts, wraps, ground = kept
        assert scrolled and wraps and max(map(abs, lefts)) <= 1 and ground.startswith("rgb("), kept


def test_a_published_score_is_smaller_than_ours(html, visit):
    page, _ = visit(html / "studies" / "low-resource.html")
    size = "element => parseFloat(getComputedStyle(element).fontSize)"
    printed = page.locator(".pelt-published").first
    assert printed.evaluate(size) < 0.9 * printed.locator("xpath=ancestor::td").evaluate(size)


def test_search_works_from_a_file(html, visit):
    page, wrong = visit(html / "search.html", query="?q=bottleneck")
    page.wait_for_selector("#search-results li a")
    assert "methods.html" in " ".join(link.get_attribute("href") for link in page.locator("#search-results li a").all())
    assert not wrong, wrong


@pytest.mark.parametrize("scheme, dark", [("light", False), ("dark", True)])
def test_the_page_follows_the_reader_s_colour_scheme(html, visit, scheme, dark):
    page, _ = visit(html / "index.html", scheme=scheme)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    red = int(ground.removeprefix("rgb(").split(",")[0])
    assert (red < 60) is dark, ground


def test_the_ledger_is_sorted_and_filtered_from_the_keyboard(html, visit):
    page, wrong = visit(html / "ledger.html", width=420)
    lines, heading = (
        page.locator(".pelt-ledger tbody tr:visible"),
        page.locator(".pelt-ledger th button", has_text="score"),
    )
    total = lines.count()
    assert page.locator(".pelt-ledger output").inner_text() == f"{total:,} of {total:,} runs"
    for _ in range(2):
        heading.press("Enter")
    scores = page.locator(".pelt-ledger tbody td:nth-child(5)").all_inner_texts()
    unscored = {"diverged", "loss only"}
    numbers = [float(score) for score in scores if score not in unscored]
    assert numbers == sorted(numbers, reverse=True) and set(scores[len(numbers) :]) <= unscored
    for words in ("LoRA placement", "placement, lora"):
        page.get_by_label("find").fill(words)
        page.wait_for_timeout(300)
        assert 0 < lines.count() < total and all("LoRA" in text for text in lines.all_inner_texts())
    found = lines.count()
    page.get_by_label("find").fill("smollm2-135m placement lora")  # pages spell it SmolLM2-135M-Instruct
    page.wait_for_timeout(300)
    assert lines.count() == found
    page.get_by_role("button", name="show all").press("Enter")
    page.get_by_label("study").select_option("placement")
    page.wait_for_timeout(300)
    assert 0 < lines.count() <= total
    assert not wrong, wrong


def test_the_ledger_is_a_plain_table_without_scripts(browser, html):
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto((html / "ledger.html").resolve().as_uri())
    assert page.locator(".pelt-ledger tbody tr").count() > 1
    assert page.locator(".pelt-ledger noscript p").is_visible()


def test_the_page_on_the_ledger_is_small_and_its_files_are_there(html):
    assert (html / "ledger.html").stat().st_size < 1_500_000
    csv, parquet = (html / "_static" / "ledger" / f"runs.{ending}" for ending in ("csv", "parquet"))
    keys = [line.split(",")[0] for line in csv.read_text().splitlines()[1:]]
    assert keys and pd.read_parquet(parquet)["key"].tolist() == keys
