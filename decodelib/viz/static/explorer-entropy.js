/* The entropy map: the steps of a text as points, entropy against varentropy, in quadrants. */
(function () {
  "use strict";

  const { element, showToken, showProbability, parts, register } = globalThis.DecodeExplorer;

  const THRESHOLDS = {
    low_entropy: "Low entropy", high_entropy: "High entropy",
    low_varentropy: "Low varentropy", high_varentropy: "High varentropy",
  };
  const SETTINGS = ["text", "position", ...Object.keys(THRESHOLDS)];
  const SHAPES = { // around (0, 0), so that colour is not all that tells them apart
    certain: "M-4.2,0a4.2,4.2 0 1 0 8.4,0a4.2,4.2 0 1 0 -8.4,0z",
    wide: "M-3.8,-3.8h7.6v7.6h-7.6z",
    forked: "M0,-4.8L4.6,3.6H-4.6z",
    lost: "M0,-5.4L5.4,0L0,5.4L-5.4,0z",
    between: "M-4,0H4M0,-4V4",
  };
  const ACTIONS = {
    certain: "takes the most probable token", wide: "pauses, or samples hotter",
    forked: "follows several branches", lost: "samples much hotter", between: "samples",
  };
  const TICKS = [0, 0.1, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 40];
  const STOPS = 200; // of a threshold's slider
  const COOLEST = 0.4; // where the strip of the adaptive temperature ends; 1 / 2.42 is its least
  const WORDS_BEFORE = 90; // characters

  /** What decodelib's EntropySampling.quadrant returns. */
  function quadrant(entropy, varentropy, { low_entropy, high_entropy, low_varentropy, high_varentropy }) {
    if (varentropy > high_varentropy) return entropy > high_entropy ? "lost" : "forked";
    if (varentropy < low_varentropy && entropy < low_entropy) return "certain";
    if (varentropy < low_varentropy && entropy > high_entropy) return "wide";
    return "between";
  }

  /** What decodelib's EntropyTemperature divides logits of this entropy by. */
  function temperatureAt(entropy, { coefficients, threshold }) {
    const value = coefficients.reduce((sum, coefficient) => sum * entropy + coefficient, 0);
    return entropy > threshold ? 1 / Math.max(value, 1) : 1;
  }

  function svg(tag, attributes = {}, ...children) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  }

  /** A mark that sits at a place given in percent and keeps its size. */
  const mark = (d, kind) => svg("svg", { overflow: "visible", class: `dx-point dx-${kind}` }, svg("path", { d }));

  const glyph = (name) => svg("svg", { class: `dx-glyph dx-${name}`, viewBox: "-6 -6 12 12", "aria-hidden": "true" },
    svg("path", { d: SHAPES[name] }));

  const text = (content, attributes) => {
    const node = svg("text", attributes);
    node.textContent = content;
    return node;
  };

  function render({ model, el }) {
    const data = model.get("data");
    const { axes } = data;
    let mounted = null;
    let record, thresholds, names;

    const set = (changes) => parts.change(model, changes);
    const announce = (message) => mounted && mounted.announce(message);
    const hidden = () => views.prediction.hidden();
    const last = () => record.tokens.length - 1;
    const at = () => Math.min(model.get("position"), last());
    const across = (entropy) => 100 * Math.sqrt(entropy / axes.entropy);
    const down = (varentropy) => 100 - 100 * Math.sqrt(varentropy / axes.varentropy);
    const coolness = (temperature) => (100 * (1 - temperature)) / (1 - COOLEST);
    const percent = (x) => `${x.toFixed(3)}%`;
    const nameOf = (position) => names[position - 1];
    const counts = () => Object.fromEntries(Object.keys(SHAPES).map((name) => [name, names.filter((n) => n === name).length]));

    function select() {
      record = data.texts.find(({ label }) => label === model.get("text")) || data.texts[0];
      thresholds = Object.fromEntries(Object.keys(THRESHOLDS).map((name) => [name, model.get(name)]));
      names = record.entropy.map((entropy, i) => quadrant(entropy, record.varentropy[i], thresholds));
    }

    function update() {
      for (const kind of ["entropy", "varentropy"]) { // a link may ask for a pair that makes no sense
        if (model.get(`low_${kind}`) > model.get(`high_${kind}`)) return move(`low_${kind}`, model.get(`low_${kind}`));
      }
      select();
      for (const view of Object.values(views)) view.update();
    }

    /** A threshold pushed past its partner takes it along. */
    function move(name, value) {
      const [end, kind] = name.split("_");
      const [partner, beyond] = end === "low" ? [`high_${kind}`, Math.max] : [`low_${kind}`, Math.min];
      set({ [partner]: beyond(model.get(partner), value), [name]: value });
      announce(`Now ${sentence()}.`);
    }

    const sentence = () => (hidden() ? "the answer is hidden until you predict it"
      : Object.entries(counts()).map(([name, n]) => `${n} ${name}`).join(", "));

    // ---- which text, and where in it ---------------------------------------------------------------

    function header() {
      return parts.titleBar({ model, source: () => (data.model ? `${data.model}, ` : "") + `${last()} steps` });
    }

    function textPicker() {
      const picker = parts.choice({
        legend: "Text", options: data.texts.map(({ label }) => ({ value: label, label })),
        get: () => record.label, set: (label) => set({ text: label, position: Math.min(at(), lengthOf(label)) }) });
      picker.node.hidden = data.texts.length < 2;
      return { node: picker.node, update: () => picker.update({ disabled: hidden() }) };
    }
    const lengthOf = (wanted) => data.texts.find(({ label }) => label === wanted).tokens.length - 1;

    function steer(event) {
      const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10,
        Home: -Infinity, End: Infinity }[event.key];
      if (by === undefined || hidden()) return;
      event.preventDefault();
      set({ position: Math.min(Math.max(at() + by, 1), last()) });
    }

    // ---- the map -----------------------------------------------------------------------------------

    function regions() {
      const rects = Object.fromEntries(Object.keys(ACTIONS).filter((name) => name !== "between")
        .map((name) => [name, svg("rect", { class: `dx-region dx-${name}` })]));
      const labels = {
        certain: text("certain", { class: "dx-region-name", dy: "-.45em", dx: ".4em" }),
        wide: text("wide", { class: "dx-region-name", "text-anchor": "end", dy: "-.45em", dx: "-.5em" }),
        forked: text("forked", { class: "dx-region-name", dy: "1.3em", dx: ".5em" }),
        lost: text("lost", { class: "dx-region-name", "text-anchor": "end", dy: "1.3em", dx: "-.5em" }),
      };
      const place = (node, x, y, width, height) => Object.entries({ x, y, width, height })
        .forEach(([name, value]) => node.setAttribute(name, percent(value)));
      return {
        nodes: [...Object.values(rects), ...Object.values(labels)],
        update() {
          const [e, E] = [across(thresholds.low_entropy), across(thresholds.high_entropy)];
          const [v, V] = [down(thresholds.low_varentropy), down(thresholds.high_varentropy)];
          place(rects.certain, 0, v, e, 100 - v);
          place(rects.wide, E, v, 100 - E, 100 - v);
          place(rects.forked, 0, 0, E, V);
          place(rects.lost, E, 0, 100 - E, V);
          const corners = { certain: [e < 22 ? e : 0, 100], wide: [100, 100], forked: [0, 0], lost: [100, 0] };
          for (const [name, [x, y]] of Object.entries(corners)) {
            labels[name].setAttribute("x", percent(x));
            labels[name].setAttribute("y", percent(y));
          }
        },
      };
    }

    const bandRect = () => svg("rect", { class: "dx-band", y: "0", height: "100%", x: percent(across(data.temperature.band[0])),
      width: percent(across(data.temperature.band[1]) - across(data.temperature.band[0])) });

    /** Where the points are, with the axis of varentropy. */
    function plot() {
      const grid = TICKS.filter((tick) => tick <= axes.varentropy).flatMap((tick) => [
        svg("line", { class: "dx-grid", x1: "0", x2: "100%", y1: percent(down(tick)), y2: percent(down(tick)) }),
        text(tick, { class: "dx-tick", x: "0", y: percent(down(tick)), dx: "-.5em", dy: ".35em", "text-anchor": "end" })]);
      const areas = regions();
      const group = svg("g");
      const ring = svg("svg", { overflow: "visible", class: "dx-ring" }, svg("circle", { r: 8.5 }));
      const area = element("div", {
        class: "dx-plot", role: "slider", "data-dx": "plot", "aria-label": "Step of the text, entropy against varentropy",
        "aria-valuemin": 1, onkeydown: steer, onclick: (event) => { if (!hidden()) set({ position: nearest(event) }); } },
      svg("svg", { class: "dx-canvas" }, bandRect(), ...areas.nodes, ...grid, group, ring));
      let drawn = null;
      let points = [];

      function nearest(event) {
        const box = area.getBoundingClientRect();
        const distance = (i) => Math.hypot(
          (across(record.entropy[i]) / 100) * box.width - (event.clientX - box.left),
          (down(record.varentropy[i]) / 100) * box.height - (event.clientY - box.top));
        const places = record.entropy.map((_, i) => i);
        return 1 + places.reduce((best, i) => (distance(i) < distance(best) ? i : best), 0);
      }
      function put(node, i) {
        node.setAttribute("x", percent(across(record.entropy[i])));
        node.setAttribute("y", percent(down(record.varentropy[i])));
      }
      return {
        node: area,
        update() {
          if (drawn !== record) {
            points = record.entropy.map((_, i) => {
              const point = mark("", "between");
              put(point, i);
              return point;
            });
            group.replaceChildren(...points);
            drawn = record;
          }
          areas.update();
          group.style.display = ring.style.display = hidden() ? "none" : "";
          area.setAttribute("aria-valuemax", last());
          area.setAttribute("aria-valuenow", at());
          area.setAttribute("aria-valuetext", hidden() ? "hidden until you predict" : told());
          area.setAttribute("aria-disabled", String(hidden()));
          area.tabIndex = hidden() ? -1 : 0;
          points.forEach((point, i) => {
            if (point.dataset.quadrant === names[i]) return;
            point.dataset.quadrant = names[i];
            point.setAttribute("class", `dx-point dx-${names[i]}`);
            point.firstChild.setAttribute("d", SHAPES[names[i]]);
          });
          put(ring, at() - 1);
        },
      };
    }

    const told = () => `${at()} of ${last()}: ${showToken(record.tokens[at()])}, ${nameOf(at())}, `
      + `entropy ${record.entropy[at() - 1].toFixed(2)}, varentropy ${record.varentropy[at() - 1].toFixed(2)}`;

    /** The adaptive temperature over the same axis of entropy. */
    function strip() {
      const curve = Array.from({ length: 241 }, (_, i) => i / 2.4)
        .map((x) => `${x.toFixed(2)},${coolness(temperatureAt(axes.entropy * (x / 100) ** 2, data.temperature)).toFixed(2)}`);
      const ticks = TICKS.filter((tick) => tick <= axes.entropy).map((tick) => text(tick, {
        class: "dx-tick", x: percent(across(tick)), y: "100%", dy: "1.3em", "text-anchor": "middle" }));
      const [from, to] = [1, COOLEST].map((tick) => text(tick, {
        class: "dx-tick", x: "0", y: percent(coolness(tick)), dx: "-.5em", dy: ".35em", "text-anchor": "end" }));
      const dot = svg("svg", { overflow: "visible", class: "dx-ring" }, svg("circle", { r: 4.5 }));
      const node = element("div", { class: "dx-strip", "aria-hidden": "true" }, svg("svg", { class: "dx-canvas" },
        bandRect(), svg("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", width: "100%", height: "100%" },
          svg("polyline", { class: "dx-curve", points: curve.join(" ") })), ...ticks, from, to, dot));
      return {
        node,
        update() {
          const entropy = record.entropy[at() - 1];
          dot.style.display = hidden() ? "none" : "";
          dot.setAttribute("x", percent(across(entropy)));
          dot.setAttribute("y", percent(coolness(temperatureAt(entropy, data.temperature))));
        },
      };
    }

    function map() {
      const [area, below] = [plot(), strip()];
      return {
        node: element("div", { class: "dx-map" },
          element("p", { class: "dx-axis", text: "Varentropy (nats²)" }), area.node,
          element("p", { class: "dx-axis", text: "Adaptive temperature; shaded where it sharpens" }), below.node,
          element("p", { class: "dx-axis dx-axis-below", text: "Entropy (nats); both axes on a square-root scale" })),
        update() { area.update(); below.update(); },
      };
    }

    // ---- the selected step -------------------------------------------------------------------------

    function selected() {
      const values = {};
      const value = (key, tag = "b") => (values[key] = element(tag, { "data-dx": key }));
      const fact = (label, key, unit = "") => element("p", { class: "dx-fact" },
        element("span", { class: "dx-fact-name", text: label }), " ", value(key), unit);
      const before = element("span");
      const came = element("b", { class: "dx-came", "data-dx": "token" });
      const badge = element("p", { class: "dx-quadrant" });
      const rows = Array.from({ length: Math.max(...data.texts.map(({ top }) => top[0].length)) }, () => ({
        token: element("span", { class: "dx-token" }), bar: element("span", { class: "dx-bar-after" }), p: element("span") }));
      const note = element("p", { class: "dx-rest" });
      const node = element("div", { class: "dx-selected", "data-dx": "selected" },
        element("p", { class: "dx-prompt" }, before, came), badge,
        element("div", { class: "dx-facts" }, fact("Surprisal", "surprisal", " nats"), fact("Entropy", "entropy", " nats"),
          fact("Varentropy", "varentropy", " nats²"), fact("Adaptive T", "adaptive")),
        element("p", { class: "dx-axis", text: "Most probable here" }),
        element("div", { class: "dx-candidates", "data-dx": "candidates" }, ...rows.map(({ token, bar, p }) =>
          (element("div", { class: "dx-row" }, token, element("span", { class: "dx-track" }, bar), p)))), note);
      return {
        node,
        update() {
          node.hidden = hidden();
          const i = at() - 1;
          const words = record.tokens.slice(0, at()).join("");
          before.textContent = (words.length > WORDS_BEFORE ? "…" : "") + words.slice(-WORDS_BEFORE);
          came.textContent = showToken(record.tokens[at()]);
          badge.replaceChildren(glyph(names[i]), element("b", { text: names[i], "data-dx": "quadrant" }), `: ${ACTIONS[names[i]]}`);
          for (const key of ["surprisal", "entropy", "varentropy"]) values[key].textContent = record[key][i].toFixed(3);
          const temperature = temperatureAt(record.entropy[i], data.temperature);
          values.adaptive.textContent = temperature === 1 ? "1 (off)" : temperature.toFixed(3);
          const top = record.top[i];
          rows.forEach(({ token, bar, p }, rank) => {
            token.parentNode.hidden = rank >= top.length;
            if (rank >= top.length) return;
            token.textContent = showToken(top[rank][0]);
            token.classList.toggle("dx-chosen", top[rank][0] === record.tokens[at()]);
            p.textContent = showProbability(top[rank][1]);
            bar.style.width = percent((100 * top[rank][1]) / top[0][1]);
          });
          note.textContent = `What came had p = ${showProbability(Math.exp(-record.surprisal[i]))}.`;
        },
      };
    }

    // ---- counts, thresholds, text ------------------------------------------------------------------

    function tally() {
      const values = Object.fromEntries(Object.keys(SHAPES).map((name) => [name, element("b", { "data-dx": `count-${name}` })]));
      const node = element("div", { class: "dx-tally-row" }, ...Object.entries(values).map(([name, value]) =>
        element("p", { class: "dx-fact", title: `Entropy sampling ${ACTIONS[name]} here` },
          element("span", { class: "dx-fact-name" }, glyph(name), name), " ", value)));
      return {
        node,
        update() {
          for (const [name, n] of Object.entries(counts())) values[name].textContent = hidden() ? "?" : n;
        },
      };
    }

    function controls() {
      const knobs = Object.entries(THRESHOLDS).map(([name, label]) => {
        const most = axes[name.split("_")[1]];
        const scale = { min: 0, max: STOPS, step: 1,
          toValue: (i) => Number((most * (i / STOPS) ** 2).toPrecision(3)),
          fromValue: (x) => Math.round(STOPS * Math.sqrt(x / most)) };
        return parts.knob({ name, label, scale, min: 0, max: most, get: () => model.get(name),
          set: (value) => move(name, value), valueText: (x) => `${Number(x.toPrecision(3))} ${name.endsWith("_entropy") ? "nats" : "square nats"}` });
      });
      const reset = element("button", { type: "button", class: "dx-reset", text: "Reset", onclick: () => set(data.initial) });
      return {
        node: element("div", { class: "dx-thresholds" }, ...knobs.map(({ node }) => node), reset),
        update() {
          for (const knob of knobs) knob.update({ disabled: hidden() });
          reset.disabled = hidden();
        },
      };
    }

    /** The whole text; each word wears the line of its quadrant. A click selects, as in the map. */
    function reading() {
      const node = element("p", { class: "dx-reading", onclick: (event) => {
        const position = words.indexOf(event.target);
        if (position > 0 && !hidden()) set({ position });
      } });
      let words = [];
      let written = null;
      return {
        node,
        update() {
          if (written !== record) {
            words = record.tokens.map((token) => element("span", { text: token }));
            node.replaceChildren(...words);
            written = record;
          }
          words.forEach((word, i) => {
            word.className = i === 0 || hidden() ? "" : `dx-read dx-${names[i - 1]}${i === at() ? " dx-here" : ""}`;
          });
        },
      };
    }

    const rows = () => names.map((name, i) => [i + 1, showToken(record.tokens[i + 1]), ...(hidden() ? Array(5).fill("?") : [
      record.surprisal[i].toFixed(3), record.entropy[i].toFixed(3), record.varentropy[i].toFixed(3), name,
      temperatureAt(record.entropy[i], data.temperature).toFixed(3)])]);

    const code = () => [
      "import decodelib as dl", "",
      data.model ? `lm = dl.load(${JSON.stringify(data.model)})` : "# lm is the table of this page",
      "strategy = dl.EntropySampling(",
      ...Object.entries(thresholds).map(([name, value]) => `    ${name}=${value},`),
      ")",
      `prompt = ${JSON.stringify(record.tokens.slice(0, at()).join(""))}`,
      "generation = dl.generate(lm, prompt, strategy, max_new_tokens=40, trace=True)",
      "for step in generation.steps:",
      "    print(repr(step.token), step.decision)",
    ].join("\n");

    const answer = () => ({ value: data.predict.answer, text: String(data.predict.answer) });

    select();
    const views = {
      header: header(), texts: textPicker(),
      prediction: parts.prediction({ model, answer, next: "Now select points and move the thresholds." }),
      ...(() => {
        const [chart, step] = [map(), selected()];
        return { main: { node: element("div", { class: "dx-main" }, chart.node, step.node),
          update() { chart.update(); step.update(); } } };
      })(),
      tally: tally(), controls: controls(), reading: reading(),
      table: parts.table({ summary: "The steps as a table", rowHeader: 1,
        columns: ["step", "token", "surprisal", "entropy", "varentropy", "quadrant", "adaptive T"], rows }),
      code: parts.sharing({ model, code }),
    };
    mounted = parts.assemble({ model, el, views, settings: SETTINGS, update });
    return mounted;
  }

  register("entropy", render);
})();
