// @ts-check
/* A JupyterLab extension, written by hand and built by nothing.

   Explorers in stored outputs come alive before any cell has been run: EXPLORERS, which tools/lab.py puts in
   front of this text with STYLES, is the front end that pages of the site have. And citations, of which
   jupyterlab-myst makes warnings, show the names and the year that WORKS has for their keys. */
(() => {
  const CITATIONS = `
    .cite-group .text-yellow-600 { color: inherit; }
    .cite-group .text-yellow-600 svg { display: none; }`;

  /** @param {HTMLElement} citation */
  function name(citation) {
    const work = WORKS[(citation.textContent ?? "").trim()];
    if (!work) return;
    const [authors, year] = work;
    const isNarrative = citation.closest(".cite-group.narrative");
    citation.textContent = isNarrative ? `${authors} (${year})` : `${authors}, ${year}`;
    citation.removeAttribute("title");
    citation.dataset.named = "";
  }

  function improve() {
    /** @type {NodeListOf<HTMLElement>} */
    const unnamed = document.querySelectorAll(".cite-group .text-yellow-600:not([data-named])");
    for (const citation of unnamed) name(citation);
    if (document.querySelector(".dx[data-dx]:not([data-dx-alive])")) {
      globalThis.DecodeExplorer.hydrateAll();
    }
  }

  function activate() {
    const style = document.createElement("style");
    style.textContent = CITATIONS + STYLES;
    document.head.append(style);
    // Later, when no script is the current one: explorers take that for a page of the site, with links.
    setTimeout(() => {
      EXPLORERS();
      new MutationObserver(improve).observe(document.body, { childList: true, subtree: true });
      improve();
    });
  }

  const plugin = { id: "decodelib-lab:plugin", autoStart: true, activate };
  window._JUPYTERLAB ??= {};
  window._JUPYTERLAB["decodelib-lab"] = {
    init: () => {},
    get: async () => () => ({ __esModule: true, default: plugin }),
  };
})();
