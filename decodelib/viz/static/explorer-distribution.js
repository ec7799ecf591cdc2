/* The next-token distribution explorer: sliders on the processors, bars before and after. */
(function () {
  "use strict";

  const { element, showToken, showProbability, showCount, parts, logits: arithmetic, register } =
    globalThis.DecodeExplorer;
  const { linear, counts, stops } = parts;

  const tenths = [4, 3, 2, 1].flatMap((e) => Array.from({ length: 9 }, (_, i) => Number(`${i + 1}e-${e}`)));
  const sigmas = Array.from({ length: 100 }, (_, i) => (i + 1) / 20);
  const STEPS = { // usual: where a step starts that the reader adds
    temperature: { label: "Temperature", processor: "Temperature", off: 1, usual: 0.7, slider: () => linear(0.05, 3, 0.05) },
    top_n_sigma: { label: "Top-nσ", processor: "TopNSigma", off: 0, usual: 1, slider: () => stops([...sigmas, 0], 0) },
    top_k: { label: "Top-k", processor: "TopK", off: 0, usual: 40, slider: counts },
    top_p: { label: "Top-p", processor: "TopP", off: 1, usual: 0.9, slider: () => linear(0.01, 1, 0.01) },
    min_p: { label: "Min-p", processor: "MinP", off: 0, usual: 0.05, slider: () => linear(0, 1, 0.01) },
    typical_p: { label: "Typical", processor: "Typical", off: 1, usual: 0.9, slider: () => linear(0.01, 1, 0.01) },
    eta: { label: "Eta", processor: "Eta", off: 0, usual: 0.002, slider: () => stops([0, ...tenths], 0) },
  };
  const SETTINGS = ["context", ...Object.keys(STEPS), "order", "seed", "draws"];
  const MAX_DRAWS = 10000;
  const TABLE_ROWS = 50;

  /** Tokens and logits as Python source: in the order of their ids, or, where only the most probable
   *  came with their texts, all logits from the largest down, packed as they came. */
  function rowAsCode({ ids, tokens, logits, tail }) {
    if (tail.length) {
      return [
        `tokens = ${JSON.stringify(tokens)}  # the most probable`,
        `logits = unpack({"logits": ${JSON.stringify(logits)}, "tail": ${JSON.stringify(tail)}})[None]`,
      ];
    }
    const ranks = ids.map((id, rank) => [id, rank]).sort((a, b) => a[0] - b[0]).map(([, rank]) => rank);
    return [
      `tokens = ${JSON.stringify(ranks.map((rank) => tokens[rank]))}`,
      `logits = torch.tensor([[${ranks.map((rank) => logits[rank]).join(", ")}]], dtype=torch.float64)`,
    ];
  }

  /** Python source with the current settings. */
  function asCode(model, context) {
    const chain = model.get("order")
      .filter((name) => model.get(name) !== STEPS[name].off)
      .map((name) => `dl.${STEPS[name].processor}(${model.get(name)})`);
    const name = model.get("data").model;
    if (name === null) {
      return [
        "import torch", "import decodelib as dl",
        ...(context.tail.length ? ["from decodelib.viz.distribution.payload import unpack"] : []), "",
        ...rowAsCode(context),
        `process = dl.Chain(${chain.join(", ")})`,
        "probs = process(torch.empty(1, 0, dtype=torch.long), logits).softmax(-1)[0]",
        "print(dict(zip(tokens, probs.tolist())))",
      ].join("\n");
    }
    return [
      "import decodelib as dl", "",
      `lm = dl.load(${JSON.stringify(name)})`,
      `strategy = dl.Sampling(${chain.join(", ")})`,
      `generation = dl.generate(lm, ${JSON.stringify(context.prompt)}, strategy, max_new_tokens=40, seed=${model.get("seed")})`,
      "print(generation.full_text)",
    ].join("\n");
  }

  function render({ model, el }) {
    const data = model.get("data");
    const rows = {};
    let mounted = null;
    let context, row, result;

    const set = (changes) => parts.change(model, changes);
    const announce = (message) => mounted && mounted.announce(message);
    const hidden = () => views.prediction.hidden();
    const settings = () => Object.fromEntries([...Object.keys(STEPS), "order"].map((n) => [n, model.get(n)]));

    function select(label) {
      context = data.contexts.find((candidate) => candidate.label === label) || data.contexts[0];
      row = rows[context.label] ||= arithmetic.row(arithmetic.unpack(context));
    }

    /** One value of the distribution that a prediction can be about. */
    function answerTo({ answer }) {
      const start = data.initial;
      const record = data.contexts.find((candidate) => candidate.label === start.context);
      const outcome = arithmetic.apply(
        (rows[record.label] ||= arithmetic.row(arithmetic.unpack(record))), start);
      const values = {
        kept: outcome.kept, mass: outcome.mass, entropy: outcome.after.entropy,
        varentropy: outcome.after.varentropy, top_probability: outcome.pAfter(outcome.first),
      };
      const value = values[answer];
      return { value, text: Number.isInteger(value) ? showCount(value) : value.toFixed(4) };
    }

    function update() {
      select(model.get("context"));
      result = arithmetic.apply(row, settings());
      for (const view of Object.values(views)) view.update();
    }

    // ---- the parts, in reading order; each has a node and an update ------------------------------

    function header() {
      const bar = parts.titleBar({ model,
        source: () => (data.model ? `${data.model}, ` : "") + `${showCount(context.vocab)} tokens` });
      const prompt = element("p", { class: "dx-prompt" });
      return {
        node: element("div", { class: "dx-header" }, bar.node, prompt),
        update() {
          bar.update();
          prompt.hidden = !context.prompt;
          prompt.replaceChildren(context.prompt || "", element("span", { class: "dx-blank", text: "?" }));
        },
      };
    }

    function contextPicker() {
      const picker = parts.choice({
        legend: "Context", options: data.contexts.map(({ label }) => ({ value: label, label })),
        get: () => context.label, set: (label) => set({ context: label }) });
      picker.node.hidden = data.contexts.length < 2;
      return { node: picker.node, update: () => picker.update({ disabled: hidden() }) };
    }

    const scales = {}; // by the size of the vocabulary

    // ---- the steps: those that the chapter names, those that do something, those that were added ---

    const added = new Set(data.knobs);
    const shownSteps = () => model.get("order").filter((name) => added.has(name));

    function step(name) {
      const { label, off } = STEPS[name];
      const { type, min, max } = data.limits[name];
      const knob = parts.knob({
        name, label, min, integer: type === "integer", max: max ?? (() => context.vocab),
        scale: () => ((scales[context.vocab] ||= {})[name] ||= STEPS[name].slider(context.vocab)),
        get: () => model.get(name), set: (value) => set({ [name]: value }),
        valueText: (value) => (value === off ? `${value} (off)` : String(value)) });
      const move = (by, word, arrow) => element("button", {
        type: "button", class: "dx-move", "aria-label": `Apply ${label} ${word}`, title: `Apply ${word}`,
        text: arrow,
        onclick: (event) => {
          const shown = shownSteps();
          const at = shown.indexOf(name);
          const neighbour = shown[at + by];
          if (hidden() || !neighbour) return;
          const places = { [name]: neighbour, [neighbour]: name };
          set({ order: model.get("order").map((other) => places[other] || other) });
          event.currentTarget.focus(); // moving a node in the document takes the focus from it
          announce(`${label} is now step ${at + by + 1} of ${shown.length}. ${sentence()}`);
        } });
      const [earlier, later] = [move(-1, "earlier", "↑"), move(1, "later", "↓")];
      const effect = element("span", { class: "dx-effect" });
      const node = element("li", { class: "dx-step", "data-dx": `${name}-step` },
        knob.node, effect, element("span", { class: "dx-moves" }, earlier, later));
      return {
        node,
        focus: () => node.querySelector("input").focus(),
        update(isFirst, isLast) {
          const value = model.get(name);
          knob.update({ disabled: hidden() });
          earlier.setAttribute("aria-disabled", String(hidden() || isFirst));
          later.setAttribute("aria-disabled", String(hidden() || isLast));
          node.classList.toggle("dx-off", value === off);
          effect.textContent = value === off ? "off" : hidden() ? "?"
            : name === "temperature" ? (value < 1 ? "sharper" : "flatter")
              : `${showCount(result.steps.find((s) => s.name === name).kept)} left`;
        },
      };
    }

    function steps() {
      const controls = Object.fromEntries(Object.keys(STEPS).map((name) => [name, step(name)]));
      const list = element("ol", { class: "dx-steps", "aria-label": "Processors, in the order applied" });
      const adders = Object.entries(STEPS).map(([name, { label, usual }]) => ({
        name, node: element("button", {
          type: "button", "aria-label": `Add ${label}`, text: `+ ${label}`, "data-dx": `add-${name}`,
          onclick() {
            set({ [name]: usual });
            controls[name].focus();
            announce(`${label} is now step ${shownSteps().indexOf(name) + 1}. ${sentence()}`);
          } }) }));
      const more = element("div", { class: "dx-add", role: "group", "aria-label": "More processors" },
        ...adders.map((adder) => adder.node));
      let shown = "";
      return {
        node: element("div", {}, list, more),
        update() {
          for (const name of Object.keys(STEPS)) if (model.get(name) !== STEPS[name].off) added.add(name);
          const names = shownSteps();
          if (shown !== names.join()) {
            list.replaceChildren(...names.map((name) => controls[name].node));
            shown = names.join();
          }
          names.forEach((name, i) => controls[name].update(i === 0, i === names.length - 1));
          for (const { name, node } of adders) {
            node.hidden = added.has(name);
            node.disabled = hidden();
          }
          more.hidden = adders.every(({ name }) => added.has(name));
        },
      };
    }

    function reset() {
      set(data.initial);
      added.clear();
      for (const name of data.knobs) added.add(name);
      update();
    }

    const sentence = () => `${showCount(result.kept)} of ${showCount(context.vocab)} tokens kept, `
      + `mass ${result.mass.toFixed(4)}, entropy ${result.before.entropy.toFixed(3)} before and `
      + `${result.after.entropy.toFixed(3)} nats after.`;

    function readout() {
      const values = {};
      const fact = (key, name) => element("p", { class: "dx-fact" }, // hosts restyle dl, dt and dd
        element("span", { class: "dx-fact-name", text: name }), " ",
        (values[key] = element("span", { class: "dx-fact-value", "data-dx": key })));
      const button = element("button", { type: "button", class: "dx-reset", text: "Reset", onclick: reset });
      const node = element("div", { class: "dx-readout" },
        element("div", { class: "dx-facts" },
          fact("kept", "Tokens kept"), fact("mass", "Mass kept"),
          fact("entropy", "Entropy (nats)"), fact("varentropy", "Varentropy (nats²)")),
        button);
      const change = (before, after) => [
        element("span", { class: "dx-was", text: before.toFixed(3) }), " → ",
        element("b", { text: hidden() ? "?" : after.toFixed(3) })];
      return {
        node,
        update() {
          button.disabled = hidden();
          values.kept.replaceChildren(element("b", { text: hidden() ? "?" : showCount(result.kept) }),
            element("span", { class: "dx-was", text: ` of ${showCount(context.vocab)}` }));
          values.mass.replaceChildren(element("b", { text: hidden() ? "?" : result.mass.toFixed(4) }));
          values.entropy.replaceChildren(...change(result.before.entropy, result.after.entropy));
          values.varentropy.replaceChildren(...change(result.before.varentropy, result.after.varentropy));
          announce(hidden() ? "The answer is hidden until you predict it." : sentence());
        },
      };
    }

    function chart() {
      const bars = Array.from({ length: Math.min(data.bars, ...data.contexts.map((c) => c.tokens.length)) }, () => {
        const cells = {};
        const cell = (name) => (cells[name] = element("span", { class: `dx-${name}` }));
        cells.node = element("div", { class: "dx-row" }, cell("token"),
          element("span", { class: "dx-track" }, cell("bar-after"), cell("bar-before"), cell("mark")),
          cell("before"), cell("after"), cell("drawn"));
        return cells;
      });
      const rest = element("p", { class: "dx-rest" });
      const node = element("div", { class: "dx-chart", role: "img" },
        element("div", { class: "dx-row dx-head" }, element("span", { text: "token" }),
          element("span", { class: "dx-legend" },
            element("span", { class: "dx-key dx-key-after", text: "after" }),
            element("span", { class: "dx-key dx-key-before", text: "before" }),
            element("span", { class: "dx-key dx-key-drawn", text: "drawn" })),
          element("span", { text: "before" }), element("span", { text: "after" }),
          element("span", { class: "dx-drawn", text: "drawn" })),
        ...bars.map((bar) => bar.node), rest);
      return {
        node,
        update() {
          const { tally, total } = draws();
          const locked = hidden();
          const after = (i) => (locked ? 0 : result.pAfter(i));
          const share = (i) => (total ? (tally.get(i) || 0) / total : 0);
          // A handful of draws would stretch the scale beyond use; their marks stop at the edge.
          const marks = total < 100 ? 0 : Math.max(...bars.map((_, i) => share(i)));
          const longest = Math.max(result.pBefore(0), after(result.first), marks);
          const percent = (p) => `${Math.min(100, (100 * p) / longest).toFixed(2)}%`;
          node.classList.toggle("dx-with-draws", total > 0 && !locked);
          bars.forEach((bar, i) => {
            const by = locked ? null : result.removedBy(i);
            bar.token.textContent = showToken(context.tokens[i]);
            bar.token.title = `${JSON.stringify(context.tokens[i])}, id ${context.ids[i]}`;
            bar.before.textContent = showProbability(result.pBefore(i));
            bar.after.textContent = locked ? "?" : by ? `✕ ${STEPS[by].label.toLowerCase()}` : showProbability(after(i));
            bar.drawn.textContent = total && by === null ? share(i).toFixed(3) : "";
            bar["bar-before"].style.width = percent(result.pBefore(i));
            bar["bar-after"].style.width = percent(after(i));
            bar.mark.hidden = share(i) === 0;
            bar.mark.style.left = percent(share(i));
            bar.mark.classList.toggle("dx-beyond", share(i) > longest);
            bar.node.classList.toggle("dx-cut", by !== null);
            bar.node.classList.toggle("dx-boundary", i > 0 && !locked && (by === null) !== (result.removedBy(i - 1) === null));
          });
          const n = bars.length;
          const massBefore = 1 - row.massOf[n];
          let shown = 0;
          for (let i = 0; i < n; i++) shown += after(i);
          const kept = result.kept - result.keptAmong(n);
          rest.hidden = context.vocab === n;
          rest.textContent = `${showCount(context.vocab - n)} more tokens: mass ${massBefore.toFixed(4)} before`
            + (locked ? "." : kept ? `, ${Math.max(0, 1 - shown).toFixed(4)} after; ${showCount(kept)} of them kept.`
              : ", none kept.");
          node.setAttribute("aria-label", `Bar chart of the ${n} most probable tokens. `
            + `${showToken(context.tokens[0])} has ${showProbability(result.pBefore(0))} before`
            + (locked ? "." : ` and ${showProbability(after(0))} after. ${sentence()}`)
            + " The same numbers are in the table below.");
        },
      };
    }

    let drawn = { key: null };
    function draws() {
      const n = hidden() ? 0 : Math.min(model.get("draws"), MAX_DRAWS);
      const key = JSON.stringify([context.label, settings(), model.get("seed"), n]);
      if (drawn.key !== key) {
        const ranks = n ? arithmetic.draw(result, model.get("seed"), n) : [];
        const tally = new Map();
        for (const rank of ranks) tally.set(rank, (tally.get(rank) || 0) + 1);
        drawn = { key, tally, total: n, last: ranks[n - 1] };
      }
      return drawn;
    }

    function drawing() {
      const seed = element("input", {
        type: "number", min: 0, max: 2 ** 32 - 1, step: 1, "data-dx": "seed", "data-lm-suppress-shortcuts": "true",
        onchange: () => {
          const value = Math.min(Math.max(Math.round(seed.valueAsNumber || 0), 0), 2 ** 32 - 1);
          set({ seed: value });
          seed.value = value;
        } });
      const button = (text, onclick) => element("button", { type: "button", text, onclick });
      const add = (n) => () => set({ draws: Math.min(MAX_DRAWS, model.get("draws") + n) });
      const buttons = [button("Draw 1", add(1)), button("Draw 100", add(100)),
        button("Clear", () => set({ draws: 0 }))];
      const tally = element("p", { class: "dx-tally", "data-dx": "tally", "aria-live": "polite" });
      const node = element("div", { class: "dx-draws" },
        element("label", {}, element("span", { text: "Seed" }), seed), ...buttons, tally);
      return {
        node,
        update() {
          if (document.activeElement !== seed) seed.value = model.get("seed");
          [seed, ...buttons].forEach((control) => { control.disabled = hidden(); });
          const { tally: counted, total, last } = draws();
          if (!total) {
            tally.textContent = "Nothing drawn yet.";
            return;
          }
          const name = last < context.tokens.length ? showToken(context.tokens[last]) : `rank ${showCount(last + 1)}`;
          let gap = 0;
          let at = 0;
          for (let i = 0; i < context.tokens.length; i++) {
            const distance = Math.abs((counted.get(i) || 0) / total - result.pAfter(i));
            if (distance > gap) { gap = distance; at = i; }
          }
          const p = result.pAfter(at);
          tally.textContent = `${showCount(total)} drawn, the last “${name}”.`
            + (total < 10 ? "" : ` The largest gap to theory is ${gap.toFixed(3)}, for `
              + `“${showToken(context.tokens[at])}”; its standard error is ${Math.sqrt((p * (1 - p)) / total).toFixed(3)}.`);
        },
      };
    }

    const rowsOfTable = () => {
      const { tally } = draws();
      return context.tokens.slice(0, TABLE_ROWS).map((token, i) => {
        const by = result.removedBy(i);
        const after = hidden() ? "?" : by ? `removed by ${STEPS[by].label.toLowerCase()}` : result.pAfter(i).toPrecision(6);
        return [i + 1, showToken(token), context.ids[i], result.pBefore(i).toPrecision(6), after, tally.get(i) || 0];
      });
    };

    // ---- assembly --------------------------------------------------------------------------------

    const views = {
      header: header(), contexts: contextPicker(),
      prediction: parts.prediction({ model, answer: () => answerTo(data.predict), next: "Now move the sliders." }),
      steps: steps(), readout: readout(), chart: chart(), drawing: drawing(),
      table: parts.table({ summary: "The numbers as a table", rowHeader: 1,
        columns: ["rank", "token", "id", "before", "after", "drawn"], rows: rowsOfTable }),
      code: parts.sharing({ model, code: () => asCode(model, context) }),
    };
    mounted = parts.assemble({ model, el, views, settings: SETTINGS, update });
    return mounted;
  }

  register("distribution", render);
})();
