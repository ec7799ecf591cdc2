/* The beam explorer: the tree of a beam search, one step after the other, with what it pruned. */
(function () {
  "use strict";

  const { element, showToken, parts, register } = globalThis.DecodeExplorer;

  const SETTINGS = ["num_beams", "step", "length_penalty", "early_stopping"];
  const RULES = [
    { value: "false", setting: false, label: "False" },
    { value: "true", setting: true, label: "True" },
    { value: "never", setting: "never", label: "\"never\"" },
  ];
  // Of the tree, in units of its font size.
  const [ROOT, WIDTH, GAP, HEIGHT, LINE, HEAD] = [1.4, 6.1, 1.4, 2.8, 3.2, 2.7];

  // ---- arithmetic, as in decodelib's BeamSearch and beam_record.py ---------------------------------

  /** The nodes of one recorded width, by step and best first, and greedy's path among them. */
  function unpack({ num_beams: width, greedy, nodes: packed }) {
    const nodes = packed.map(([parent, length, token, logprob, total, fate], index) =>
      ({ index, parent, length, token, logprob, total, fate, row: 0, children: [], greedy: greedy.includes(index) }));
    const steps = [];
    for (const node of nodes) {
      node.parent = node.parent === null ? null : nodes[node.parent];
      if (node.parent) node.parent.children.push(node);
      const step = (steps[node.length - 1] ||= []);
      node.row = step.push(node) - 1;
    }
    return { width, nodes, steps };
  }

  const score = (node, lengthPenalty) => node.total / node.length ** lengthPenalty;

  /** What the search holds after `until` steps: the step it stopped after (null: it is still
   *  running) and its finished hypotheses, best first. */
  function replay({ width, steps }, { lengthPenalty, earlyStopping, maxNewTokens, until }) {
    let finished = [];
    for (let length = 1; length <= until; length++) {
      const step = steps[length - 1] || [];
      const ended = step.filter(({ fate }) => fate === "finished");
      finished = [...finished, ...ended]
        .sort((a, b) => score(b, lengthPenalty) - score(a, lengthPenalty)).slice(0, width);
      const best = step.find(({ fate }) => fate === "kept");
      if (!best || isDecided(best)) return { stop: length, finished };
    }
    return { stop: null, finished };

    function isDecided(best) {
      if (finished.length < width) return false;
      if (earlyStopping === true || width === 1) return true;
      const length = earlyStopping === "never" && lengthPenalty > 0 ? maxNewTokens : best.length;
      return best.total / length ** lengthPenalty <= score(finished[finished.length - 1], lengthPenalty);
    }
  }

  const pathOf = (node) => (node ? [...pathOf(node.parent), node] : []);
  const textOf = (node) => pathOf(node).map(({ token }) => token).join("");

  // ---- the page --------------------------------------------------------------------------------------

  const digits = (x) => x.toFixed(3).replace("-", "−");
  const showP = (x) => (x >= 0.001 ? x.toFixed(3) : x.toExponential(1));
  const svg = (tag, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };

  function render({ model, el }) {
    const data = model.get("data");
    const trees = new Map(data.trees.map((packed) => [packed.num_beams, unpack(packed)]));
    const last = data.max_new_tokens;
    let mounted = null;
    let tree, shown, now, end; // the tree, the steps shown, the outcome so far, and the final one

    const set = (changes) => parts.change(model, changes);
    const announce = (message) => mounted && mounted.announce(message);
    const hidden = () => views.prediction.hidden();
    const outcome = (until) => replay(tree, {
      lengthPenalty: model.get("length_penalty"), earlyStopping: model.get("early_stopping"),
      maxNewTokens: last, until });
    const isLate = (node) => end.stop !== null && node.length > end.stop;

    function update() {
      tree = trees.get(model.get("num_beams"));
      shown = hidden() ? Math.min(1, last) : model.get("step");
      now = outcome(shown);
      end = hidden() ? { stop: null, finished: [] } : outcome(last);
      for (const view of Object.values(views)) view.update();
    }

    function header() {
      const bar = parts.titleBar({ model,
        source: () => `${data.model ? `${data.model}, ` : ""}${last} new tokens` });
      const prompt = element("p", { class: "dx-prompt", text: data.prompt, hidden: !data.prompt });
      return { node: element("div", { class: "dx-header" }, bar.node, prompt), update: bar.update };
    }

    function controls() {
      const widths = parts.choice({
        legend: "Beams", options: data.trees.map(({ num_beams: k }) => ({ value: k, label: String(k) })),
        get: () => model.get("num_beams"), set: (k) => set({ num_beams: k }) });
      widths.node.hidden = data.trees.length < 2;
      const step = parts.knob({
        name: "step", label: "Steps shown", scale: parts.linear(0, last, 1), min: 0, max: last, integer: true,
        get: () => model.get("step"), set: (value) => set({ step: value }), valueText: (value) => `${value} of ${last}` });
      const penalty = parts.knob({
        name: "length_penalty", label: "Length penalty", scale: parts.linear(-2, 3, 0.1), min: -10, max: 10,
        get: () => model.get("length_penalty"), set: (value) => set({ length_penalty: value }) });
      const rule = parts.choice({
        legend: "Early stopping", options: RULES,
        get: () => String(model.get("early_stopping")),
        set: (value) => set({ early_stopping: RULES.find((one) => one.value === value).setting }) });
      const move = (by, text) => element("button", { type: "button", text,
        onclick: () => set({ step: Math.min(last, Math.max(0, model.get("step") + by)) }) });
      const reset = element("button", { type: "button", class: "dx-reset", text: "Reset", onclick: () => set(data.initial) });
      const buttons = [move(-1, "Step back"), move(1, "Next step"), reset];
      return {
        node: element("div", { class: "dx-beam-controls" }, widths.node, step.node, penalty.node, rule.node,
          element("div", { class: "dx-buttons" }, ...buttons)),
        update() {
          for (const part of [widths, step, penalty, rule]) part.update({ disabled: hidden() });
          for (const button of buttons) button.disabled = hidden();
        },
      };
    }

    // ---- what the search holds ---------------------------------------------------------------------

    function greedyStory() {
      const path = tree.nodes.filter((node) => node.greedy);
      const leaf = path[path.length - 1];
      if (leaf && now.stop !== null && leaf.length > now.stop) return "unfinished";
      if (leaf && leaf.length <= shown && leaf.fate === "pruned") return `pruned at step ${leaf.length}`;
      return leaf && leaf.length <= shown && leaf.fate === "finished" ? "finished" : "in the beam";
    }

    const state = () => (now.stop === null ? `still running after step ${shown}` : `stopped after step ${now.stop}`);

    function readout() {
      const values = {};
      const fact = (key, name) => element("p", { class: "dx-fact" },
        element("span", { class: "dx-fact-name", text: name }), " ",
        (values[key] = element("span", { class: "dx-fact-value", "data-dx": key })));
      const node = element("div", { class: "dx-readout dx-beam-facts" },
        fact("returned", "Best finished"), fact("score", "Its score"), fact("state", "The search"),
        fact("greedy", "◆ Greedy's path"));
      return {
        node,
        update() {
          const [best] = now.finished;
          const penalty = model.get("length_penalty");
          values.returned.textContent = hidden() ? "?" : best ? textOf(best) : "none yet";
          values.score.textContent = hidden() ? "?" : best ? digits(score(best, penalty)) : "none yet";
          values.state.textContent = hidden() ? "?" : state();
          values.greedy.textContent = hidden() ? "?" : greedyStory();
          announce(hidden() ? "The answer is hidden until you predict it."
            : `${tree.width} beams, ${state()}. ${best
              ? `Best finished: ${textOf(best)}, score ${digits(score(best, penalty))}.` : "Nothing has finished."}`);
        },
      };
    }

    // ---- the tree ----------------------------------------------------------------------------------

    const symbols = (node) => [
      node.fate === "pruned" ? "✕" : node.fate === "finished" ? "■" : "",
      node.greedy ? "◆" : "", node === now.finished[0] ? "★" : ""].join("");

    function story(node) {
      const penalty = model.get("length_penalty");
      const facts = [`${showToken(textOf(node))}: p = ${showP(Math.exp(node.logprob))} for the last token, `
        + `sum of ln p ${digits(node.total)}, ${node.fate} at step ${node.length}`];
      if (node.fate === "finished") facts.push(`score ${digits(score(node, penalty))}`);
      if (node.greedy) facts.push("on greedy's path");
      if (node === now.finished[0]) facts.push("the best finished");
      if (isLate(node)) facts.push("the search has stopped before it");
      return `${facts.join(", ")}.`;
    }

    function diagram() {
      const lines = svg("svg", { class: "dx-beam-lines", "aria-hidden": "true", focusable: "false" });
      const sheet = element("div", { class: "dx-beam-sheet" });
      const box = element("div", { class: "dx-scroll dx-beam-box", role: "group",
        "aria-label": "Tree. Arrow keys move: left to what a candidate extends, right to its best continuation, up and down within a step." }, sheet);
      const detail = element("p", { class: "dx-beam-detail", "data-dx": "node" });
      const left = (length) => ROOT + (length - 1) * (WIDTH + GAP);
      const top = (node) => HEAD + node.row * LINE;
      let built = null;
      let chosen = null; // the candidate whose path is marked; the best finished until the reader picks
      let picked = false;
      let buttons = new Map();

      /** Make a candidate, or none, the chosen one: the only one that the Tab key stops at. */
      function choose(node) {
        if (chosen) buttons.get(chosen).tabIndex = -1;
        chosen = node;
        if (node) buttons.get(node).tabIndex = 0;
        box.tabIndex = node ? -1 : 0; // with no candidate to focus, the box itself scrolls by keys
      }

      function pick(node) {
        picked = true;
        choose(node);
        mark();
      }

      function show(length) { // scrolls the column into sight, unless the reader is in the tree
        if (!length || box.contains(document.activeElement)) return;
        const em = parseFloat(getComputedStyle(sheet).fontSize);
        box.scrollLeft = (left(length) + WIDTH + 0.5) * em - box.clientWidth;
      }

      function onkeydown(event) {
        if (!chosen) return;
        const step = tree.steps[chosen.length - 1];
        const to = {
          ArrowLeft: chosen.parent, ArrowRight: chosen.children[0],
          ArrowUp: step[chosen.row - 1], ArrowDown: step[chosen.row + 1],
        };
        if (!(event.key in to)) return;
        event.preventDefault();
        event.stopPropagation();
        const node = to[event.key];
        if (node && node.length <= shown) buttons.get(node).focus();
      }
      sheet.addEventListener("keydown", onkeydown);

      function build() {
        const rows = Math.max(...tree.steps.map((step) => step.length));
        const [width, height] = [left(last) + WIDTH + 0.2, HEAD + rows * LINE];
        lines.setAttribute("viewBox", `0 0 ${width} ${height}`);
        for (const one of [lines, sheet]) Object.assign(one.style, { width: `${width}em`, height: `${height}em` });
        buttons = new Map(tree.nodes.map((node) => {
          const button = element("button", {
            type: "button", tabindex: "-1", class: "dx-beam-node", "data-dx-fate": node.fate,
            onfocus: () => pick(node), onclick: () => pick(node),
            onmouseenter: () => { detail.textContent = story(node); }, onmouseleave: () => mark() },
          element("span", { class: "dx-beam-token", text: showToken(node.token) }),
          element("span", { class: "dx-beam-marks" }),
          element("span", { class: "dx-beam-total", text: digits(node.total) }));
          Object.assign(button.style, { left: `${left(node.length)}em`, top: `${top(node)}em` });
          return [node, button];
        }));
        const heads = tree.steps.map((_, i) => {
          const head = element("span", { class: "dx-beam-head" });
          Object.assign(head.style, { left: `${left(i + 1)}em`, width: `${WIDTH}em` });
          return head;
        });
        sheet.replaceChildren(lines, ...heads, ...buttons.values());
        built = { tree, heads, shown };
        chosen = null;
        picked = false;
      }

      function edge(node, kind) {
        const [x, y] = [left(node.length), top(node) + HEIGHT / 2];
        const { parent } = node;
        const [fromX, fromY] = parent ? [left(parent.length) + WIDTH, top(parent) + HEIGHT / 2] : [0, HEAD + HEIGHT / 2];
        const middle = (fromX + x) / 2;
        return svg("path", { class: `dx-edge dx-edge-${kind}`,
          d: `M${fromX} ${fromY} C${middle} ${fromY} ${middle} ${y} ${x} ${y}` });
      }

      /** The lines, and the words below the tree; both depend on which candidate is chosen. */
      function mark() {
        const visible = tree.nodes.filter((node) => node.length <= shown);
        const path = new Set(pathOf(chosen));
        const kinds = (node) => [
          isLate(node) ? "late" : node.fate === "pruned" ? "pruned" : "kept",
          ...(node.greedy ? ["greedy"] : []), ...(path.has(node) ? ["chosen"] : [])];
        lines.replaceChildren(...visible.flatMap((node) => kinds(node).map((kind) => edge(node, kind))));
        for (const [node, button] of buttons) button.setAttribute("aria-pressed", String(path.has(node)));
        detail.textContent = chosen ? story(chosen) : "Nothing is expanded yet: there is only the prompt.";
      }

      return {
        node: element("div", { class: "dx-beam-tree" }, box, detail),
        update() {
          if (!built || built.tree !== tree) build();
          built.heads.forEach((head, i) => {
            head.hidden = i >= shown;
            const late = end.stop !== null && i >= end.stop;
            head.textContent = `step ${i + 1}${late ? "\nnot reached" : ""}`;
          });
          for (const [node, button] of buttons) {
            button.hidden = node.length > shown;
            button.classList.toggle("dx-beam-late", isLate(node));
            button.children[1].textContent = symbols(node);
            button.setAttribute("aria-label", story(node));
          }
          const before = chosen;
          if (!picked || chosen.length > shown) {
            picked = false;
            choose(now.finished[0] || (tree.steps[shown - 1] || [])[0] || null);
          }
          if (built.shown !== shown) show(shown);
          else if (chosen !== before) show(chosen && chosen.length);
          built.shown = shown;
          mark();
        },
      };
    }

    // ---- the finished hypotheses --------------------------------------------------------------------

    /** Every hypothesis that has finished so far, best score first, and what the search does with it. */
    function finishers() {
      const penalty = model.get("length_penalty");
      return tree.nodes.filter((node) => node.fate === "finished" && node.length <= shown)
        .sort((a, b) => score(b, penalty) - score(a, penalty))
        .map((node) => ({ node, score: score(node, penalty), state: stateOf(node) }));
    }

    function stateOf(node) {
      if (node === now.finished[0]) return now.stop === null ? "★ best so far" : "★ returned";
      if (now.finished.includes(node)) return "held";
      return isLate(node) ? "not reached: the search has stopped" : `not among the best ${tree.width}`;
    }

    function ranking() {
      const list = element("ol", { class: "dx-finished", "data-dx": "finished" });
      const greedy = element("p", { class: "dx-rest" });
      return {
        node: element("div", { class: "dx-beam-ranking" },
          element("p", { class: "dx-beam-title", text: "Finished hypotheses: score = sum of ln p / length^length penalty" }), list, greedy),
        update() {
          const all = hidden() ? [] : finishers();
          list.replaceChildren(...all.map(({ node, score: value, state: what }) => element("li", {},
            element("b", { class: "dx-beam-score", text: digits(value) }),
            element("span", { class: "dx-beam-text", text: textOf(node) }),
            element("span", { class: "dx-quiet", text: `${digits(node.total)} / ${node.length}^${model.get("length_penalty")}${node.greedy ? ", ◆ greedy" : ""}` }),
            element("span", { class: "dx-badge", text: what }))));
          greedy.textContent = hidden() ? "Hidden until you predict."
            : `${all.length ? "" : "None yet. "}◆ Greedy decoding returns “${data.greedy.text}”, sum of ln p ${digits(data.greedy.total)}.`;
        },
      };
    }

    const rowsOfTable = () => tree.nodes.filter((node) => node.length <= shown).map((node) => [
      node.length, showToken(textOf(node)), node.logprob.toFixed(4), node.total.toFixed(4),
      node.fate === "finished" ? score(node, model.get("length_penalty")).toFixed(4) : "",
      [node.fate, node.greedy ? "greedy's path" : "", isLate(node) ? "not reached" : ""].filter(Boolean).join(", ")]);

    const code = () => {
      const rule = { true: "True", false: "False", never: "\"never\"" }[model.get("early_stopping")];
      const k = model.get("num_beams");
      return [
        "import decodelib as dl", "",
        `lm = ${data.source}`,
        `strategy = dl.BeamSearch(${k}, length_penalty=${model.get("length_penalty")}, early_stopping=${rule}, num_return_sequences=${now.finished.length && now.stop !== null ? now.finished.length : 1})`,
        `best = dl.generate(lm, ${JSON.stringify(data.prompt)}, strategy, max_new_tokens=${last}, trace=True)`,
        "for found in (best, *best.alternatives):",
        "    print(f\"{found.score:.4f} {found.text!r}\")",
        "print(best.tree)",
      ].join("\n");
    };

    const answer = () => {
      const { answer: value } = data.predict;
      return { value, text: String(value) };
    };

    const views = {
      header: header(),
      prediction: parts.prediction({ model, answer, next: "Now walk through the steps." }),
      controls: controls(), readout: readout(), tree: diagram(),
      key: { node: element("p", { class: "dx-rest", text:
        "Numbers: sum of ln p. ✕ and dashed: pruned. ■ finished. ★ the best finished. ◆ and dotted: greedy's path." }), update() {} },
      ranking: ranking(),
      table: parts.table({ summary: "The tree as a table", rowHeader: 1,
        columns: ["step", "text", "ln p of the last", "sum of ln p", "score", "what became of it"], rows: rowsOfTable }),
      code: parts.sharing({ model, code }),
    };
    mounted = parts.assemble({ model, el, views, settings: SETTINGS, update });
    return mounted;
  }

  globalThis.DecodeExplorer.beams = { unpack, replay, score };
  register("beams", render);
})();
