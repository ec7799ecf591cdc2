// @ts-check
/* The tree: a column of candidates for each step, and the lines between them. */
(() => {
  const { element, svg, showToken, beams } = globalThis.DecodeExplorer;
  const { digits, pathOf, story, isLate } = beams;

  // In units of the tree's font size.
  const [ROOT, WIDTH, GAP, HEIGHT, LINE, HEAD] = [1.4, 6.1, 1.4, 2.8, 3.2, 2.7];
  const left = (/** @type {number} */ length) => ROOT + (length - 1) * (WIDTH + GAP);
  const top = (/** @type {BeamNode} */ node) => HEAD + node.row * LINE;

  const ABOUT =
    "Tree. Arrow keys move: left to what a candidate extends, right to its best continuation, up and " +
    "down within a step.";

  /** @param {BeamScene} scene */
  function diagram(scene) {
    const lines = svg("svg", { class: "dx-beam-lines", "aria-hidden": "true", focusable: "false" });
    const sheet = element("div", { class: "dx-beam-sheet", onkeydown });
    const box = element(
      "div",
      { class: "dx-scroll dx-beam-box", role: "group", "aria-label": ABOUT },
      sheet,
    );
    const detail = element("p", { class: "dx-beam-detail", "data-dx": "node" });
    /** @type {Map<BeamNode, HTMLButtonElement>} */
    let buttons = new Map();
    /** @type {HTMLElement[]} */
    let heads = [];
    /** What is drawn: the tree, and how many steps of it. */
    let drawn = { tree: /** @type {BeamTree | null} */ (null), shown: 0, isHidden: false };
    /** The candidate whose path is marked; the best finished until the reader picks.
     * @type {BeamNode | null} */
    let chosen = null;
    let isPicked = false;

    /** Make a candidate, or none, the chosen one: the only one that the Tab key stops at.
     * @param {BeamNode | null} node */
    function choose(node) {
      for (const [other, button] of buttons) button.tabIndex = other === node ? 0 : -1;
      chosen = node;
      box.tabIndex = node ? -1 : 0; // with no candidate to focus, the box itself scrolls by keys
    }

    /** @param {BeamNode} node */
    function pick(node) {
      isPicked = true;
      choose(node);
      mark();
    }

    /** @param {KeyboardEvent} event */
    function onkeydown(event) {
      const to = chosen && neighbours(scene.tree, chosen).get(event.key);
      if (to === null || to === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      if (to !== "none" && to.length <= scene.shown) buttons.get(to)?.focus();
    }

    /** Scroll a column into sight, unless the reader is in the tree.
     * @param {number} length */
    function show(length) {
      if (box.contains(document.activeElement)) return;
      const em = parseFloat(getComputedStyle(sheet).fontSize);
      const [from, to] = [(left(length) - ROOT) * em, (left(length) + WIDTH + 0.5) * em];
      if (to > box.scrollLeft + box.clientWidth) box.scrollLeft = to - box.clientWidth;
      else if (from < box.scrollLeft) box.scrollLeft = from;
    }

    function build() {
      const { tree } = scene;
      const rows = Math.max(...tree.steps.map((step) => step.length));
      const [width, height] = [left(scene.last) + WIDTH + 0.2, HEAD + rows * LINE];
      lines.setAttribute("viewBox", `0 0 ${width} ${height}`);
      for (const { style } of [lines, sheet])
        Object.assign(style, { width: `${width}em`, height: `${height}em` });
      buttons = new Map(tree.nodes.map((node) => [node, candidate(node)]));
      heads = tree.steps.map((_, i) => {
        const head = element("span", { class: "dx-beam-head" });
        Object.assign(head.style, { left: `${left(i + 1)}em`, width: `${WIDTH}em` });
        return head;
      });
      sheet.replaceChildren(lines, ...heads, ...buttons.values());
      chosen = null;
      isPicked = false;
    }

    /** @param {BeamNode} node */
    function candidate(node) {
      const button = element(
        "button",
        {
          type: "button",
          tabindex: "-1",
          class: "dx-beam-node",
          "data-dx-fate": node.fate,
          onfocus: () => pick(node),
          onclick: () => pick(node),
          onmouseenter: () => {
            detail.textContent = story(node, scene);
          },
          onmouseleave: () => mark(),
        },
        element("span", { class: "dx-beam-token", text: showToken(node.token) }),
        element("span", { class: "dx-beam-marks" }),
        element("span", { class: "dx-beam-total", text: digits(node.total) }),
      );
      Object.assign(button.style, { left: `${left(node.length)}em`, top: `${top(node)}em` });
      return button;
    }

    /** The lines, and the words below the tree; both depend on which candidate is chosen. */
    function mark() {
      const visible = scene.tree.nodes.filter((node) => node.length <= scene.shown);
      const path = new Set(pathOf(chosen));
      lines.replaceChildren(
        ...visible.flatMap((node) => kindsOf(node, scene, path).map((kind) => edge(node, kind))),
      );
      for (const [node, button] of buttons)
        button.setAttribute("aria-pressed", String(path.has(node)));
      detail.textContent = chosen
        ? story(chosen, scene)
        : "Nothing is expanded yet: there is only the prompt.";
    }

    return {
      node: element("div", { class: "dx-beam-tree" }, box, detail),
      update() {
        const { tree, shown, now } = scene;
        const isNew = drawn.tree !== tree;
        if (isNew) build();
        for (const [i, head] of heads.entries()) {
          head.hidden = i >= shown;
          head.textContent = `step ${i + 1}${scene.end.stop !== null && i >= scene.end.stop ? "\nnot reached" : ""}`;
        }
        for (const [node, button] of buttons) {
          button.hidden = node.length > shown;
          button.classList.toggle("dx-beam-late", isLate(node, scene.end));
          button.children[1].textContent = symbols(node, now);
          button.setAttribute("aria-label", story(node, scene));
        }
        const before = chosen;
        if (!isPicked || (chosen && chosen.length > shown)) {
          isPicked = false;
          choose(now.finished[0] ?? tree.steps[shown - 1]?.[0] ?? null);
        }
        const isHidden = scene.hidden();
        if (isNew || drawn.isHidden !== isHidden)
          box.scrollLeft = 0; // a tree is read from its root
        else if (drawn.shown !== shown) show(shown);
        else if (chosen && chosen !== before) show(chosen.length);
        drawn = { tree, shown, isHidden };
        mark();
      },
    };
  }

  /** Where the arrow keys lead from a candidate.
   * @type {(tree: BeamTree, node: BeamNode) => Map<string, BeamNode | "none">} */
  function neighbours(tree, node) {
    const step = tree.steps[node.length - 1];
    return new Map(
      Object.entries({
        ArrowLeft: node.parent ?? "none",
        ArrowRight: node.children[0] ?? "none",
        ArrowUp: step[node.row - 1] ?? "none",
        ArrowDown: step[node.row + 1] ?? "none",
      }),
    );
  }

  /** @type {(node: BeamNode, now: Outcome) => string} */
  const symbols = (node, now) =>
    [
      node.fate === "pruned" ? "✕" : node.fate === "finished" ? "■" : "",
      node.greedy ? "◆" : "",
      node === now.finished[0] ? "★" : "",
    ].join("");

  /** @type {(node: BeamNode, scene: BeamScene, path: Set<BeamNode>) => string[]} */
  const kindsOf = (node, { end }, path) => [
    isLate(node, end) ? "late" : node.fate === "pruned" ? "pruned" : "kept",
    ...(node.greedy ? ["greedy"] : []),
    ...(path.has(node) ? ["chosen"] : []),
  ];

  /** @type {(node: BeamNode, kind: string) => SVGElement} */
  function edge(node, kind) {
    const [x, y] = [left(node.length), top(node) + HEIGHT / 2];
    const [fromX, fromY] = node.parent
      ? [left(node.parent.length) + WIDTH, top(node.parent) + HEIGHT / 2]
      : [0, HEAD + HEIGHT / 2];
    const middle = (fromX + x) / 2;
    const d = `M${fromX} ${fromY} C${middle} ${fromY} ${middle} ${y} ${x} ${y}`;
    return svg("path", { class: `dx-edge dx-edge-${kind}`, d });
  }

  beams.diagram = diagram;
})();
