// @ts-check
/* The selected step of a text: what came, what was expected, and what the thresholds call it. */
(() => {
  const { element, svg, showToken, showProbability, percent, parts, entropy } =
    globalThis.DecodeExplorer;
  const { shapes, actions, temperatureAt } = entropy;

  const WORDS_BEFORE = 90; // characters

  /** @type {Entropy["glyph"]} */
  const glyph = (name) =>
    svg(
      "svg",
      { class: `dx-glyph dx-${name}`, viewBox: "-6 -6 12 12", "aria-hidden": "true" },
      svg("path", { d: shapes[name] }),
    );

  /** @param {EntropyScene} scene */
  function selected(scene) {
    const { data } = scene;
    const facts = {
      surprisal: parts.fact("surprisal", "Surprisal", "b"),
      entropy: parts.fact("entropy", "Entropy", "b"),
      varentropy: parts.fact("varentropy", "Varentropy", "b"),
      adaptive: parts.fact("adaptive", "Adaptive T", "b"),
    };
    facts.surprisal.node.append(" nats");
    facts.entropy.node.append(" nats");
    facts.varentropy.node.append(" nats²");
    const before = element("span");
    const came = element("b", { class: "dx-came", "data-dx": "token" });
    const badge = element("p", { class: "dx-quadrant" });
    const rows = Array.from(
      { length: Math.max(...data.texts.map(({ top }) => top[0].length)) },
      candidate,
    );
    const note = element("p", { class: "dx-rest" });
    const node = element(
      "div",
      { class: "dx-selected", "data-dx": "selected" },
      element("p", { class: "dx-prompt" }, before, came),
      badge,
      element("div", { class: "dx-facts" }, ...Object.values(facts).map((fact) => fact.node)),
      element("p", { class: "dx-axis", text: "Most probable here" }),
      element(
        "div",
        { class: "dx-candidates", "data-dx": "candidates" },
        ...rows.map((row) => row.node),
      ),
      note,
    );
    return {
      node,
      update() {
        node.hidden = scene.hidden();
        const { record, at, names } = scene;
        const i = at - 1;
        const words = record.tokens.slice(0, at).join("");
        before.textContent = (words.length > WORDS_BEFORE ? "…" : "") + words.slice(-WORDS_BEFORE);
        came.textContent = showToken(record.tokens[at]);
        badge.replaceChildren(
          glyph(names[i]),
          element("b", { text: names[i], "data-dx": "quadrant" }),
          `: ${actions[names[i]]}`,
        );
        for (const key of /** @type {const} */ (["surprisal", "entropy", "varentropy"])) {
          facts[key].value.textContent = record[key][i].toFixed(3);
        }
        const temperature = temperatureAt(record.entropy[i], data.temperature);
        facts.adaptive.value.textContent = temperature === 1 ? "1 (off)" : temperature.toFixed(3);
        for (const [rank, row] of rows.entries())
          row.update(record.top[i], rank, record.tokens[at]);
        note.textContent = `What came had p = ${showProbability(Math.exp(-record.surprisal[i]))}.`;
      },
    };
  }

  function candidate() {
    const token = element("span", { class: "dx-token" });
    const bar = element("span", { class: "dx-bar-after" });
    const p = element("span");
    const node = element(
      "div",
      { class: "dx-row" },
      token,
      element("span", { class: "dx-track" }, bar),
      p,
    );
    return {
      node,
      /** @type {(top: Array<[string, number]>, rank: number, came: string) => void} */
      update(top, rank, came) {
        node.hidden = rank >= top.length;
        if (node.hidden) return;
        const [text, probability] = top[rank];
        token.textContent = showToken(text);
        token.classList.toggle("dx-chosen", text === came);
        p.textContent = showProbability(probability);
        bar.style.width = percent((100 * probability) / top[0][1]);
      },
    };
  }

  Object.assign(entropy, { glyph, selected });
})();
