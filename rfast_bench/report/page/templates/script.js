"use strict";
// Legends: a button hides or shows its label in every figure of its part.
for (const button of document.querySelectorAll(".legend button")) {
  button.addEventListener("click", () => {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    const part = button.closest(".part");
    for (const group of part.querySelectorAll(`.series[data-series="${button.dataset.series}"]`)) {
      const figure = group.closest("figure");
      const alone = figure.querySelectorAll(".series").length === 1;
      (alone ? figure : group).classList.toggle("off", !shown);
    }
  });
}
// Tables: by number where the column has numbers, else by words; rows without a number stay last.
const order = new Intl.Collator("en", { numeric: true });
function compare(one, other, numeric, sign) {
  if (!numeric) return sign * order.compare(one.textContent.trim(), other.textContent.trim());
  const known = [one, other].map((cell) => "value" in cell.dataset);
  if (!known[0] || !known[1]) return known[1] - known[0];
  return sign * (one.dataset.value - other.dataset.value);
}
for (const button of document.querySelectorAll("thead button")) {
  button.addEventListener("click", () => {
    const heading = button.parentElement;
    const column = heading.cellIndex;
    const body = heading.closest("table").tBodies[0];
    const up = heading.getAttribute("aria-sort") !== "ascending";
    for (const other of heading.parentElement.cells) other.setAttribute("aria-sort", "none");
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    const numeric = heading.classList.contains("number");
    const rows = [...body.rows];
    rows.sort((a, b) => compare(a.cells[column], b.cells[column], numeric, up ? 1 : -1));
    body.append(...rows);
  });
}
// Long tables: only the rows that hold every word that is typed.
for (const input of document.querySelectorAll(".filter input")) {
  const rows = [...input.closest("details").querySelectorAll("tbody tr")];
  const told = input.closest(".filter").querySelector("output");
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = [...row.cells].map((cell) => cell.textContent.toLowerCase()).join(" ");
      row.hidden = !words.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    told.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
  });
}
// On paper everything is open; afterwards all is as it was.
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  for (const details of opened) details.open = true;
});
addEventListener("afterprint", () => {
  for (const details of opened) details.open = false;
});
