"use strict";
// Keys, copying, and times that grow older. Everything else works without this file.

const rows = () => [...document.querySelectorAll("[data-row]")];

function move(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.findIndex((row) => "current" in row.dataset);
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  if (at >= 0) delete all[at].dataset.current;
  next.dataset.current = "";
  next.scrollIntoView({ block: "nearest" });
  next.querySelector("a, button")?.focus({ preventScroll: true });
}

const keys = {
  "/": () => document.querySelector("[data-search]")?.focus(),
  j: () => move(1),
  k: () => move(-1),
  "?": () => document.getElementById("keys").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && event.target.matches("[data-search]")) event.target.blur();
  if (event.target.closest("input, select, textarea, dialog[open]") || !keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});

document.addEventListener("click", async (event) => {
  const opens = event.target.closest("[data-open]");
  if (opens) document.getElementById(opens.dataset.open).showModal();
  const copies = event.target.closest("[data-copy]");
  if (!copies) return;
  await navigator.clipboard.writeText(document.getElementById(copies.dataset.copy).textContent);
  copies.setAttribute("aria-pressed", "true");
});

document.addEventListener("change", (event) => {
  const name = event.target.dataset.all;
  if (name) for (const box of event.target.form.elements[name]?.length ? event.target.form.elements[name] : [event.target.form.elements[name]]) box.checked = event.target.checked;
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

// While somebody develops, the printed address holds name and password behind a #, which browsers send nowhere.
const filled = document.querySelector("form[data-filled]");
const given = filled && location.hash.slice(1).split(":");
if (given?.length === 2) {
  history.replaceState(null, "", location.pathname + location.search);
  [filled.elements.name.value, filled.elements.password.value] = given.map(decodeURIComponent);
  filled.requestSubmit();
}

// The page is rendered with times of that moment; those outside of a live part would stand still.
const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const words = new Intl.RelativeTimeFormat(document.documentElement.lang, { style: "short" });

setInterval(() => {
  for (const element of document.querySelectorAll("time[datetime]")) {
    const seconds = Math.max((Date.now() - Date.parse(element.dateTime)) / 1000, 0);
    const [unit, size] = units.find(([, length]) => seconds >= length) ?? units.at(-1);
    const text = words.format(-Math.floor(seconds / size), unit);
    if (!element.closest("[hx-sse\\:connect]") && element.textContent !== text) element.textContent = text;
  }
}, 10_000);
