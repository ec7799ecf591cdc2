/* The generation player: a text token by token, what else could have come, and where it led. */
(function () {
  "use strict";

  const { element, showToken, showProbability, showCount, parts, register } = globalThis.DecodeExplorer;

  const STATE = ["branch", "position", "data", "request", "message"];
  const TICK = 700; // milliseconds a token, while it plays
  const DEEPEST = 8; // nats: more surprising tokens are shaded no deeper
  const UNLIKELY = 0.01; // tokens below this probability are underlined
  const PATIENCE = 20_000; // milliseconds until a kernel that says nothing is mentioned
  const HIDDEN = "?";

  /** All steps of a branch, those that it shares with its parents first. */
  function pathOf(branches, index) {
    const { parent, start, steps } = branches[index];
    return parent === null ? steps : [...pathOf(branches, parent).slice(0, start), ...steps];
  }

  /** The first branch whose text begins with these tokens; -1 for none. */
  function findBranch(branches, ids) {
    return branches.findIndex((_, index) => {
      const path = pathOf(branches, index);
      return ids.every((id, i) => path[i] && path[i].id === id);
    });
  }

  const quoted = (token) => `“${showToken(token)}”`;
  const nats = (p) => -Math.log(p);

  function render({ model, el }) {
    const isLive = typeof model.send === "function"; // a model with a kernel can send it messages
    let mounted = null;
    let timer = null;
    let data, branches, path, place, step;

    function look() {
      data = model.get("data");
      branches = data.branches;
      path = pathOf(branches, model.get("branch"));
      place = Math.min(model.get("position"), path.length);
      step = path[place - 1];
    }
    look();

    const set = (changes) => parts.change(model, changes);
    const announce = (message) => mounted && mounted.announce(message);
    const hidden = () => views.prediction.hidden();
    // A page has neither of the traits that a kernel answers with.
    const waiting = () => (model.get("request") || []).length > 0;
    const isEnd = (i) => i === path.length - 1 && branches[model.get("branch")].end === "eos";
    const textOf = (i) => (isEnd(i) ? "end of text" : path[i].text);
    /** The candidate that another branch took at a place of the path, as [branch, token id]. */
    const pathWith = (id) => [...path.slice(0, place - 1).map((before) => before.id), id];
    const forced = (i) => {
      const { parent, start } = branches[model.get("branch")];
      return parent !== null && i === start;
    };

    function header() {
      const bar = parts.titleBar({ model, source: () => [data.model, `seed ${data.seed}`].filter(Boolean).join(", ") });
      return { update: bar.update, node: element("div", { class: "dx-header" }, bar.node,
        element("p", { class: "dx-strategy" }, element("code", { text: data.strategy }))) };
    }

    // ---- which of the texts ------------------------------------------------------------------------

    function nameOf(index) {
      const { parent, start, steps } = branches[index];
      if (parent === null) return "the strategy’s own text";
      const other = pathOf(branches, parent)[start].text;
      return `${parent ? `from text ${parent + 1}, ` : ""}token ${start + 1}: ${quoted(steps[0].text)} for ${quoted(other)}`;
    }

    function branchPicker() {
      const select = element("select", {
        "data-dx": "branch", "data-lm-suppress-shortcuts": "true",
        onchange: () => go(Number(select.value)) });
      const node = element("label", { class: "dx-branches" }, element("span", { text: "Text" }), " ", select);
      let count = 0;
      return {
        node,
        update() {
          node.hidden = branches.length < 2 && !isLive;
          if (count !== branches.length) {
            select.replaceChildren(...branches.map((_, i) => element("option", { value: i, text: `${i + 1}: ${nameOf(i)}` })));
            count = branches.length;
          }
          select.value = model.get("branch");
        },
      };
    }

    function go(branch, at = branches[branch].start + 1) {
      stop();
      set({ branch, position: at });
      announce(`Text ${branch + 1}: ${nameOf(branch)}.`);
    }

    // ---- the text ----------------------------------------------------------------------------------

    const KEYS = {
      ArrowRight: () => place + 1, ArrowDown: () => place + 1, ArrowLeft: () => place - 1,
      ArrowUp: () => place - 1, Home: () => 1, End: () => path.length,
    };

    function text() {
      const list = element("span", {
        class: "dx-tokens", role: "listbox", "aria-label": "Generated tokens", "aria-orientation": "horizontal",
        "data-dx": "tokens",
        onkeydown(event) {
          if (!KEYS[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
          event.preventDefault();
          stop();
          move(KEYS[event.key]());
          focus();
        } });
      const node = element("p", { class: "dx-prompt dx-reel" },
        element("span", { class: "dx-given", text: data.prompt }), list);
      let written = null;
      let tokens = [];

      const focus = () => tokens[place - 1].focus();

      function write() {
        tokens = path.map((one, i) => {
          const node = element("span", {
            role: "option", class: isEnd(i) ? "dx-tok dx-ending" : "dx-tok", "data-dx": "token",
            text: isEnd(i) ? " ■ end of text" : one.text.replace(/\n/g, "↵\n") || "∅",
            onclick: () => { stop(); move(i + 1); focus(); } });
          node.style.setProperty("--depth", Math.min(1, nats(one.p) / DEEPEST).toFixed(3));
          return node;
        });
        list.replaceChildren(...tokens);
      }
      return {
        node, focus,
        update() {
          const now = JSON.stringify([model.get("branch"), branches.length]);
          if (written !== now) write();
          written = now;
          const forks = new Set(branches.slice(1).filter(({ start }, i) =>
            pathOf(branches, i + 1).slice(0, start).every(({ id }, j) => path[j] && path[j].id === id)).map(({ start }) => start));
          list.classList.toggle("dx-plain", hidden()); // the shades would tell the numbers
          tokens.forEach((token, i) => {
            const p = hidden() ? "" : `, p ${showProbability(path[i].p)}`;
            token.tabIndex = i === place - 1 ? 0 : -1;
            token.setAttribute("aria-selected", String(i === place - 1));
            token.setAttribute("aria-label", `${quoted(textOf(i))}, token ${i + 1}${p}${forks.has(i) ? ", with branches" : ""}`);
            token.title = hidden() ? "" : `p = ${showProbability(path[i].p)}`;
            token.classList.toggle("dx-later", i >= place);
            token.classList.toggle("dx-forced", forced(i));
            token.classList.toggle("dx-forks", forks.has(i));
            token.classList.toggle("dx-unlikely", path[i].p < UNLIKELY);
          });
        },
      };
    }

    function legend() {
      const swatch = (p) => {
        const node = element("span", { class: "dx-swatch", text: String(p) });
        node.style.setProperty("--depth", Math.min(1, nats(p) / DEEPEST).toFixed(3));
        return node;
      };
      const node = element("p", { class: "dx-rest dx-scale" }, "p of the token: ",
        ...[1, 0.3, 0.1, 0.03].map(swatch), Object.assign(swatch(0.001), { className: "dx-swatch dx-unlikely" }),
        " underlined below 0.01");
      const forks = element("span", { text: " · ▾ branches recorded" });
      node.append(forks);
      return { node, update() { forks.hidden = branches.length < 2; } };
    }

    // ---- step, play, rewind ------------------------------------------------------------------------

    function move(to) {
      set({ position: Math.min(Math.max(to, 1), path.length) });
      announce(sentence());
    }

    function stop() {
      clearInterval(timer);
      timer = null;
      if (mounted) views.transport.update();
    }

    function play() {
      if (place === path.length) set({ position: 1 });
      timer = setInterval(() => {
        if (!el.isConnected || place >= path.length) stop();
        else set({ position: place + 1 });
        if (place >= path.length) stop();
      }, TICK);
      views.transport.update();
    }

    function transport() {
      const button = (name, text, onclick) => element("button", { type: "button", "data-dx": name, text, onclick });
      const rewind = button("rewind", "Rewind", () => { stop(); move(1); });
      const back = button("back", "Back", () => { stop(); move(place - 1); });
      const start = button("play", "Play", () => (timer ? stop() : play()));
      const next = button("step", "Step", () => { stop(); move(place + 1); });
      let scale = null;
      const knob = parts.knob({
        name: "position", label: "Token", min: 1, max: () => path.length, integer: true,
        scale: () => (scale && scale.max === path.length ? scale : (scale = parts.linear(1, path.length, 1))),
        get: () => place, set: (value) => { stop(); move(value); },
        valueText: (value) => `${value} of ${path.length}` });
      const node = element("div", { class: "dx-transport" },
        element("div", { class: "dx-buttons", role: "group", "aria-label": "Player" }, rewind, back, start, next), knob.node);
      return {
        node,
        update() {
          // aria-disabled, so that a button keeps the focus when it reaches an end
          for (const one of [rewind, back]) one.setAttribute("aria-disabled", String(place === 1));
          next.setAttribute("aria-disabled", String(place === path.length));
          start.textContent = timer ? "Pause" : "Play";
          knob.update();
        },
      };
    }

    // ---- one token ---------------------------------------------------------------------------------

    const sentence = () => `Token ${place} of ${path.length}, ${quoted(textOf(place - 1))}`
      + (hidden() ? "." : `: p ${showProbability(step.p)}, rank ${showCount(step.rank)}, entropy `
        + `${step.entropy.toFixed(3)} nats, ${showCount(step.kept)} tokens kept.`);

    /** What was decided at a place, in words. */
    function noteOf(i) {
      if (!forced(i)) return path[i].decision;
      const other = pathOf(branches, branches[model.get("branch")].parent)[i];
      return `taken here instead of ${quoted(other.text)}`;
    }

    function readout() {
      const values = {};
      const fact = (key, name) => element("p", { class: "dx-fact" },
        element("span", { class: "dx-fact-name", text: name }), " ",
        (values[key] = element("b", { class: "dx-fact-value", "data-dx": key })));
      const note = element("p", { class: "dx-rest", "data-dx": "note" });
      const node = element("div", { class: "dx-one" },
        element("div", { class: "dx-facts" },
          fact("token", "Token"), fact("p", "p"), fact("rank", "Rank"), fact("entropy", "Entropy (nats)"), fact("kept", "Tokens kept")),
        note);
      return {
        node,
        update() {
          const show = (text) => (hidden() ? HIDDEN : text);
          values.token.textContent = isEnd(place - 1) ? "end of text" : showToken(step.text);
          values.p.textContent = show(showProbability(step.p));
          values.rank.textContent = show(showCount(step.rank));
          values.entropy.textContent = show(step.entropy.toFixed(3));
          values.kept.textContent = show(`${showCount(step.kept)} of ${showCount(data.vocab)}`);
          note.textContent = hidden() ? "" : noteOf(place - 1);
          note.hidden = !note.textContent;
        },
      };
    }

    function candidateRow() {
      const cells = {};
      const cell = (name) => (cells[name] = element("span", { class: `dx-${name}` }));
      const button = element("button", { type: "button", class: "dx-take" });
      const node = element("li", { class: "dx-row dx-option", "data-dx": "candidate" }, cell("token"),
        element("span", { class: "dx-track", "aria-hidden": "true" }, cell("bar-after"), cell("bar-before")),
        cell("before"), cell("after"), element("span", { class: "dx-way" }, cell("taken"), button));
      button.onclick = () => cells.take();

      function update([id, token, before, after, remover], longest, shows) {
        const percent = (p) => `${((100 * p) / longest).toFixed(2)}%`;
        const chosen = id === step.id;
        const isCut = shows && after === 0 && before > 0;
        node.classList.toggle("dx-cut", isCut);
        node.classList.toggle("dx-picked", chosen);
        cells.token.textContent = showToken(token);
        cells["bar-after"].style.width = percent(after);
        cells["bar-before"].style.width = percent(before);
        cells.before.textContent = showProbability(before);
        cells.after.textContent = isCut ? `✕ ${remover === null ? "removed" : data.processors[remover]}` : showProbability(after);
        cells.taken.textContent = chosen ? "● chosen" : "";
        const recorded = chosen ? -1 : findBranch(branches, pathWith(id));
        button.hidden = chosen || (recorded < 0 && !isLive);
        button.textContent = recorded < 0 ? "Generate" : "See";
        button.setAttribute("aria-label", recorded < 0 ? `Generate from ${quoted(token)}` : `See the text with ${quoted(token)}`);
        button.setAttribute("aria-disabled", String(recorded < 0 && waiting()));
        cells.take = () => {
          if (recorded >= 0) {
            go(recorded, place);
            views.text.focus();
          } else if (!waiting()) ask(id, token);
        };
      }
      return { node, update };
    }

    function candidates() {
      const rows = [];
      const head = element("div", { class: "dx-row dx-option dx-head", "aria-hidden": "true" },
        element("span", { text: "candidate" }),
        element("span", { class: "dx-legend" }, element("span", { class: "dx-key dx-key-after", text: "after" }),
          element("span", { class: "dx-key dx-key-before", text: "before" })),
        element("span", { text: "before" }), element("span", { text: "after" }), element("span"));
      const list = element("ol", { class: "dx-options", "aria-label": "Candidates: probability before and after the strategy’s changes" });
      const hint = element("p", { class: "dx-rest", text: isLive
        ? "Generate: take this candidate instead, and let the strategy go on from there."
        : "See: where a branch was recorded. Where this runs with a kernel, every candidate can be generated from." });
      const node = element("div", { class: "dx-chart" }, head, list, hint);
      const changes = () => branches.some(({ steps }) => steps.some((one) => one.candidates.some(([, , before, after]) => before !== after)));
      let shows = null;
      let counted = 0;
      return {
        node,
        update() {
          node.hidden = hidden();
          if (hidden()) return;
          if (counted !== branches.length) { shows = changes(); counted = branches.length; }
          while (rows.length < step.candidates.length) rows.push(candidateRow());
          const shown = rows.slice(0, step.candidates.length).map(({ node }) => node);
          if (list.children.length !== shown.length) list.replaceChildren(...shown);
          node.classList.toggle("dx-unchanged", !shows);
          const longest = Math.max(...step.candidates.flatMap(([, , before, after]) => [before, after]));
          step.candidates.forEach((candidate, i) => rows[i].update(candidate, longest, shows));
        },
      };
    }

    // ---- asking the kernel for a new branch ----------------------------------------------------------

    let late = null; // runs out while the kernel is silent
    let unanswered = false;

    function ask(id, token) {
      stop();
      unanswered = false;
      set({ message: "", request: [model.get("branch"), place, id] });
      announce(`Generating from ${quoted(token)}.`);
      late = setTimeout(() => { unanswered = true; views.status.update(); }, PATIENCE);
    }

    function status() {
      const node = element("p", { class: "dx-status", "data-dx": "status" });
      let before = false;
      return {
        node,
        update() {
          node.textContent = !waiting() ? model.get("message") || ""
            : unanswered ? "Still waiting for the kernel. If it is not busy, run this cell again." : "Generating…";
          node.hidden = !node.textContent;
          if (before && !waiting()) {
            clearTimeout(late);
            announce(model.get("message") || `Text ${model.get("branch") + 1}: ${nameOf(model.get("branch"))}.`);
          }
          before = waiting();
        },
      };
    }

    // ---- the table and the code ----------------------------------------------------------------------

    const rowsOfTable = () => path.map((one, i) => [i + 1, isEnd(i) ? "end of text" : showToken(one.text), one.id,
      ...(hidden() ? [HIDDEN, HIDDEN, HIDDEN, HIDDEN, ""]
        : [one.p.toPrecision(6), one.rank, one.entropy.toFixed(3), one.kept, noteOf(i)])]);

    function code() {
      const { parent, start, steps } = branches[model.get("branch")];
      const lines = [...parts.imports(data.code), "", data.load ? `lm = ${data.load}` : "# lm is the table of this page",
        `strategy = ${data.code}`];
      const prompt = JSON.stringify(data.prompt);
      const generate = (what, count) => [
        `generation = dl.generate(lm, ${what}, strategy, max_new_tokens=${count}, seed=${data.seed}, trace=True)`,
        "print(generation.full_text)"];
      if (parent === null) return [...lines, ...generate(prompt, data.max_new_tokens)].join("\n");
      const ids = path.slice(0, start + 1).map(({ id }) => id);
      lines.push(`ids = lm.prompt_ids(${prompt}).tolist() + ${JSON.stringify(ids).replaceAll(",", ", ")}`);
      return [...lines, ...(steps.length > 1 ? generate("ids", data.max_new_tokens - ids.length) : ["print(lm.decode(ids))"])].join("\n");
    }

    function answer() {
      const { name, value } = data.predict.answer;
      const places = ["least_probable", "most_uncertain"];
      if (places.includes(name)) return { value, text: `token ${value}, ${quoted(branches[0].steps[value - 1].text)}` };
      return { value, text: Number.isInteger(value) ? showCount(value) : value.toFixed(3) };
    }

    const views = {
      header: header(),
      prediction: parts.prediction({ model, answer, next: "Now step through the text." }),
      branch: branchPicker(), text: text(), legend: legend(), transport: transport(), status: status(),
      readout: readout(), candidates: candidates(),
      table: parts.table({ summary: "The tokens as a table", rowHeader: 1,
        columns: ["place", "token", "id", "p", "rank", "entropy", "kept", "note"], rows: rowsOfTable }),
      code: parts.sharing({ model, code }),
    };
    const update = () => {
      look();
      for (const view of Object.values(views)) view.update();
    };
    mounted = parts.assemble({ model, el, views, settings: STATE, update });
    return () => { stop(); clearTimeout(late); mounted(); };
  }

  register("player", render);
})();
