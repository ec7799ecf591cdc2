// @ts-check
/* Shannon's game: which token comes next? The rival is the model, which bets on the same options. */
(() => {
  const live = globalThis.DecodeLive;
  const { element, quoted } = globalThis.DecodeExplorer;
  const { games } = globalThis.DecodeEngine;

  const OPTIONS = 5;
  const ELSE = "anything else";
  const WRITTEN = 24; // tokens before the one that is guessed, where the model writes

  /** A round of a place in a text: its most probable tokens, and all others.
   *  @param {{before: string, options: string[], p: number[], answer: number, came: string, source: string}} place
   *  @param {any} generator */
  function roundOf({ before, options, p, answer, came, source }, generator) {
    // In another order, or the first would be the most probable; "anything else" stays last.
    const order = games.shuffled(
      options.map((_, i) => i),
      generator,
    );
    const places = [...order, options.length];
    return {
      shown: [
        element(
          "p",
          { class: "live-text" },
          `${before}`,
          element("span", { class: "dx-blank", text: "?" }),
        ),
      ],
      options: [...order.map((/** @type {number} */ i) => quoted(options[i])), ELSE],
      answer: places.indexOf(answer),
      rival: places.map((i) => p[i]),
      told: [
        element(
          "p",
          { class: "live-text" },
          "… ",
          element("strong", { text: came.trimStart() }),
          ` … (${source})`,
        ),
      ],
    };
  }

  live.betting({
    name: "shannon",
    title: "Shannon’s game: what comes next?",
    question: "Which token comes next?",
    rival: "storybook",
    count: 10,
    why: "With the model there are rounds without end, in texts that it writes itself.",
    recorded: (/** @type {any} */ { words }, /** @type {any} */ generator) =>
      games.shuffled(words, generator).map((/** @type {any} */ place) => roundOf(place, generator)),
    async fresh(/** @type {any} */ { texts }, /** @type {any} */ generator) {
      const prompt = texts[Math.floor(generator.uniform() * texts.length)].before;
      const seed = String(Math.floor(generator.uniform() * 2 ** 32));
      /** @type {any[]} */
      const steps = [];
      const request = {
        strategy: "sampling",
        given: {},
        max_new_tokens: WRITTEN + 4,
        min_new_tokens: WRITTEN + 4,
        stop: [],
        seed,
      };
      const done = await live.model.ask(
        { type: "generate", prompt, request },
        { onStep: (/** @type {any} */ step) => steps.push(step) },
      );
      const at = steps.findIndex(
        ({ token }, i) => i >= WRITTEN - 6 && /^[^\p{L}\p{N}]/u.test(token),
      );
      if (!done || at < 0) return null;
      const text = (/** @type {any[]} */ some) => some.map((step) => step.text).join("");
      const top = steps[at].candidates.slice(0, OPTIONS);
      const p = top.map((/** @type {any} */ one) => one.before);
      const place = top.findIndex((/** @type {any} */ one) => one.id === steps[at].tokenId);
      return roundOf(
        {
          before: prompt + text(steps.slice(0, at)),
          options: top.map((/** @type {any} */ one) => one.token),
          p: [
            ...p,
            1 - p.reduce((/** @type {number} */ sum, /** @type {number} */ x) => sum + x, 0),
          ],
          answer: place < 0 ? OPTIONS : place,
          came: text(steps.slice(at, at + 4)),
          source: "storybook, sampled",
        },
        generator,
      );
    },
  });
})();
