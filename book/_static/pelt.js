// A browser may not fetch beside a page that was opened from a file: show search results without their excerpts there.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// A table with columns out of sight reaches into the margin. The theme folds the contents away beside what has its class
// `full-width` as it looks for it when the page is there, hence the capture: this has to be earlier.
addEventListener("DOMContentLoaded", () => {
  const boxes = [...document.querySelectorAll(".bd-article .pst-scrollable-table-container")].filter((box) => box.scrollWidth > box.clientWidth);
  const widen = () => boxes.forEach((box) => {
    box.classList.remove("full-width");
    box.style.width = "";
    const room = document.querySelector(".bd-main").getBoundingClientRect().right - box.getBoundingClientRect().left - 16;
    if (room <= box.clientWidth) return;
    box.classList.add("full-width");
    box.style.width = `${room}px`;
    box.style.width = `${Math.min(room, box.querySelector("table").offsetWidth)}px`;
  });
  widen();
  addEventListener("resize", widen);
}, true);
