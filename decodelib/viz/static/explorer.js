/* The shell that all explorers share: one source for JupyterLab and for the built page.
 *
 *   JupyterLab: anywidget gets these files concatenated, plus "export default" of the one global.
 *   The page:   Sphinx loads them as plain scripts, this one first; each
 *               <div class="dx" data-dx-kind="..." data-dx='{json}'> is brought alive in place.
 *
 * An explorer registers a renderer under its kind; the renderer gets a model (get, set, on, off,
 * save_changes: anywidget's, or the local one below) and an element, and returns a clean-up.
 * No imports, no ids, no network. */
(function () {
  "use strict";

  const renderers = {};

  // A module, which is what anywidget makes of this file, is never the current script.
  const onPage = typeof document !== "undefined" && document.currentScript !== null;

  /** element("p", { class: "note", text: "..." , onclick: f }, child, ...) */
  function element(tag, properties = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name === "text") node.textContent = value;
      else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value === true) node.setAttribute(name, "");
      else if (value !== false && value !== null) node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  }

  /** The part of anywidget's model that renderers use, for pages without a kernel. */
  function localModel(state) {
    const listeners = {};
    const values = { ...state };
    return {
      get: (key) => values[key],
      set(key, value) {
        if (values[key] === value) return;
        values[key] = value;
        (listeners["change:" + key] || []).forEach((listener) => listener());
      },
      save_changes() {},
      on(event, listener) { (listeners[event] ||= []).push(listener); },
      off(event, listener) { listeners[event] = (listeners[event] || []).filter((l) => l !== listener); },
    };
  }

  /** Whitespace made visible, so that " the" and "the" look different. */
  function showToken(token) {
    if (token === "") return "∅";
    return token.replace(/ /g, "␣").replace(/\n/g, "↵").replace(/\t/g, "⇥").replace(/\r/g, "␍");
  }

  function showProbability(p) {
    if (p === 0) return "0";
    return p >= 0.00005 ? p.toFixed(4) : p.toExponential(0);
  }

  const showCount = (n) => n.toLocaleString("en-US");

  /** Copy, and say so on the button; where the clipboard is out of reach, select the text. */
  async function copyText(text, source, button) {
    const label = (button.dataset.label ||= button.textContent);
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      const range = document.createRange();
      range.selectNodeContents(source);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      button.textContent = "Selected: press Ctrl+C";
    }
    setTimeout(() => { button.textContent = label; }, 2000);
  }

  /** A polite live region that waits for the reader to pause, so a moving slider is not read aloud. */
  function announcer(node) {
    let timer = null;
    return (message) => {
      clearTimeout(timer);
      timer = setTimeout(() => { if (node.textContent !== message) node.textContent = message; }, 400);
    };
  }

  function render({ model, el }) {
    const renderer = renderers[model.get("kind")];
    el.classList.add("dx");
    el.replaceChildren();
    return renderer({ model, el });
  }

  function hydrate(el) {
    if (el.dataset.dxAlive || !renderers[el.dataset.dxKind]) return;
    const state = JSON.parse(el.dataset.dx);
    const model = localModel({ ...state, kind: el.dataset.dxKind });
    el.dataset.dxAlive = "1";
    if (onPage) {
      const slug = uniqueSlug(state.title);
      linked.set(slug, { model, el });
      model.link = () => linkTo(slug, model);
    }
    render({ model, el });
  }

  function hydrateAll() {
    document.querySelectorAll(".dx[data-dx]").forEach(hydrate);
  }

  // ---- links that open a page with an explorer's settings: #dx=slug&temperature=0.7 -------------

  const linked = new Map(); // by slug

  function uniqueSlug(title) {
    const slug = title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") || "explorer";
    let unique = slug;
    for (let n = 2; linked.has(unique); n++) unique = `${slug}-${n}`;
    return unique;
  }

  /** A setting as a link writes it. Commas part the items of a list, so those within are escaped. */
  const itemInLink = (item) => String(item).replace(/[%,]/g, encodeURIComponent);
  const inLink = (value) => (Array.isArray(value) ? value.map(itemInLink).join(",") : String(value ?? ""));

  /** The page's address with the settings that differ from those it starts with. A prediction is
   *  not among them: whoever follows the link makes their own. */
  function linkTo(slug, model) {
    const written = new URLSearchParams({ dx: slug });
    for (const [name, start] of Object.entries(model.get("data").initial)) {
      const value = model.get(name);
      if (inLink(value) !== inLink(start)) written.set(name, inLink(value));
    }
    return `${location.href.split("#")[0]}#${written}`;
  }

  /** The value that a link gives a setting, or undefined for what the setting's limits rule out. */
  function readSetting(text, { type, min = -Infinity, max = Infinity, choices, all, nullable }) {
    if (text === "" && nullable) return null;
    if (type === "list") {
      const items = text === "" ? [] : text.split(",");
      const values = items.map((item) => choices.find((choice) => itemInLink(choice) === item));
      const fits = !values.includes(undefined) && (!all || new Set(values).size === choices.length)
        && values.length <= choices.length;
      return fits ? values : undefined;
    }
    if (choices) return choices.find((choice) => String(choice) === text);
    if (type === "string") return text;
    const value = Number(text);
    const fits = text.trim() !== "" && value >= min && value <= max && Number.isFinite(value)
      && (type !== "integer" || Number.isInteger(value));
    return fits ? value : undefined;
  }

  /** Move the explorer that the address names to the settings it gives, and show and return it. */
  function followLink(behavior) {
    const given = new URLSearchParams(location.hash.slice(1));
    const target = linked.get(given.get("dx"));
    if (!target) return null;
    const { model, el } = target;
    const { initial, limits } = model.get("data");
    for (const [name, start] of Object.entries(initial)) {
      const value = given.has(name) && limits[name] ? readSetting(given.get(name), limits[name]) : undefined;
      model.set(name, value === undefined ? start : value);
    }
    model.save_changes();
    el.scrollIntoView({ behavior, block: "start" });
    el.tabIndex = -1;
    el.focus({ preventScroll: true });
    return el;
  }

  function start() {
    hydrateAll();
    if (!onPage) return;
    const shown = followLink("instant");
    // What loads later, such as fonts, moves what is below it.
    if (shown) addEventListener("load", () => shown.scrollIntoView({ behavior: "instant" }));
    addEventListener("hashchange", () => {
      followLink(matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth");
    });
  }

  globalThis.DecodeExplorer = {
    register: (kind, renderer) => { renderers[kind] = renderer; },
    render, hydrateAll, localModel,
    element, showToken, showProbability, showCount, copyText, announcer,
  };

  if (typeof document === "undefined") return;
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else setTimeout(start);
})();
