// @ts-check
/** Make a page of the site one for paper: the article alone, explorers answered, nothing folded, nothing to press.
 * @param {boolean} withSolutions Whether solutions are printed.
 * @returns {Array<[level: number, id: string, text: string]>} The headings. */
// biome-ignore lint/correctness/noUnusedVariables: tools/paper.py calls it
function makePaper(withSolutions) {
  /** @type {(selector: string, root?: ParentNode) => HTMLElement[]} */
  const all = (selector, root = document) =>
    [...root.querySelectorAll(selector)].map((node) => /** @type {HTMLElement} */ (node));

  const article = /** @type {HTMLElement} */ (document.querySelector("article.bd-article"));
  const page = document.createElement("div");
  page.className = "bd-content paper";
  page.append(article);
  document.body.replaceChildren(page);
  document.documentElement.dataset.theme = "light";

  for (const button of all('[data-dx="just-show"]'))
    if (!button.closest("[hidden]")) button.click();
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur();

  for (const node of all("[data-live]", article)) {
    node.replaceWith(
      Object.assign(document.createElement("p"), {
        className: "paper-live",
        textContent: "(On the web this is alive.)",
      }),
    );
  }
  const controls = [
    ".dx-draws",
    ".dx-code",
    ".dx-known button",
    ".dx-predict-form",
    ".dx-header button",
    ".dx-sharing",
    ".dx-live",
    ".dx select",
    ".dx-choice",
    ".headerlink",
    ".copybtn",
    ".toggle-button",
    "script",
    "noscript",
    ".sd-btn",
    ".sd-d-grid",
    ".exercise-mark",
    ".reading-mark",
    ".quiz-score",
    ".quiz button",
    ".tag_quiz > details",
    ".tag_hide-input > details",
  ];
  for (const node of all(controls.join(","), article)) node.remove();
  if (!withSolutions) for (const cell of all(".cell.tag_solution", article)) cell.remove();

  for (const node of all(".toggle-hidden", article)) node.classList.remove("toggle-hidden");
  for (const node of all(".dropdown", article)) node.classList.remove("dropdown", "toggle");
  for (const details of all("details:not(.quiz details)", article)) {
    if (details.closest(".dx")) {
      details.remove();
      continue;
    }
    const opened = document.createElement("div");
    opened.className = "opened";
    const title = details
      .querySelector("summary .collapsed")
      ?.textContent?.replace(/^Show (a|the) /, "");
    details.querySelector("summary")?.remove();
    if (title)
      opened.append(
        Object.assign(document.createElement("p"), {
          className: "opened-title",
          textContent: title[0].toUpperCase() + title.slice(1),
        }),
      );
    opened.append(...details.childNodes);
    details.replaceWith(opened);
  }

  /* A quiz on paper: lettered choices, and the answers below. */
  for (const choices of all(".quiz li")) {
    const list = document.createElement("ol");
    list.className = "quiz-choices";
    for (const details of all("details", choices)) {
      const item = document.createElement("li");
      item.append(...(details.querySelector("summary")?.childNodes ?? []));
      list.append(item);
      details.remove();
    }
    choices.append(list);
  }

  /* Where the site has an address, an explorer says where it can be moved. */
  const canonical = document.querySelector("link[rel=canonical]");
  const web = canonical instanceof HTMLLinkElement ? canonical.href : "";
  /** @type {Set<string>} */
  const taken = new Set();
  if (web) {
    for (const root of all(".dx[data-dx]", article)) {
      const slug = DecodeExplorer.links.slugOf(JSON.parse(root.dataset.dx ?? "{}").title, (name) =>
        taken.has(name),
      );
      taken.add(slug);
      const link = Object.assign(document.createElement("a"), {
        href: `${web}#dx=${slug}&shown=yes`,
        textContent: "Move it on the web.",
      });
      const line = Object.assign(document.createElement("p"), { className: "paper-live" });
      line.append(link);
      root.after(line);
    }
  }

  /* What scrolls sideways on a screen is made smaller. */
  for (const box of all(".dx-scroll, .cell_output pre", article)) {
    if (box.scrollWidth > box.clientWidth + 1)
      box.style.zoom = String(Math.max(0.5, box.clientWidth / box.scrollWidth));
  }

  /* Links to all places that can be linked to, so that the document remembers where they are. */
  const places = document.createElement("div");
  places.className = "places";
  for (const node of all("[id]", article)) {
    if (node.closest("svg, .dx-root, mjx-container")) continue;
    places.append(
      Object.assign(document.createElement("a"), { href: `#${node.id}`, textContent: "." }),
    );
  }
  article.append(places);

  return all("h1, h2", article).map((heading) => [
    Number(heading.tagName[1]),
    heading.closest("section")?.id ?? "",
    (heading.textContent ?? "").trim(),
  ]);
}
