// @ts-check
/* The model of the book's pages: the global that the files of this folder add themselves to.
 *
 * Plain scripts without imports, so that they run alike in the page, in its worker and in node, and
 * from disk, where a page may load a script but fetch nothing. Loading order: engine.js first, then
 * ../distribution, which holds the truncations, and the others as decodelib/viz/page lists them. */
globalThis.DecodeEngine ||= {};
globalThis.DecodeExplorer ||= /** @type {Shell} */ ({});
globalThis.DecodeExplorer.logits ||= /** @type {Logits} */ ({}); // the page's explorers have made it already
