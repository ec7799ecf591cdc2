// @ts-check
/* The list of references: docutils calls its entries by a role that no list may contain. */
addEventListener("DOMContentLoaded", () => {
  for (const entry of document.querySelectorAll("[role='list'] > [role='doc-biblioentry']"))
    entry.setAttribute("role", "listitem");
});

/* A page opened from disk may not read the others, so the search there lists pages without excerpts. */
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

/* The theme's excerpts begin with its buttons and the list of sections: take them from the text alone. */
addEventListener("DOMContentLoaded", () => {
  if (typeof Search === "undefined") return;
  Search.htmlToText = (source, anchor) => {
    const article = new DOMParser().parseFromString(source, "text/html").querySelector("article");
    const section = (anchor && article?.querySelector(anchor)) || article;
    const furniture =
      "script, style, details, button, .headerlink, .toggle-details, .dx, .cell_input";
    for (const part of section?.querySelectorAll(furniture) ?? []) part.remove();
    return section?.textContent ?? "";
  };
  suggestWords();
});

/* A search that finds nothing offers the nearest word of a title or of the glossary. */
function suggestWords() {
  const results = document.getElementById("search-results");
  if (!results) return;
  const asked = (new URLSearchParams(location.search).get("q") ?? "").toLowerCase();
  const observer = new MutationObserver(() => suggest());
  observer.observe(results, { childList: true, subtree: true, characterData: true });
  suggest(); // the search may be over already

  function suggest() {
    const status = results?.querySelector(".search-summary");
    if (!status || !/did not match/.test(status.textContent ?? "")) return;
    observer.disconnect();
    const index = Search._index;
    const known = [...Object.keys(index.alltitles), ...Object.keys(index.indexentries)]
      .join(" ")
      .toLowerCase();
    const words = new Set(known.match(/[a-z][a-z-]{3,}/g));
    const better = asked.replace(/[a-z-]+/g, (word) => nearest(word, words) ?? word);
    if (better === asked) return;
    const link = Object.assign(document.createElement("a"), { textContent: better });
    link.href = `?q=${encodeURIComponent(better)}`;
    status.after("Did you mean ", link, "?");
  }
}

/* The known word with the fewest letters added, left out or changed: at most two, and one in three. */
/** @type {(word: string, known: Set<string>) => string | null} */
function nearest(word, known) {
  if (known.has(word)) return word;
  const most = Math.min(2, Math.floor(word.length / 3));
  const [best] = [...known]
    .map((other) => ({ other, distance: editDistance(word, other) }))
    .sort((a, b) => a.distance - b.distance);
  return best && best.distance <= most ? best.other : null;
}

/** @type {(a: string, b: string) => number} */
function editDistance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(
        Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)),
      );
    }
    row = next;
  }
  return row[b.length];
}

/* What is wider than the column of text takes the margin beside it, where there is one, and the list of
   contents folds away while it is in sight. Explorers that need the room have said so by now. */
addEventListener("DOMContentLoaded", () => {
  const contents = document.querySelector(".bd-sidebar-secondary");
  if (innerWidth < 1200 || !contents) return;
  const isCut = (/** @type {Element} */ node) => node.scrollWidth > node.clientWidth + 1;
  const cut = [...document.querySelectorAll(".cell_output pre, .cell_output .text_html")].filter(
    isCut,
  );
  for (const node of cut) node.closest(".cell_output")?.classList.add("full-width");
  const inSight = new Set();
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries)
      inSight[isIntersecting ? "add" : "delete"](target);
    contents.classList.toggle("hide", inSight.size > 0);
  });
  for (const node of document.querySelectorAll(".full-width")) observer.observe(node);
});

/* Tables of several columns are cards on a phone: cells get the names of their columns, and keep their roles,
   which a browser would take from what is no longer laid out as a table. */
addEventListener("DOMContentLoaded", () => {
  /** @type {NodeListOf<HTMLTableElement>} */
  const tables = document.querySelectorAll(".bd-article table:not(.dx table)");
  for (const table of tables) {
    const columns = [...table.querySelectorAll("thead th")].map((th) =>
      (th.textContent ?? "").trim(),
    );
    if (columns.length < 3) continue;
    table.classList.add("cards");
    table.setAttribute("role", "table");
    for (const part of table.querySelectorAll("thead, tbody"))
      part.setAttribute("role", "rowgroup");
    for (const row of table.rows) {
      row.setAttribute("role", "row");
      for (const cell of row.cells) {
        cell.setAttribute("role", cell.tagName === "TH" ? "columnheader" : "cell");
        if (cell.tagName === "TD") cell.dataset.column = columns[cell.cellIndex] ?? "";
      }
    }
  }
});

/* With ?slides at the end of its address a chapter is shown as slides: slides.js. */
if (new URLSearchParams(location.search).has("slides")) {
  const beside = /** @type {HTMLScriptElement} */ (document.currentScript).src;
  const style = Object.assign(document.createElement("link"), {
    rel: "stylesheet",
    href: String(new URL("slides.css", beside)),
  });
  document.head.append(
    style,
    Object.assign(document.createElement("script"), { src: String(new URL("slides.js", beside)) }),
  );
}

/* A formula that is wider than the column scrolls, and whoever has no pointer reaches it with the Tab key. */
addEventListener("DOMContentLoaded", () => {
  const reach = () => {
    /** @type {NodeListOf<HTMLElement>} */
    const formulas = document.querySelectorAll('mjx-container[display="true"]');
    for (const formula of formulas) {
      if (formula.scrollWidth > formula.clientWidth) formula.tabIndex = 0;
      else formula.removeAttribute("tabindex");
    }
  };
  const wait = () => globalThis.MathJax?.startup?.promise?.then(reach);
  document.querySelector('script[src*="mathjax/startup"]')?.addEventListener("load", wait);
  wait();
  addEventListener("resize", reach);
});
