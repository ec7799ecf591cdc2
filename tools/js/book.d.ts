/* What the scripts of the book's pages find there: the theme's search, MathJax, and each other's data. */

declare var MathJax:
  | { startup?: { promise?: Promise<void> }; typesetPromise?(nodes: Node[]): Promise<void> }
  | undefined;
declare var DOCUMENTATION_OPTIONS: { SHOW_SEARCH_SUMMARY: boolean };
declare var BookTerms: Record<string, string> | undefined;
declare var Search: {
  htmlToText(source: string, anchor?: string): string;
  _index: { alltitles: Record<string, unknown>; indexentries: Record<string, unknown> };
};

// Put in front of lab_extension.js by tools/lab.py.
declare var WORKS: Record<string, [authors: string, year: string]>;
declare var STYLES: string;
declare function EXPLORERS(): void;

interface Window {
  _JUPYTERLAB?: Record<string, unknown>;
}
