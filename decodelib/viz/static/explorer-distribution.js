/* The next-token distribution explorer: sliders on the processors, bars before and after. */
(function () {
  "use strict";

  const { element, showToken, showProbability, showCount, copyText, announcer, logits: arithmetic, register } =
    globalThis.DecodeExplorer;

  const STEPS = {
    temperature: { label: "Temperature", processor: "Temperature", off: 1, min: 0.01, max: 10, step: 0.05,
      slider: () => linear(0.05, 3, 0.05) },
    top_k: { label: "Top-k", processor: "TopK", off: 0, min: 0, max: Infinity, step: 1, slider: counts },
    top_p: { label: "Top-p", processor: "TopP", off: 1, min: 0.001, max: 1, step: 0.01,
      slider: () => linear(0.01, 1, 0.01) },
    min_p: { label: "Min-p", processor: "MinP", off: 0, min: 0, max: 1, step: 0.01,
      slider: () => linear(0, 1, 0.01) },
  };
  const SETTINGS = ["context", ...Object.keys(STEPS), "order", "seed", "draws", "prediction"];
  const MAX_DRAWS = 10000;
  const TABLE_ROWS = 50;

  let radioGroups = 0; // radio buttons need a name that no other explorer on the page has

  /** A slider's own scale, and how it maps to values. */
  function linear(min, max, step) {
    return { min, max, step, toValue: Number, fromValue: (value) => value };
  }

  /** k in ever larger strides; the right end is "off", which keeps everything. */
  function counts(vocab) {
    const stops = [];
    for (let k = 1; k < vocab; k += k < 20 ? 1 : 10 ** Math.floor(Math.log10(k / 2))) stops.push(k);
    const off = stops.length;
    return {
      min: 0, max: off, step: 1,
      toValue: (i) => (Number(i) >= off ? 0 : stops[i]),
      fromValue(k) {
        if (k === 0 || k >= vocab) return off;
        const next = stops.findIndex((stop) => stop >= k);
        return next < 0 ? off : next;
      },
    };
  }

  const valueText = (name, value) => (value === STEPS[name].off ? `${value} (off)` : String(value));

  /** Python source with the current settings. */
  function asCode(model, context) {
    const chain = model.get("order")
      .filter((name) => model.get(name) !== STEPS[name].off)
      .map((name) => `dl.${STEPS[name].processor}(${model.get(name)})`);
    const name = model.get("data").model;
    if (name === null) {
      const unsorted = context.ids.map((id, rank) => [id, rank]).sort((a, b) => a[0] - b[0]);
      return [
        "import torch", "import decodelib as dl", "",
        `tokens = ${JSON.stringify(unsorted.map(([, rank]) => context.tokens[rank]))}`,
        `logits = torch.tensor([[${unsorted.map(([, rank]) => context.logits[rank]).join(", ")}]], dtype=torch.float64)`,
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
    const views = {};
    let context, row, result;

    const set = (changes) => {
      for (const [name, value] of Object.entries(changes)) model.set(name, value);
      model.save_changes();
    };
    const hidden = () => data.predict !== null && model.get("prediction") === null;
    const settings = () => Object.fromEntries([...Object.keys(STEPS), "order"].map((n) => [n, model.get(n)]));

    function select(label) {
      context = data.contexts.find((candidate) => candidate.label === label) || data.contexts[0];
      row = rows[context.label] ||= arithmetic.row(arithmetic.unpack(context));
    }

    /** One value of the distribution that a prediction can be about. */
    function answerTo({ question, answer }) {
      const start = data.initial;
      const record = data.contexts.find((candidate) => candidate.label === start.context);
      const outcome = arithmetic.apply(
        (rows[record.label] ||= arithmetic.row(arithmetic.unpack(record))), start);
      const values = {
        kept: outcome.kept, mass: outcome.mass, entropy: outcome.after.entropy,
        varentropy: outcome.after.varentropy, top_probability: outcome.pAfter(0),
      };
      const value = values[answer];
      return { question, value, text: Number.isInteger(value) ? showCount(value) : value.toFixed(4) };
    }

    function update() {
      select(model.get("context"));
      result = arithmetic.apply(row, settings());
      for (const view of Object.values(views)) view.update();
    }

    // ---- the parts, in reading order; each has a node and an update ------------------------------

    function header() {
      const count = element("span", { class: "dx-source" });
      const prompt = element("p", { class: "dx-prompt" });
      const node = element("div", { class: "dx-header" },
        element("div", { class: "dx-titlebar" },
          element("strong", { class: "dx-title", text: model.get("title") }), count), prompt);
      return {
        node,
        update() {
          count.textContent = (data.model ? `${data.model}, ` : "") + `${showCount(context.vocab)} tokens`;
          prompt.hidden = !context.prompt;
          prompt.replaceChildren(context.prompt || "", element("span", { class: "dx-blank", text: "?" }));
        },
      };
    }

    function contextPicker() {
      const group = `dx-context-${radioGroups++}`;
      const radios = data.contexts.map(({ label }) => element("input", {
        type: "radio", name: group, value: label, "data-lm-suppress-shortcuts": "true",
        onchange: () => set({ context: label }),
      }));
      const node = element("fieldset", { class: "dx-contexts" },
        element("legend", { text: "Context" }),
        ...radios.map((radio) => element("label", {}, radio, element("span", { text: radio.value }))));
      node.hidden = radios.length < 2;
      return {
        node,
        update() {
          node.disabled = hidden();
          for (const radio of radios) radio.checked = radio.value === context.label;
        },
      };
    }

    function prediction() {
      const input = element("input", {
        type: "number", step: "any", required: true, "aria-label": "Your prediction",
        "data-lm-suppress-shortcuts": "true", "data-dx": "prediction" });
      const form = element("form", {
        class: "dx-predict-form",
        onsubmit: (event) => {
          event.preventDefault();
          if (!Number.isFinite(input.valueAsNumber)) return;
          set({ prediction: input.valueAsNumber });
          verdict.focus();
        },
      }, input, element("button", { type: "submit", text: "Reveal" }));
      const verdict = element("p", { class: "dx-verdict", tabindex: "-1" });
      const node = element("div", { class: "dx-predict" },
        element("p", { class: "dx-question", text: data.predict ? data.predict.question : "" }), form, verdict);
      node.hidden = data.predict === null;
      return {
        node,
        update() {
          if (data.predict === null) return;
          form.hidden = !hidden();
          verdict.hidden = hidden();
          if (hidden()) return;
          const { value, text } = answerTo(data.predict);
          const guess = model.get("prediction");
          const exact = text === (Number.isInteger(value) ? showCount(guess) : guess.toFixed(4));
          verdict.textContent = exact ? `${text}, as you predicted. Now move the sliders.`
            : `You predicted ${guess}; it is ${text}. Now move the sliders.`;
        },
      };
    }

    function step(name) {
      const { label, min, max, step: stride, off } = STEPS[name];
      let scale = null;
      let scaleFor = null;
      const slider = element("input", {
        type: "range", "aria-label": label, "data-dx": name, "data-lm-suppress-shortcuts": "true",
        oninput: () => set({ [name]: scale.toValue(slider.value) }) });
      const isValid = (value) => Number.isFinite(value) && value >= min && value <= max
        && (name !== "top_k" || Number.isInteger(value));
      const box = element("input", {
        type: "number", "aria-label": `${label}, exact value`, min, max: Number.isFinite(max) ? max : null,
        step: name === "top_k" ? stride : "any", "data-dx": `${name}-box`, "data-lm-suppress-shortcuts": "true",
        oninput: () => { if (isValid(box.valueAsNumber)) set({ [name]: box.valueAsNumber }); },
        onchange: () => {
          let value = box.valueAsNumber;
          if (!Number.isFinite(value)) value = model.get(name);
          value = Math.min(Math.max(value, min), name === "top_k" ? context.vocab : max);
          set({ [name]: name === "top_k" ? Math.round(value) : value });
          box.value = model.get(name);
        } });
      const move = (by, word, arrow) => element("button", {
        type: "button", class: "dx-move", "aria-label": `Apply ${label} ${word}`, title: `Apply ${word}`,
        text: arrow,
        onclick: (event) => {
          const order = [...model.get("order")];
          const at = order.indexOf(name);
          if (at + by < 0 || at + by >= order.length) return;
          [order[at], order[at + by]] = [order[at + by], order[at]];
          set({ order });
          event.currentTarget.focus(); // moving a node in the document takes the focus from it
          announce(`${label} is now step ${at + by + 1} of ${order.length}. ${sentence()}`);
        } });
      const [earlier, later] = [move(-1, "earlier", "↑"), move(1, "later", "↓")];
      const effect = element("span", { class: "dx-effect" });
      const node = element("li", { class: "dx-step", "data-dx": `${name}-step` },
        element("span", { class: "dx-name", text: label }), slider, box, effect,
        element("span", { class: "dx-moves" }, earlier, later));
      return {
        node,
        update(index) {
          if (scaleFor !== context.vocab) {
            scale = STEPS[name].slider(context.vocab);
            scaleFor = context.vocab;
            for (const limit of ["min", "max", "step"]) slider[limit] = scale[limit];
          }
          const value = model.get(name);
          if (scale.toValue(slider.value) !== value) slider.value = scale.fromValue(value);
          slider.setAttribute("aria-valuetext", valueText(name, value));
          if (box.valueAsNumber !== value) box.value = value;
          slider.disabled = box.disabled = hidden();
          earlier.setAttribute("aria-disabled", String(hidden() || index === 0));
          later.setAttribute("aria-disabled", String(hidden() || index === 3));
          node.classList.toggle("dx-off", value === off);
          effect.textContent = value === off ? "off" : hidden() ? "?"
            : name === "temperature" ? (value < 1 ? "sharper" : "flatter")
              : `${showCount(result.steps[index].kept)} left`;
        },
      };
    }

    function steps() {
      const controls = Object.fromEntries(Object.keys(STEPS).map((name) => [name, step(name)]));
      const list = element("ol", { class: "dx-steps", "aria-label": "Processors, in the order applied" });
      let shown = "";
      return {
        node: list,
        update() {
          const order = model.get("order");
          if (shown !== order.join()) {
            list.replaceChildren(...order.map((name) => controls[name].node));
            shown = order.join();
          }
          order.forEach((name, index) => controls[name].update(index));
        },
      };
    }

    const sentence = () => `${showCount(result.kept)} of ${showCount(context.vocab)} tokens kept, `
      + `mass ${result.mass.toFixed(4)}, entropy ${result.before.entropy.toFixed(3)} before and `
      + `${result.after.entropy.toFixed(3)} nats after.`;

    function readout() {
      const values = {};
      const fact = (key, name) => element("p", { class: "dx-fact" }, // hosts restyle dl, dt and dd
        element("span", { class: "dx-fact-name", text: name }), " ",
        (values[key] = element("span", { class: "dx-fact-value", "data-dx": key })));
      const reset = element("button", {
        type: "button", class: "dx-reset", text: "Reset", onclick: () => set(data.initial) });
      const node = element("div", { class: "dx-readout" },
        element("div", { class: "dx-facts" },
          fact("kept", "Tokens kept"), fact("mass", "Mass kept"),
          fact("entropy", "Entropy (nats)"), fact("varentropy", "Varentropy (nats²)")),
        reset);
      const change = (before, after) => [
        element("span", { class: "dx-was", text: before.toFixed(3) }), " → ",
        element("b", { text: hidden() ? "?" : after.toFixed(3) })];
      return {
        node,
        update() {
          reset.disabled = hidden();
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
          const longest = Math.max(result.pBefore(0), after(0), marks);
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
            bar.node.classList.toggle("dx-boundary", i > 0 && i === result.kept && !locked);
          });
          const n = bars.length;
          const massBefore = 1 - row.massOf[n];
          let shown = 0;
          for (let i = 0; i < Math.min(n, result.kept); i++) shown += after(i);
          const kept = Math.max(0, result.kept - n);
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
          for (let i = 0; i < Math.min(result.kept, context.tokens.length); i++) {
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

    function table() {
      const body = element("tbody");
      const node = element("details", { class: "dx-table", ontoggle: () => view.update() },
        element("summary", { text: "The numbers as a table" }),
        element("div", { class: "dx-scroll", tabindex: "0", role: "group", "aria-label": "The numbers as a table" },
          element("table", {},
            element("thead", {}, element("tr", {}, ...["rank", "token", "id", "before", "after", "drawn"]
              .map((text) => element("th", { scope: "col", text })))), body)));
      const view = {
        node,
        update() {
          if (!node.open) return; // most readers never open it
          const { tally } = draws();
          body.replaceChildren(...context.tokens.slice(0, TABLE_ROWS).map((token, i) => {
            const by = result.removedBy(i);
            const after = hidden() ? "?" : by ? `removed by ${STEPS[by].label.toLowerCase()}` : result.pAfter(i).toPrecision(6);
            return element("tr", {}, ...[i + 1, showToken(token), context.ids[i], result.pBefore(i).toPrecision(6), after, tally.get(i) || 0]
              .map((text, column) => element(column === 1 ? "th" : "td", { ...(column === 1 && { scope: "row" }), text })));
          }));
        },
      };
      return view;
    }

    function code() {
      const source = element("pre", { tabindex: "0", role: "group", "aria-label": "decodelib code" });
      const copy = element("button", { type: "button", text: "Copy as decodelib code",
        onclick: () => { details.open = true; copyText(source.textContent, source, copy); } });
      const details = element("details", {},
        element("summary", { text: "These settings in decodelib" }), source);
      const node = element("div", { class: "dx-code" }, details, copy);
      return { node, update() { source.textContent = asCode(model, context); } };
    }

    // ---- assembly --------------------------------------------------------------------------------

    const live = element("p", { class: "dx-live", "aria-live": "polite", "data-dx": "live" });
    const announce = announcer(live);
    const root = element("div", {
      class: "dx-root", role: "group", "aria-label": model.get("title"), "data-lm-suppress-shortcuts": "true" });
    select(model.get("context"));
    Object.assign(views, {
      header: header(), contexts: contextPicker(), prediction: prediction(), steps: steps(),
      readout: readout(), chart: chart(), drawing: drawing(), table: table(), code: code(),
    });
    root.append(...Object.values(views).map((view) => view.node), live);
    el.append(root);
    update();

    for (const name of SETTINGS) model.on("change:" + name, update);
    return () => { for (const name of SETTINGS) model.off("change:" + name, update); };
  }

  register("distribution", render);
})();
