/* The list of references: docutils calls its entries by a role that no list may contain. */
addEventListener("DOMContentLoaded", () => {
  for (const entry of document.querySelectorAll("[role='list'] > [role='doc-biblioentry']")) entry.setAttribute("role", "listitem");
});

/* A page opened from disk may not read the others, so the search there lists pages without excerpts. */
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
