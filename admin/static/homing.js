// What the pages can do better with a script. Without it everything works by links, forms and reloads.
"use strict";

const language = document.documentElement.lang;
const zone = language === "en" ? "en-GB" : language; // the day before the month, as without a script
const thisYear = new Date().getFullYear();

// Times in the zone of whoever looks. That in UTC stays: in the title, and for paper, which outlives zones.
function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const text = time.querySelector(".abs");
    const when = new Date(time.dateTime);
    if (!text || Number.isNaN(when.getTime()) || time.querySelector(".local")) continue;
    const year = when.getFullYear() === thisYear ? {} : { year: "numeric" };
    const day = when.toLocaleDateString(zone, { day: "numeric", month: "short", ...year });
    const clock = when.toLocaleTimeString(zone, { hour: "2-digit", minute: "2-digit", hour12: false });
    const today = when.toDateString() === new Date().toDateString();
    const local = document.createElement("span");
    local.className = "local";
    local.textContent = today && time.classList.contains("clock") ? clock : `${day} ${clock}`;
    text.after(local);
    time.classList.add("both");
  }
}

// Rows can be walked with j and k or the arrows, opened with Enter or o, ticked with x.
function walk(step) {
  const rows = [...document.querySelectorAll("[data-row]")];
  if (!rows.length) return;
  const now = rows.findIndex((row) => row.classList.contains("at"));
  const next = rows[Math.min(rows.length - 1, Math.max(0, now + step))];
  if (now >= 0) rows[now].classList.remove("at");
  next.classList.add("at");
  next.scrollIntoView({ block: "nearest" });
  const link = next.querySelector("a");
  if (link) link.focus({ preventScroll: true });
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox]), textarea, select");
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && typing) typing.blur();
  if (typing) return;
  const search = document.getElementById("q");
  const row = document.querySelector("[data-row].at");
  if (event.key === "/" && search) { search.focus(); search.select(); }
  else if (event.key === "j" || (event.key === "ArrowDown" && row)) walk(1);
  else if (event.key === "k" || (event.key === "ArrowUp" && row)) walk(-1);
  else if (event.key === "o" && row) row.querySelector("a").click();
  else if (event.key === "x" && row) { const box = row.querySelector("input[type=checkbox]"); if (box) box.click(); }
  else return;
  event.preventDefault();
});

document.addEventListener("click", (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    event.preventDefault();
    const said = copy.dataset.copy || location.href;
    navigator.clipboard.writeText(said).then(() => {
      const label = copy.querySelector("span") || copy;
      const before = label.textContent;
      label.textContent = document.body.dataset.copied;
      setTimeout(() => { label.textContent = before; }, 1600);
    });
  }
  if (event.target.closest("[data-print]")) window.print();
  for (const menu of document.querySelectorAll("details.who[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// "All" ticks what is shown; how many are ticked stands beside.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-ticks]");
  if (!form) return;
  const boxes = [...form.querySelectorAll("input[name=id]")];
  if (event.target.matches("[data-all]")) for (const box of boxes) box.checked = event.target.checked;
  const count = boxes.filter((box) => box.checked).length;
  for (const said of form.querySelectorAll("[data-count]")) said.textContent = count || "";
});

document.addEventListener("htmx:afterSwap", (event) => localTimes((event.detail.target || event.target).parentElement || document));
// A server-sent row is shown and stays within bounds.
document.addEventListener("htmx:sseMessage", (event) => {
  const list = event.target.closest("[data-live]") || event.target;
  localTimes(list);
  while (list.children.length > 60) list.lastElementChild.remove();
});

document.documentElement.classList.add("with-script");
for (const hidden of document.querySelectorAll("[data-script]")) hidden.hidden = false;
localTimes(document);
