// @ts-check
/* A beam search with the tree that it grows, and a text with the entropy at each of its places: what
 * decodelib/viz/beams/record.py and decodelib/viz/entropy/record.py record for the explorers. */
(() => {
  const { BeamSearch, Stopping, Transcript, decode, generate, readPrompt, checkLength } =
    globalThis.DecodeEngine;
  const { entropies, largest, logSumExp, tokenTexts } = globalThis.DecodeEngine;

  const MORE = 10; // pruned candidates beyond those that the search itself looks at

  /** @typedef {"kept" | "finished" | "pruned"} Fate
   *  @typedef {object} Node A candidate: a text of the step before and one more token.
   *  @property {number | null} parent
   *  @property {number} length
   *  @property {number} id
   *  @property {number} logprob
   *  @property {number} total
   *  @property {Fate} fate */

  /** Beam search that goes on to the last step, so that every stopping rule can be replayed. */
  class EveryStep extends BeamSearch {
    /** @param {any} transcript
     *  @param {number} width */
    constructor(transcript, width) {
      super(transcript, { num_beams: width }, 0n);
      this.looked += MORE;
      /** @type {Node[]} */
      this.nodes = [];
    }

    /** @param {{row: number, id: number, logprob: number, total: number}} candidate
     *  @param {Fate} fate */
    record({ row, id, logprob, total }, fate) {
      const { node: parent, transcript } = this.live[row];
      const length = transcript.tokenIds.length + 1;
      return this.nodes.push({ parent, length, id, logprob, total, fate }) - 1;
    }

    /** @param {any[]} live */
    isDone(live) {
      return !live.length;
    }
  }

  /** Grow a tree; yields after every token that was read.
   *  @param {any} model
   *  @param {any} tokenizer
   *  @param {number[]} promptIds
   *  @param {{width: number, steps: number, pruned: number}} settings `pruned`: how many are shown of each step.
   *  @param {{ids: number[], states: any[]}} [memory] */
  function* growTree(model, tokenizer, promptIds, settings, memory = { ids: [], states: [] }) {
    const { width, steps, pruned } = settings;
    checkLength(model, promptIds.length, steps);
    const rules = { maxNewTokens: steps, minNewTokens: 0, stop: [] };
    const request = { strategy: "greedy", given: {}, seed: "0", max_new_tokens: steps };
    const greedy = yield* generate(
      model,
      tokenizer,
      promptIds,
      { ...request, min_new_tokens: 0, stop: [] },
      memory,
    );
    const transcript = new Transcript(promptIds, new Stopping(tokenizer, model.eos, rules));
    const search = new EveryStep(transcript, width);
    yield* decode(model, promptIds, search, memory);
    const { nodes, path } = withGreedy(search.nodes, greedy);
    const shown = nodes.filter((node) => {
      if (node.fate !== "pruned" || path.includes(node)) return true;
      const above = nodes.filter((one) => one.fate === "pruned" && one.length === node.length);
      return above.indexOf(node) < pruned;
    });
    shown.sort((a, b) => a.length - b.length); // a sort that keeps the order within a step
    const place = new Map(shown.map((node, i) => [node, i]));
    return {
      greedy: { text: greedy.text, total: greedy.score },
      tree: {
        num_beams: width,
        greedy: path.map((node) => place.get(node)),
        nodes: shown.map(({ parent, length, id, logprob, total, fate }) => [
          parent === null ? null : place.get(nodes[parent]),
          length,
          tokenizer.decode([id]),
          logprob,
          total,
          fate,
        ]),
      },
    };
  }

  /** The tree with the node where greedy's path leaves the beam, however low it ranked.
   *  @param {Node[]} nodes
   *  @param {{tokenIds: number[], logprobs: number[]}} greedy */
  function withGreedy(nodes, { tokenIds, logprobs }) {
    /** @type {Node[]} */
    const path = [];
    let [parent, total] = [/** @type {number | null} */ (null), 0];
    for (const [i, id] of tokenIds.entries()) {
      total += logprobs[i];
      const at = nodes.findIndex(
        (one) => one.parent === parent && one.id === id && one.length === i + 1,
      );
      if (at < 0) {
        const left = { parent, length: i + 1, id, logprob: logprobs[i], total };
        path.push({ ...left, fate: /** @type {Fate} */ ("pruned") });
        return { nodes: [...nodes, path[i]], path };
      }
      path.push(nodes[at]);
      if (nodes[at].fate !== "kept") break;
      parent = at;
    }
    return { nodes, path };
  }

  /** Surprisal, entropy, varentropy and the most probable tokens at every place of a text.
   *  @param {any} model
   *  @param {any} tokenizer
   *  @param {number[]} ids
   *  @param {number} top How many of the most probable tokens.
   *  @param {{ids: number[], states: any[]}} [memory] */
  function* entropiesAlong(model, tokenizer, ids, top, memory = { ids: [], states: [] }) {
    if (ids.length < 2)
      throw new Error("an entropy map needs a text of at least two tokens: write one more word");
    checkLength(model, ids.length, 0);
    /** @type {{surprisal: number[], entropy: number[], varentropy: number[], top: [string, number][][]}} */
    const found = { surprisal: [], entropy: [], varentropy: [], top: [] };
    for (let end = 1; end < ids.length; end++) {
      const logits = yield* readPrompt(model, ids.slice(0, end), memory);
      const all = logSumExp(logits);
      const { entropy, varentropy } = entropies(logits);
      found.surprisal.push(all - logits[ids[end]]);
      found.entropy.push(entropy);
      found.varentropy.push(varentropy);
      found.top.push(
        largest(logits, top).map((/** @type {number} */ id) => [
          tokenizer.decode([id]),
          Math.exp(logits[id] - all),
        ]),
      );
    }
    return { tokens: tokenTexts(tokenizer, ids), ...found };
  }

  Object.assign(globalThis.DecodeEngine, { growTree, entropiesAlong });
})();
