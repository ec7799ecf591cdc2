// @ts-check
/* The arithmetic of a text that is edited until its watermark is no longer found. */
(() => {
  const { greenDigits, games } = globalThis.DecodeEngine;
  const { detect, binomialTail } = globalThis.DecodeExplorer.rules;

  const TRIES = 300; // of a random editor

  /** @typedef {object} Marked What decodelib/viz/page/games.py says of all texts.
   *  @property {{key: number, gamma: number}} mark
   *  @property {number} vocab
   *  @property {number} threshold The detector reports a z of at least this.
   *
   *  @typedef {object} MarkedText
   *  @property {number[]} ids
   *  @property {number[][]} others For each place, the tokens that may replace the one there.
   *  @property {string[]} green Which of `vocabulary` is green after each of it.
   *  @property {Map<number, number>} wordOf The places of ids in `vocabulary`.
   *  @property {Marked} about
   *
   *  @typedef {{place: number, id: number}} Edit A token in the place of another; places count from 0. */

  /** A text as it is before any edit.
   *  @param {Marked} about
   *  @param {{ids: number[], others: number[][]}} text
   *  @returns {MarkedText} */
  function markedText(about, { ids, others }) {
    const vocabulary = [...new Set([...ids, ...others.flat()])];
    const green = greenDigits(about.mark, vocabulary, about.vocab);
    return { ids, others, green, wordOf: new Map(vocabulary.map((id, i) => [id, i])), about };
  }

  /** What the detector says of tokens, and how many bits of evidence that is: -log2 of the p-value.
   *  @param {MarkedText} text
   *  @param {number[]} ids */
  function judge({ green, wordOf, about }, ids) {
    const { gamma } = about.mark;
    const left = ids.map((id, i) => ({
      place: i + 1,
      word: /** @type {number} */ (wordOf.get(id)),
      isChanged: false,
    }));
    const found = detect(/** @type {any} */ ({ green }), left, gamma);
    const { scored, green: hits, z } = found[found.length - 1];
    const p = binomialTail(hits, scored, gamma);
    return { found, scored, green: hits, z, p, bits: games.bits(p), isFound: z >= about.threshold };
  }

  /** Whoever has the key replaces, each time, what lowers z most: how they get below the threshold.
   *  @param {MarkedText} text
   *  @returns {Edit[]} */
  function editedWithKey(text) {
    const ids = text.ids.slice();
    /** @type {Edit[]} */
    const edits = [];
    while (judge(text, ids).isFound) {
      let best = { z: Infinity, place: -1, id: -1 };
      for (const [place, others] of text.others.entries())
        for (const id of others) {
          const { z } = judge(text, ids.with(place, id));
          if (z < best.z) best = { z, place, id };
        }
      ids[best.place] = best.id;
      edits.push({ place: best.place, id: best.id });
    }
    return edits;
  }

  /** What one who replaces at random needs on average, places and tokens alike: how many tokens, and how many
   *  bits each takes.
   *  @param {MarkedText} text
   *  @param {{uniform: () => number}} generator */
  function editedAtRandom(text, generator) {
    const places = text.ids.map((_, i) => i);
    const before = judge(text, text.ids).bits;
    let [edits, taken] = [0, 0];
    for (let n = 0; n < TRIES; n++) {
      const ids = text.ids.slice();
      const order = games.shuffled(places, generator);
      let now = judge(text, ids);
      for (let i = 0; now.isFound && i < order.length; i++) {
        const others = text.others[order[i]];
        ids[order[i]] = others[Math.floor(generator.uniform() * others.length)];
        now = judge(text, ids);
        edits++;
      }
      taken += before - now.bits;
    }
    return { edits: edits / TRIES, bits: taken / edits };
  }

  Object.assign(globalThis.DecodeEngine, {
    marks: { markedText, judge, editedWithKey, editedAtRandom },
  });
})();
