// @ts-check
/* A watermarked text after the reader's own prompt, and one without a mark, to edit. */
(() => {
  const { makers } = globalThis.DecodeLive.ownParts;
  const { Generator, games } = globalThis.DecodeEngine;

  const ORDER = 19n; // the seed of the order of the random edits

  makers.watermark = (/** @type {Model} */ recorded) => {
    const data = recorded.get("data");
    const longest = Math.max(...data.texts.map((/** @type {any} */ text) => text.ids.length));
    return {
      label: "Your own prompt",
      prompt: "",
      notes: [`A share of ${data.gamma} of the tokens is green, as in what is recorded.`],
      fields: {
        length: { label: "New tokens", value: Math.min(longest, 60), min: 2, max: 200 },
        delta: { label: "Delta, nats", value: 2, min: 0, max: 10 },
        key: { label: "Key", value: data.key, min: 0, max: Number.MAX_SAFE_INTEGER },
        seed: { label: "Seed", value: 1, min: 0, max: Number.MAX_SAFE_INTEGER },
      },
      async make(/** @type {any} */ given, /** @type {any} */ tools) {
        const { key, delta } = given;
        const mark = { key, gamma: data.gamma, delta };
        const texts = [];
        for (const [label, chain] of Object.entries({
          marked: { green_list: mark },
          unmarked: {},
        })) {
          const text = await write(label, chain, given, tools);
          if (!text) return null;
          const found = await tools.ask({ type: "green", mark, tokens: text.vocabulary });
          if (!found) return null;
          texts.push({ ...text, green: found.digits });
        }
        return {
          data: { gamma: data.gamma, key, threshold: data.threshold, texts },
          settings: {
            text: "marked",
            length: given.length,
            edits: [],
            how: "replaced",
            position: 1,
          },
        };
      },
    };
  };

  /** A text as decodelib/viz/rules/watermark.py records it, but for the green lists.
   *  @param {string} label
   *  @param {Record<string, any>} given The processors.
   *  @param {any} asked What the reader put in.
   *  @param {any} tools */
  async function write(label, given, { prompt, length, seed }, tools) {
    /** @type {any[]} */
    const steps = [];
    const request = {
      strategy: "sampling",
      given,
      max_new_tokens: length,
      min_new_tokens: length,
      stop: [],
      seed: String(seed),
    };
    const done = await tools.ask(
      { type: "generate", request, prompt },
      {
        onReading() {},
        onStep: (/** @type {any} */ step) => {
          steps.push(step);
          tools.tell(`The ${label} text: ${steps.length} of ${length} tokens.`);
        },
      },
    );
    if (!done) return null;
    // The model's most probable other token at each place.
    const swaps = steps.map(({ tokenId, candidates }) =>
      candidates.find((/** @type {any} */ one) => one.id !== tokenId),
    );
    const names = new Map([
      ...steps.map(({ tokenId, token }) => /** @type {[number, string]} */ ([tokenId, token])),
      ...swaps.map(({ id, token }) => /** @type {[number, string]} */ ([id, token])),
    ]);
    const vocabulary = [...names.keys()];
    const place = new Map(vocabulary.map((id, i) => [id, i]));
    const places = steps.map((_, i) => i + 1);
    return {
      label,
      vocabulary,
      words: [...names.values()],
      ids: steps.map(({ tokenId }) => place.get(tokenId)),
      swaps: swaps.map(({ id }) => place.get(id)),
      order: games.shuffled(places, new Generator(ORDER)),
    };
  }
})();
