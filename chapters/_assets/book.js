/* The list of references: docutils calls its entries by a role that no list may contain. */
addEventListener("DOMContentLoaded", () => {
  for (const entry of document.querySelectorAll("[role='list'] > [role='doc-biblioentry']")) entry.setAttribute("role", "listitem");
});
