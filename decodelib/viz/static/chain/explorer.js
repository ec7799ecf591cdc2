// @ts-check
/* The chain explorer: power sampling move by move, each proposal beside the text it may replace. */
(() => {
  const { element, svg, showToken, parts, player } = globalThis.DecodeExplorer;

  const WIDTH = 600;
  const HEIGHT = 130;
  const KEY =
    "The line is ln p of the text after each move. A dot is the text that was proposed: filled if it " +
    "was accepted, hollow if it was rejected. The broken line marks the move shown.";

  /** @param {Page<ChainData>} page */
  function create(page) {
    const scene = sceneOf(page);
    const known = page.data.predict?.answer; // at the alpha of the start, whatever is shown now
    const answer = () => ({ value: known, text: String(known) });
    const below = [element("p", { class: "dx-prompt", text: page.data.prompt })];
    const views = [
      parts.header({ page, source: () => `${page.data.num_moves} moves`, below }),
      parts.prediction({
        page,
        answer,
        depends: ["alpha"],
        next: "Now walk along the moves, and change alpha.",
      }),
      controls(scene),
      strip(scene),
      texts(scene),
      facts(scene),
      parts.note(KEY),
      parts.table({
        summary: "The moves as a table",
        columns: ["move", "kept", "ln p", "log ratio", "acceptance", "drawn", "fate"],
        rows: () => (page.hidden() ? [] : scene.moves.slice(1).map(row)),
      }),
      parts.sharing({ model: page.model, code: () => asCode(page.data, page.get("alpha")) }),
    ];
    return { views, look: scene.look };
  }

  /** @type {(moves: ChainMove[]) => number} */
  const accepted = (moves) => moves.slice(1).filter((move) => move.accepted).length;

  /** @param {Page<ChainData>} page */
  function sceneOf(page) {
    const { data, get } = page;
    const scene = /** @type {ChainScene} */ (Object.create(page));
    const look = () => {
      const chain = data.chains.find(({ alpha }) => alpha === get("alpha")) ?? data.chains[0];
      scene.moves = chain.moves;
      scene.at = page.hidden() ? 1 : get("move");
      scene.move = scene.moves[scene.at];
      scene.before = scene.moves[scene.move.before];
    };
    /** @type {ChainScene["change"]} */
    const change = (values) => {
      page.set(values);
      page.announce(told(scene));
    };
    look();
    return Object.assign(scene, { look, change });
  }

  /** @type {(scene: ChainScene) => string} */
  const told = ({ at, move, hidden }) =>
    hidden()
      ? "The moves are hidden until you predict."
      : `Move ${at}: ${move.place} tokens kept, ln p ${signed(move.logprob)}, ` +
        `acceptance ${move.acceptance.toFixed(4)}, ${fate(move)}.`;

  /** @param {ChainMove} move */
  const fate = (move) => (move.accepted ? "accepted" : "rejected");

  /** @param {number} value */
  const signed = (value) =>
    value
      .toFixed(2)
      .replace(/^-0\.00$/, "0.00")
      .replace("-", "−");

  /** Which chain, and which of its moves.
   * @param {ChainScene} scene */
  function controls({ data, get, change, hidden }) {
    const last = data.num_moves;
    const alphas = data.chains.map(({ alpha }) => alpha);
    const recorded = parts.stops(alphas, Number.NaN);
    const nearest = (/** @type {number} */ value) => recorded.toValue(recorded.fromValue(value));
    const alpha = parts.knob({
      name: "alpha",
      label: "Alpha",
      min: alphas[0],
      max: alphas[alphas.length - 1],
      scale: recorded,
      get: () => get("alpha"),
      set: (value) => change({ alpha: nearest(value) }),
    });
    const place = parts.knob({
      name: "move",
      label: "Move",
      min: 1,
      max: last,
      integer: true,
      scale: parts.linear(1, last, 1),
      get: () => get("move"),
      set: (value) => change({ move: value }),
      valueText: (value) => `${value} of ${last}`,
    });
    const go = (/** @type {number} */ by) => () => {
      const to = get("move") + by;
      if (!hidden() && to >= 1 && to <= last) change({ move: to });
    };
    const back = parts.button("Back", go(-1), { "data-dx": "back" });
    const step = parts.button("Step", go(1), { "data-dx": "step" });
    const reset = parts.button("Reset", () => change(data.initial), { class: "dx-reset" });
    return {
      node: element(
        "div",
        { class: "dx-chain-controls" },
        alpha.node,
        place.node,
        element("div", { class: "dx-buttons" }, back, step, reset),
      ),
      update() {
        const isHidden = hidden();
        for (const knob of [alpha, place]) knob.update({ disabled: isHidden });
        // aria-disabled, so that a button keeps the focus when it reaches an end
        back.setAttribute("aria-disabled", String(isHidden || get("move") === 1));
        step.setAttribute("aria-disabled", String(isHidden || get("move") === last));
      },
    };
  }

  /** ln p of the text after each move, and of every proposal.
   * @param {ChainScene} scene */
  function strip(scene) {
    const x = (/** @type {number} */ place) => 10 + ((WIDTH - 20) * place) / scene.data.num_moves;
    const here = svg("line", { class: "dx-chain-here", y1: "0", y2: String(HEIGHT) });
    const line = svg("polyline", { class: "dx-chain-line", points: "" });
    const dots = svg("g");
    const drawing = svg(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "dx-chain-strip", role: "img" },
      here,
      line,
      dots,
    );
    const scale = element("p", { class: "dx-rest" });
    const node = element("div", { class: "dx-chain-chart" }, drawing, scale);
    /** @type {ChainMove[] | null} */
    let drawn = null;
    function draw() {
      drawn = scene.moves;
      const all = drawn.map(({ logprob }) => logprob);
      const [low, high] = [Math.min(...all), Math.max(...all)];
      const y = (/** @type {number} */ value) =>
        10 + ((HEIGHT - 20) * (high - value)) / (high - low || 1);
      scale.textContent = `ln p from ${signed(low)} at the bottom to ${signed(high)} at the top`;
      const after = drawn.map((move) => (drawn ?? [])[move.before]);
      const points = drawn.flatMap((move, i) => [
        `${x(i).toFixed(1)},${y(after[i].logprob).toFixed(1)}`,
        `${x(i).toFixed(1)},${y((move.accepted ? move : after[i]).logprob).toFixed(1)}`,
      ]);
      line.setAttribute("points", points.join(" "));
      dots.replaceChildren(
        ...drawn.map((move, i) =>
          svg("circle", {
            class: move.accepted ? "dx-chain-dot" : "dx-chain-dot dx-chain-rejected",
            cx: x(i).toFixed(1),
            cy: y(move.logprob).toFixed(1),
            r: "6",
          }),
        ),
      );
    }
    return {
      node,
      update() {
        node.hidden = scene.hidden();
        if (node.hidden) return;
        if (drawn !== scene.moves) draw();
        here.setAttribute("x1", x(scene.at).toFixed(1));
        here.setAttribute("x2", x(scene.at).toFixed(1));
        drawing.setAttribute("aria-label", `ln p along the moves. ${told(scene)}`);
      },
    };
  }

  /** The text as it is, above the one that is proposed; what they share is quiet.
   * @param {ChainScene} scene */
  function texts(scene) {
    const now = text("now", "Now");
    const next = text("next", "Proposed");
    return {
      node: element("div", { class: "dx-chain-texts", "data-dx": "texts" }, now.node, next.node),
      update() {
        const { move, before } = scene;
        now.show(before, move.place, "dx-chain-old");
        next.show(move, move.place, "dx-chain-new");
      },
    };
  }

  /** @type {(name: string, label: string) => {node: HTMLElement, show: (move: ChainMove, place: number, mark: string) => void}} */
  function text(name, label) {
    const words = element("p", { class: "dx-chain-text", "data-dx": name });
    const value = element("span", { class: "dx-chain-value" });
    const head = element(
      "p",
      { class: "dx-chain-head" },
      element("b", { text: label }),
      " ",
      value,
    );
    return {
      node: element("div", {}, head, words),
      show({ tokens, logprob }, place, mark) {
        const [kept, rest] = [tokens.slice(0, place), tokens.slice(place)].map((some) =>
          some.map(shown).join(""),
        );
        value.textContent = `ln p = ${signed(logprob)}`;
        words.replaceChildren(
          element("span", { class: "dx-chain-kept", text: kept }),
          element(mark === "dx-chain-old" ? "del" : "ins", { class: mark, text: rest }),
        );
      },
    };
  }

  /** @param {string} token */
  const shown = (token) =>
    player.isEndOfText(token) ? " ■" : token.replace(/\n/g, showToken) || "∅";

  /** @param {ChainScene} scene */
  function facts(scene) {
    const kept = parts.fact("kept", "Tokens kept");
    const power = parts.fact("power", "alpha × change of ln p");
    const proposals = parts.fact("proposals", "ln of proposals, back / there");
    const ratio = parts.fact("ratio", "Log ratio, their sum", "b");
    const chance = parts.fact("acceptance", "Acceptance probability", "b");
    const drawn = parts.fact("drawn", "Number drawn");
    const taken = parts.fact("fate", "So the proposal is", "b");
    const count = parts.fact("count", "Accepted so far");
    const all = [kept, power, proposals, ratio, chance, drawn, taken, count];
    return {
      node: element("div", { class: "dx-facts dx-chain-facts" }, ...all.map(({ node }) => node)),
      update() {
        const { move, moves, at, hidden } = scene;
        const show = (/** @type {string} */ known) => (hidden() ? "?" : known);
        kept.value.textContent = `${move.place} of ${scene.before.tokens.length}`;
        power.value.textContent = show(signed(move.power));
        proposals.value.textContent = show(signed(move.proposals));
        ratio.value.textContent = show(signed(move.ratio));
        chance.value.textContent = show(move.acceptance.toFixed(4));
        drawn.value.textContent = show(move.drawn.toFixed(4));
        taken.value.textContent = show(fate(move));
        count.value.textContent = show(`${accepted(moves.slice(0, at + 1))} of ${at}`);
      },
    };
  }

  /** @type {(move: ChainMove, i: number) => Array<string | number>} */
  const row = (move, i) => [
    i + 1,
    move.place,
    signed(move.logprob),
    signed(move.ratio),
    move.acceptance.toFixed(4),
    move.drawn.toFixed(4),
    fate(move),
  ];

  /** @type {(data: ChainData, alpha: number) => string} */
  const asCode = (data, alpha) =>
    [
      "import decodelib as dl",
      "",
      `lm = ${data.source}`,
      `strategy = dl.PowerSampling(${alpha}, num_moves=${data.num_moves}` +
        `${data.temperature === null ? "" : `, temperature=${data.temperature}`})`,
      `g = dl.generate(lm, ${JSON.stringify(data.prompt)}, strategy, ` +
        `max_new_tokens=${data.max_new_tokens}, seed=${data.seed})`,
      "for move in g.moves[1:]:",
      '    fate = "accepted" if move.accepted else "rejected"',
      '    print(f"{move.acceptance:.4f} {fate} {move.text!r}")',
    ].join("\n");

  parts.explorer("chain", ["alpha", "move"], create);
})();
