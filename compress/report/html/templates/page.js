"use strict";
// a table is sorted by a click on a title; without this script it stays as it is
for (const table of document.querySelectorAll("table.sortable")) {
  const titles = [...table.tHead.rows[0].cells];
  titles.forEach((title, column) => {
    if (!title.textContent.trim()) return;
    const button = document.createElement("button");
    button.append(...title.childNodes);
    title.append(button);
    button.addEventListener("click", () => sort(table, titles, column));
  });
}
function key(row, column) {
  const cell = row.cells[column];
  const text = cell.dataset.value ?? cell.textContent.trim();
  const number = text.replaceAll(",", "").replace(/ ?(%|x|MB)$/, "");
  return text === "" ? null : Number.isNaN(Number(number)) ? text : Number(number);
}
function sort(table, titles, column) {
  const up = titles[column].getAttribute("aria-sort") !== "ascending";
  titles.forEach((title) => title.removeAttribute("aria-sort"));
  titles[column].setAttribute("aria-sort", up ? "ascending" : "descending");
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [key(row, column), row]);
  rows.sort(([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null); // what is not known comes last, both ways
    const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
    return up ? order : -order;
  });
  body.append(...rows.map(([, row]) => row));
}
// a click on a point, or Enter on it, shows its values and its row
function choose(mark) {
  for (const other of document.querySelectorAll(".chosen")) other.classList.remove("chosen");
  for (const id of mark.dataset.rows.split(" ")) {
    document.getElementById(id)?.classList.add("chosen");
    for (const path of document.querySelectorAll(`.path[data-rows="${CSS.escape(id)}"]`)) path.classList.add("chosen");
  }
  const output = mark.closest("section").querySelector("output");
  if (output) output.textContent = mark.querySelector("title").textContent;
}
for (const mark of document.querySelectorAll("[data-rows]")) {
  mark.addEventListener("click", () => choose(mark));
  mark.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(mark); }
  });
}
