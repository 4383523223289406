// All that pages do beyond plain HTML. Without it they are complete: forms send, links lead, "Refresh" refreshes.
"use strict";

const root = document.documentElement;
root.classList.add("scripted");

// Light or dark: the system's choice until another one is made.
const store = {
  get(name) { try { return localStorage.getItem(name); } catch { return null; } },
  set(name, value) { try { localStorage.setItem(name, value); } catch { /* then it lasts as long as the page */ } },
};
const theme = store.get("warren-theme");
if (theme === "light" || theme === "dark") root.dataset.theme = theme;

function toggleTheme() {
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  store.set("warren-theme", root.dataset.theme);
}

// Puts newer content into a region. Focus, scrolling, what is ticked or typed, and what is open stay as they are.
function swap(region, html) {
  const active = region.contains(document.activeElement) ? document.activeElement : null;
  if (active && active.matches("input:not([type=checkbox]), textarea, select")) return; // a person is typing there
  if (region.contains(getSelection()?.anchorNode) && !getSelection().isCollapsed) return; // or is about to copy
  const path = active ? pathTo(region, active) : null;
  const open = [...region.querySelectorAll("details")].map((element) => element.open);
  const ticked = new Set([...region.querySelectorAll("input:checked")].map((input) => input.value));
  const scrolled = [...region.querySelectorAll(".scroll, pre")].map((element) => [element.scrollLeft, element.scrollTop]);
  region.innerHTML = html;
  region.querySelectorAll("details").forEach((element, index) => { if (index in open) element.open = open[index]; });
  region.querySelectorAll("input[type=checkbox]").forEach((input) => { if (ticked.has(input.value)) input.checked = true; });
  region.querySelectorAll(".scroll, pre").forEach((element, index) => {
    if (index in scrolled) [element.scrollLeft, element.scrollTop] = scrolled[index];
  });
  if (path) (active.id && document.getElementById(active.id) || follow(region, path))?.focus({ preventScroll: true });
}

function pathTo(region, element) {
  const path = [];
  for (; element !== region; element = element.parentElement) path.unshift([...element.parentElement.children].indexOf(element));
  return path;
}

function follow(region, path) {
  return path.reduce((element, index) => element?.children[index], region);
}

// The stream of updates: only while the page is looked at.
const live = {
  source: null,
  isWanted: store.get("warren-live") !== "off",
  start() {
    const address = document.body.dataset.stream;
    if (!address || this.source || !this.isWanted || document.hidden) return this.show();
    this.source = new EventSource(address);
    this.source.addEventListener("region", (event) => {
      const { id, html } = JSON.parse(event.data);
      const region = document.getElementById(id);
      if (region) swap(region, html);
    });
    this.source.addEventListener("time", (event) => {
      const { iso, text } = JSON.parse(event.data);
      const time = document.querySelector(".foot time");
      if (time) { time.dateTime = iso; time.textContent = text; }
      this.show("Live");
    });
    this.source.onerror = () => this.show("Connecting…");
    this.show("Connecting…");
  },
  stop() {
    this.source?.close();
    this.source = null;
    this.show();
  },
  toggle() {
    this.isWanted = !this.isWanted;
    store.set("warren-live", this.isWanted ? "on" : "off");
    if (this.isWanted) this.start(); else this.stop();
  },
  show(state) {
    const button = document.getElementById("live");
    if (!button) return;
    const text = this.isWanted ? state ?? "Live" : "Live updates are off";
    if (button.textContent !== text) button.textContent = text;
    button.setAttribute("aria-pressed", String(this.isWanted));
    button.toggleAttribute("data-connected", text === "Live");
    button.title = this.isWanted ? "Stop live updates (r)" : "Start live updates (r)";
  },
};

async function copy(button) {
  const text = button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
  } catch { // without HTTPS there is no clipboard
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  button.drawing ??= [...button.childNodes];
  button.replaceChildren("✓");
  setTimeout(() => button.replaceChildren(...button.drawing), 1200);
}

// The number in a button is the number that is acted on.
function countTicked(form) {
  const count = form.querySelectorAll("input[name=pick]:checked").length;
  for (const button of form.querySelectorAll("[data-selected]")) {
    button.textContent = `${button.dataset.selected} ${count} selected`;
    button.disabled = count === 0;
  }
}

let pressed = "";
function shortcut(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  if (pressed === "g") document.querySelector(`[data-key="${CSS.escape(event.key)}"]`)?.click();
  else if (event.key === "/") { document.querySelector("[data-search]")?.focus(); event.preventDefault(); }
  else if (event.key === "r") live.toggle();
  else if (event.key === "T") toggleTheme();
  pressed = event.key;
}

document.addEventListener("DOMContentLoaded", () => {
  for (const id of ["theme", "live"]) { const button = document.getElementById(id); if (button) button.hidden = false; }
  document.getElementById("theme")?.addEventListener("click", toggleTheme);
  document.getElementById("live")?.addEventListener("click", () => live.toggle());
  document.addEventListener("keydown", shortcut);
  document.addEventListener("visibilitychange", () => { if (document.hidden) live.stop(); else live.start(); });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
  document.addEventListener("change", (event) => {
    const form = event.target.form;
    if (event.target.matches("[data-all]")) {
      for (const input of form.querySelectorAll("input[name=pick]")) input.checked = event.target.checked;
    }
    if (form?.querySelector("[data-selected]")) countTicked(form);
  });
  for (const box of document.querySelectorAll("[data-all]")) box.hidden = false;
  for (const form of document.querySelectorAll("form")) if (form.querySelector("[data-selected]")) countTicked(form);
  for (const time of document.querySelectorAll("time")) {
    const local = new Date(time.dateTime);
    if (!Number.isNaN(local.valueOf())) time.title += `\nhere: ${local.toLocaleString()}`;
  }
  document.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  live.start();
});
