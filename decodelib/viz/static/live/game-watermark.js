// @ts-check
/* Fool the watermark: replace tokens of a marked text until its detector no longer finds the mark. The rivals
 * are one who replaces at random, and one who has the key. */
(() => {
  const live = globalThis.DecodeLive;
  const { element, quoted, showToken } = globalThis.DecodeExplorer;
  const { fact } = globalThis.DecodeExplorer.parts;
  const { marks, Generator } = globalThis.DecodeEngine;
  const { model, parts } = live;
  const { tokenButtons, underline, priceOf, inText } = live.markedText;

  const OTHERS = 5; // offered for each token, as in decodelib/viz/page/games.py
  const LENGTH = 50;
  const TRIES = 10; // texts that the model may write until one is found well enough
  const LEAST_Z = 6;

  /** @typedef {object} Text
   *  @property {string} before
   *  @property {number[]} before_ids
   *  @property {number[]} ids
   *  @property {number[][]} others
   *  @property {Record<number, string>} names What each token is as text.
   *  @property {number} surprisal Nats a token, before any edit.
   *
   *  @typedef {{text: Text, marked: any}} Round
   *  @typedef {{yours: number, random: number, key: number, taken: number, price: () => number | null}} Result
   *    Tokens replaced, by whom; the bits of evidence that yours took; nats a token more, where that is known. */

  const count = (/** @type {number} */ n, what = "token") => `${n} ${what}${n === 1 ? "" : "s"}`;
  const bits = (/** @type {number} */ x) => `${x.toFixed(1)} bits`;

  /** @param {any} about
   *  @param {Text} text
   *  @returns {Round} */
  const roundOf = (about, text) => ({ text, marked: marks.markedText(about, text) });

  /** @param {Round} round
   *  @param {any} desk */
  function pose({ text, marked }, desk) {
    const { about } = marked;
    let ids = text.ids.slice();
    let used = 0;
    let opened = -1;
    let isOver = false;
    const start = marks.judge(marked, ids);
    const facts = {
      z: fact("z", "z", "b"),
      evidence: fact("evidence", "evidence", "b"),
      p: fact("p", "p-value"),
      used: fact("used", "replaced"),
    };
    const panel = element("div", { class: "live-panel", hidden: true });
    const { node, buttons } = tokenButtons(text, open);

    function update() {
      const now = marks.judge(marked, ids);
      facts.z.value.textContent = now.z.toFixed(2);
      facts.evidence.value.textContent = bits(now.bits);
      facts.p.value.textContent = now.p.toPrecision(2);
      facts.used.value.textContent = count(used);
      return now;
    }

    /** Show what may stand in a place, or close what is shown.
     *  @param {number} place */
    function open(place) {
      if (isOver) return;
      const isOpen = opened === place;
      if (opened >= 0) buttons[opened].setAttribute("aria-expanded", "false");
      opened = isOpen ? -1 : place;
      panel.hidden = isOpen;
      if (isOpen) return;
      buttons[place].setAttribute("aria-expanded", "true");
      const offered = text.others[place].filter((id) => id !== ids[place]);
      panel.replaceChildren(
        element("p", { text: `Replace ${quoted(text.names[ids[place]])} by` }),
        element(
          "div",
          { class: "live-choices" },
          ...offered.map((id) =>
            element("button", {
              type: "button",
              text: showToken(text.names[id]),
              "data-live-other": id,
              onclick: () => replace(place, id),
            }),
          ),
        ),
      );
    }

    /** @param {number} place
     *  @param {number} id */
    function replace(place, id) {
      const was = text.names[ids[place]];
      ids = ids.with(place, id);
      used++;
      open(place); // closes it
      buttons[place].textContent = inText(text.names[id]);
      buttons[place].classList.add("dx-mark-new");
      buttons[place].focus();
      const now = update();
      const told = `${quoted(was)} became ${quoted(text.names[id])}`;
      if (!now.isFound) return over(told, now);
      desk.said.textContent = `${told}: z ${now.z.toFixed(2)}, ${bits(now.bits)} of evidence left.`;
    }

    /** @param {string} told
     *  @param {any} now */
    function over(told, now) {
      const random = marks.editedAtRandom(marked, new Generator(0n));
      const edits = marks.editedWithKey(marked);
      const taken = start.bits - now.bits;
      const price = priceOf(text, ids);
      /** @type {Result} */
      const result = {
        yours: used,
        random: random.edits,
        key: edits.length,
        taken,
        price: () => price.value,
      };
      isOver = true;
      underline(buttons, now.found);
      const rows = [
        ["you", used, (taken / used).toFixed(1)],
        ["at random", random.edits.toFixed(1), random.bits.toFixed(1)],
        ["with the key", edits.length, (takenBy(edits) / edits.length).toFixed(1)],
      ];
      const best = edits.map(
        (/** @type {any} */ { place, id }) =>
          `${quoted(text.names[text.ids[place]])} → ${quoted(text.names[id])}`,
      );
      desk.end(
        result,
        `${told}, and the mark is gone: z ${now.z.toFixed(2)} after ${count(used, "replacement")}.`,
        [
          element("p", {
            class: "live-note",
            text:
              `Underlined: green after the token before it, ${start.green} of ${start.scored} at first and ${now.green} of ${now.scored} now. ` +
              `Dashed: not counted. The table says how many bits of evidence each replacement took; “at random” is a mean. ` +
              `With the key: ${best.join(", ")}.`,
          }),
          parts.numbers(["who", "replaced", "bits each"], rows),
          price.node,
        ],
      );
    }

    const takenBy = (/** @type {{place: number, id: number}[]} */ edits) => {
      const edited = text.ids.slice();
      for (const { place, id } of edits) edited[place] = id;
      return start.bits - marks.judge(marked, edited).bits;
    };

    update();
    desk.board.replaceChildren(
      element(
        "div",
        { class: "live-shown", tabindex: "-1" },
        element(
          "p",
          { class: "live-note" },
          "Storybook has continued ",
          element("span", { class: "live-prompt", text: `“${text.before}”` }),
          ` with a mark. Bring z below ${about.threshold}: press a token to replace it. Each replacement counts, and none is taken back.`,
        ),
        element(
          "div",
          { class: "dx-facts dx-mark-facts" },
          ...Object.values(facts).map((one) => one.node),
        ),
      ),
      node,
      panel,
    );
  }

  /** @param {Result[]} results */
  function sum(results) {
    const total = (/** @type {(one: Result) => number} */ of) =>
      results.reduce((all, one) => all + of(one), 0);
    const [yours, random, key] = [
      total((one) => one.yours),
      total((one) => one.random),
      total((one) => one.key),
    ];
    const knowsPrice = results.some((one) => one.price() !== null);
    return {
      said:
        `${count(results.length, "text")}: you replaced ${count(yours)}, ${bits(total((one) => one.taken) / yours)} of evidence each. ` +
        `Replacing at random takes ${random.toFixed(1)} on average; with the key ${key} are enough.`,
      columns: [
        "text",
        "you",
        "at random",
        "with the key",
        ...(knowsPrice ? ["nats a token more"] : []),
      ],
      rows: results.map((one, i) => [
        i + 1,
        one.yours,
        one.random.toFixed(1),
        one.key,
        ...(knowsPrice ? [one.price()?.toFixed(2) ?? "not known"] : []),
      ]),
    };
  }

  live.game({
    name: "watermark",
    title: "Fool the watermark",
    count: 3,
    why: "With the model there are rounds without end, in texts that it marks itself.",
    pose,
    sum,
    recorded: (/** @type {any} */ { marked }, /** @type {any} */ generator) =>
      globalThis.DecodeEngine.games
        .shuffled(marked.texts, generator)
        .map((/** @type {Text} */ text) => roundOf(marked, text)),
    async fresh(/** @type {any} */ { marked }, /** @type {any} */ generator) {
      const from = marked.texts[Math.floor(generator.uniform() * marked.texts.length)];
      for (let tries = 0; tries < TRIES; tries++) {
        const text = await written(marked, from, generator);
        if (!text) return null;
        const round = roundOf(marked, text);
        if (marks.judge(round.marked, text.ids).z >= LEAST_Z) return round;
      }
      return null;
    },
  });

  /** A text that the model marks, or null if it was asked for something else.
   *  @param {any} about
   *  @param {Text} from
   *  @param {any} generator
   *  @returns {Promise<Text | null>} */
  async function written({ mark }, { before, before_ids: ids }, generator) {
    /** @type {any[]} */
    const steps = [];
    const request = {
      strategy: "sampling",
      given: { green_list: mark },
      max_new_tokens: LENGTH,
      min_new_tokens: LENGTH,
      stop: [],
      seed: String(Math.floor(generator.uniform() * 2 ** 32)),
    };
    /** @type {number} */
    let eos = -1;
    const done = await model.ask(
      { type: "generate", ids, request },
      {
        onStart: (/** @type {any} */ _, /** @type {number} */ id) => {
          eos = id;
        },
        onStep: (/** @type {any} */ step) => steps.push(step),
      },
    );
    if (!done) return null;
    /** @type {Record<number, string>} */
    const names = {};
    const others = steps.map(({ tokenId, token, candidates }) => {
      names[tokenId] = token;
      const offered = candidates
        .filter(
          (/** @type {any} */ one) =>
            one.id !== tokenId && one.id !== eos && !one.token.includes("\ufffd"),
        )
        .slice(0, OTHERS);
      for (const one of offered) names[one.id] = one.token;
      return offered.map((/** @type {any} */ one) => one.id);
    });
    const total = steps.reduce((all, step) => all - step.logprob, 0);
    return {
      before,
      before_ids: ids,
      ids: steps.map((step) => step.tokenId),
      others,
      names,
      surprisal: total / steps.length,
    };
  }
})();
