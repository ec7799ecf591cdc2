/* A JupyterLab extension, written by hand and built by nothing: citations as names and years.

   jupyterlab-myst knows no bibliography and shows each citation as a warning. WORKS, which tools/lab.py
   puts in front of this text, has the authors and the year of every key. */
(() => {
  const STYLE = `
    .cite-group .text-yellow-600 { color: inherit; }
    .cite-group .text-yellow-600 svg { display: none; }`;

  function name(citation) {
    const work = WORKS[citation.textContent.trim()];
    if (!work) return;
    const [authors, year] = work;
    const isNarrative = citation.closest(".cite-group.narrative");
    citation.textContent = isNarrative ? `${authors} (${year})` : `${authors}, ${year}`;
    citation.removeAttribute("title");
    citation.dataset.named = "";
  }

  function activate() {
    document.head.append(Object.assign(document.createElement("style"), { textContent: STYLE }));
    const unnamed = ".cite-group .text-yellow-600:not([data-named])";
    const all = () => {
      for (const citation of document.querySelectorAll(unnamed)) name(citation);
    };
    new MutationObserver(all).observe(document.body, { childList: true, subtree: true });
    all();
  }

  const plugin = { id: "decodelib-citations:plugin", autoStart: true, activate };
  window._JUPYTERLAB ??= {};
  window._JUPYTERLAB["decodelib-citations"] = {
    init: () => {},
    get: async () => () => ({ __esModule: true, default: plugin }),
  };
})();
