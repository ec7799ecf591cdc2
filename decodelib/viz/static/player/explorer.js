// @ts-check
/* The generation player: a text token by token, what else could have come, and where it led. */
(() => {
  const { element, showToken, quoted, showProbability, showCount, parts, player } =
    globalThis.DecodeExplorer;

  const SETTINGS = ["branch", "position"];
  const FROM_KERNEL = ["data", "request", "message"];

  /** @param {Page<PlayerData>} page */
  function create(page) {
    const scene = sceneOf(page);
    const text = player.text(scene);
    const transport = player.transport(scene);
    const status = player.status(scene);
    Object.assign(scene, {
      stop: transport.stop,
      /** @param {number} branch */
      see(branch) {
        scene.go(branch, scene.place);
        text.focus();
      },
      /** Ask the kernel to go on from another candidate. @type {PlayerScene["ask"]} */
      ask(id, token) {
        if (scene.isWaiting()) return;
        scene.stop();
        scene.set({ message: "", request: [scene.get("branch"), scene.place, id] });
        scene.announce(`Generating from ${quoted(token)}.`);
        status.wait();
      },
    });
    const { data } = page;
    const strategy = element(
      "p",
      { class: "dx-strategy" },
      element("code", { text: data.strategy }),
    );
    const views = [
      parts.header({ page, source: () => `seed ${data.seed}`, below: [strategy] }),
      parts.prediction({
        page,
        answer: () => answer(scene),
        depends: dependsOn(data),
        next: "Now step through the text.",
      }),
      player.branchPicker(scene),
      text,
      player.legend(scene),
      transport,
      status,
      readout(scene),
      player.candidates(scene),
      parts.table({
        summary: "The tokens as a table",
        rowHeader: 1,
        rows: () => rowsOfTable(scene),
        columns: ["place", "token", "id", "p", "rank", "entropy", "kept", "note"],
      }),
      parts.sharing({
        model: page.model,
        code: () => player.asCode(scene.data, page.get("branch")),
      }),
    ];
    const stop = () => {
      transport.stop();
      status.stop();
    };
    return { views, look: scene.look, stop };
  }

  /** The page, and where in which text its reader is.
   * @param {Page<PlayerData>} page */
  function sceneOf(page) {
    const { model, get, set, announce, hidden } = page;
    const scene = /** @type {PlayerScene} */ (Object.create(page));
    const current = () => page.data.branches[get("branch")];
    const look = () => {
      scene.path = player.pathOf(page.data.branches, get("branch"));
      scene.place = Math.min(get("position"), scene.path.length);
      scene.step = scene.path[scene.place - 1];
    };
    /** @type {PlayerScene["isEnd"]} */
    const isEnd = (i) => i === scene.path.length - 1 && current().end === "eos";
    /** @type {PlayerScene["textOf"]} */
    const textOf = (i) => (isEnd(i) ? "end of text" : scene.path[i].text);
    const sentence = () => {
      const { place, path, step } = scene;
      const start = `Token ${place} of ${path.length}, ${quoted(textOf(place - 1))}`;
      return hidden()
        ? `${start}.`
        : `${start}: p ${showProbability(step.p)}, rank ${showCount(step.rank)}, entropy ` +
            `${step.entropy.toFixed(3)} nats, ${showCount(step.kept)} tokens kept.`;
    };
    return Object.assign(scene, {
      look,
      isEnd,
      textOf,
      isLive: typeof model.send === "function", // a model with a kernel can send it messages
      isForced: (/** @type {number} */ i) => current().parent !== null && i === current().start,
      // A page has neither of the traits that a kernel answers with.
      isWaiting: () => (get("request") ?? []).length > 0,
      branchWith: (/** @type {number} */ id) => {
        const before = scene.path.slice(0, scene.place - 1).map((one) => one.id);
        return player.findBranch(page.data.branches, [...before, id]);
      },
      move: (/** @type {number} */ to) => {
        scene.stop();
        set({ position: Math.min(Math.max(to, 1), scene.path.length) });
        announce(sentence());
      },
      go: (/** @type {number} */ branch, at = page.data.branches[branch].start + 1) => {
        scene.stop();
        set({ branch, position: at });
        announce(`Text ${branch + 1}: ${player.nameOf(page.data.branches, branch)}.`);
      },
    });
  }

  /** What was decided at a place, in words.
   * @type {(scene: PlayerScene, i: number) => string} */
  function noteOf({ path, data, get, isForced }, i) {
    const { parent } = data.branches[get("branch")];
    if (!isForced(i) || parent === null) return path[i].decision;
    return `taken here instead of ${quoted(player.pathOf(data.branches, parent)[i].text)}`;
  }

  /** @param {PlayerScene} scene */
  function readout(scene) {
    const facts = {
      token: parts.fact("token", "Token", "b"),
      p: parts.fact("p", "p", "b"),
      rank: parts.fact("rank", "Rank", "b"),
      entropy: parts.fact("entropy", "Entropy (nats)", "b"),
      kept: parts.fact("kept", "Tokens kept", "b"),
    };
    const note = element("p", { class: "dx-rest", "data-dx": "note" });
    return {
      node: element(
        "div",
        { class: "dx-one" },
        element("div", { class: "dx-facts" }, ...Object.values(facts).map(({ node }) => node)),
        note,
      ),
      update() {
        const { step, place, hidden, isEnd, data } = scene;
        const show = (/** @type {string} */ text) => (hidden() ? "?" : text);
        facts.token.value.textContent = isEnd(place - 1) ? "end of text" : showToken(step.text);
        facts.p.value.textContent = show(showProbability(step.p));
        facts.rank.value.textContent = show(showCount(step.rank));
        facts.entropy.value.textContent = show(step.entropy.toFixed(3));
        facts.kept.value.textContent = show(`${showCount(step.kept)} of ${showCount(data.vocab)}`);
        note.textContent = hidden() ? "" : noteOf(scene, place - 1);
        note.hidden = !note.textContent;
      },
    };
  }

  /** @param {PlayerScene} scene */
  function rowsOfTable(scene) {
    return scene.path.map((one, i) => {
      const numbers = [
        one.p.toPrecision(6),
        one.rank,
        one.entropy.toFixed(3),
        one.kept,
        noteOf(scene, i),
      ];
      const secrets = ["?", "?", "?", "?", ""];
      const token = scene.isEnd(i) ? "end of text" : showToken(one.text);
      return [i + 1, token, one.id, ...(scene.hidden() ? secrets : numbers)];
    });
  }

  const OF_THE_TEXT = ["least_probable", "most_uncertain", "unlikely"]; // the others: of one token

  /** @param {PlayerData} data */
  const dependsOn = ({ predict }) =>
    OF_THE_TEXT.includes(predict?.answer.name) ? ["branch"] : ["branch", "position"];

  /** @param {PlayerScene} scene */
  function answer({ data }) {
    const { name, value } = data.predict?.answer ?? {};
    if (name === "least_probable" || name === "most_uncertain") {
      return { value, text: `token ${value}, ${quoted(data.branches[0].steps[value - 1].text)}` };
    }
    return { value, text: Number.isInteger(value) ? showCount(value) : value.toFixed(3) };
  }

  parts.explorer("player", [...SETTINGS, ...FROM_KERNEL], create);
})();
