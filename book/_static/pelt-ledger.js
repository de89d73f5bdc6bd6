// The page on the ledger: sort by a click on a heading, filter by words and by menus. Without it the table is plain.
document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".pelt-ledger").forEach(explore));

function explore(ledger) {
  const table = ledger.querySelector("table");
  if (!table) return;
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  const runs = [...body.rows].map((row) => {
    const cells = [...row.cells].map((cell) => cell.textContent.trim());
    return { row, cells, words: [...cells, row.dataset.names].join(" ").toLowerCase() }; // pages' names and raw ones
  });
  const make = (name, values) => Object.assign(document.createElement(name), values);

  const controls = make("form", { className: "pelt-ledger-controls" });
  controls.setAttribute("role", "search");
  const search = make("input", { type: "search", placeholder: "words in any order, e.g. sst2 lora" });
  const label = (text, control) => {
    const around = make("label", { textContent: text });
    around.append(control);
    controls.append(around);
  };
  label("find", search);
  const menus = ledger.dataset.menus.split("|").map((name) => {
    const column = headings.findIndex((heading) => heading.textContent.trim() === name);
    const several = name === "study"; // a run may serve several studies
    const values = (text) => (several ? text.split(" ") : [text]);
    const known = [...new Set(runs.flatMap((run) => values(run.cells[column])))].filter(Boolean).sort();
    const menu = make("select", {});
    menu.append(make("option", { value: "", textContent: "all" }), ...known.map((value) => make("option", { value, textContent: value })));
    label(name, menu);
    return { menu, fits: (run) => !menu.value || values(run.cells[column]).includes(menu.value) };
  });
  const reset = make("button", { type: "reset", textContent: "show all" });
  const count = make("output", {});
  controls.append(reset, count);
  ledger.prepend(controls);

  const filter = () => {
    const words = search.value.toLowerCase().split(/[\s,]+/).filter(Boolean);
    let shown = 0;
    for (const run of runs) {
      const fits = words.every((word) => run.words.includes(word)) && menus.every((menu) => menu.fits(run));
      run.row.hidden = !fits;
      shown += fits;
    }
    count.textContent = `${shown.toLocaleString("en")} of ${runs.length.toLocaleString("en")} runs`;
  };
  let waiting = 0;
  controls.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 80);
  });
  controls.addEventListener("reset", () => setTimeout(filter));
  controls.addEventListener("submit", (event) => event.preventDefault());

  const number = (text) => parseFloat(text.replaceAll(",", "").replace("−", "-"));
  const compare = (column) =>
    headings[column].classList.contains("n")
      ? (one, other) => number(one.cells[column]) - number(other.cells[column])
      : (one, other) => one.cells[column].localeCompare(other.cells[column], "en", { numeric: true });
  const nothing = (run, column) => (headings[column].classList.contains("n") ? isNaN(number(run.cells[column])) : !run.cells[column]);
  const sort = (column) => {
    const down = headings[column].getAttribute("aria-sort") === "ascending";
    headings.forEach((heading) => heading.removeAttribute("aria-sort"));
    headings[column].setAttribute("aria-sort", down ? "descending" : "ascending");
    const by = compare(column);
    runs.sort((one, other) => nothing(one, column) - nothing(other, column) || (nothing(one, column) ? 0 : (down ? -1 : 1) * by(one, other)));
    body.append(...runs.map((run) => run.row));
  };
  headings.forEach((heading, column) => {
    const button = make("button", { type: "button", textContent: heading.textContent.trim() });
    button.addEventListener("click", () => sort(column));
    heading.replaceChildren(button);
  });
  filter();
}
