// @ts-check
/* The decoding loop: decodelib/decoding/loop.py again, for one prompt. */
(() => {
  const { search, Stopping, Transcript } = globalThis.DecodeEngine;

  /** @typedef {object} Request
   *  @property {string} strategy
   *  @property {Record<string, any>} given The strategy's knobs, by the command line's names.
   *  @property {number} max_new_tokens
   *  @property {number} min_new_tokens
   *  @property {string[]} stop
   *  @property {string} seed A whole number in [0, 2^63). */

  /** Read token ids, most of which the cache may hold already; yields after each that it has not.
   *  @param {any} model
   *  @param {number[]} ids
   *  @param {{ids: number[], states: any[]}} memory What was read last; it is changed.
   *  @returns {Generator<{done: number, total: number}, Float64Array>} The logits that follow. */
  function* readPrompt(model, ids, memory) {
    let known = 0;
    // The last token is read anew, because it is its hidden state that the logits come from.
    while (known < ids.length - 1 && ids[known] === memory.ids[known]) known++;
    memory.states.length = Math.min(memory.states.length, known);
    memory.ids = ids.slice(0, memory.states.length);
    while (memory.ids.length < ids.length) {
      const id = ids[memory.ids.length];
      model.read(id, memory.states);
      memory.ids.push(id);
      yield { done: memory.ids.length, total: ids.length };
    }
    return model.logits();
  }

  /** Continue a prompt; yields after every token that was read, with the steps decided since.
   *  @param {any} model
   *  @param {any} tokenizer
   *  @param {number[]} promptIds
   *  @param {Request} request
   *  @param {{ids: number[], states: any[]}} [memory] */
  function* generate(model, tokenizer, promptIds, request, memory = { ids: [], states: [] }) {
    const { max_new_tokens: maxNewTokens, min_new_tokens: minNewTokens, stop } = request;
    checkLength(model, promptIds.length, maxNewTokens);
    const stopping = new Stopping(tokenizer, model.eos, { maxNewTokens, minNewTokens, stop });
    const decoding = search(
      request.strategy,
      request.given,
      new Transcript(promptIds, stopping),
      BigInt(request.seed),
    );
    yield* decode(model, promptIds, decoding, memory);
    return decoding.result();
  }

  /** Read the prompt, and then what a strategy asks for, until it has ended.
   *  @param {any} model
   *  @param {number[]} promptIds
   *  @param {any} decoding
   *  @param {{ids: number[], states: any[]}} memory */
  function* decode(model, promptIds, decoding, memory) {
    const first = readPrompt(model, promptIds, memory);
    let next = first.next();
    for (; !next.done; next = first.next()) yield { reading: next.value, steps: [] };
    let rows = [next.value];
    let caches = [memory.states.slice()];
    for (;;) {
      const moves = decoding.advance(rows);
      yield { reading: null, steps: decoding.newSteps() };
      if (!moves.length) return;
      caches = moves.map((/** @type {[number, number]} */ [row]) => caches[row].slice());
      rows = [];
      for (const [row, [, id]] of moves.entries()) {
        model.read(id, caches[row]);
        rows.push(model.logits());
        if (row + 1 < moves.length) yield { reading: null, steps: [] };
      }
    }
  }

  /** @param {any} model
   *  @param {number} prompt
   *  @param {number} maxNewTokens */
  function checkLength(model, prompt, maxNewTokens) {
    const limit = `the ${model.contextLength} of the model's context`;
    const all = prompt + maxNewTokens;
    if (all <= model.contextLength) return;
    throw new Error(
      maxNewTokens
        ? `the prompt's ${prompt} tokens plus ${maxNewTokens} new ones make ${all}, more than ${limit}: shorten one of them`
        : `the prompt has ${prompt} tokens, more than ${limit}: shorten it`,
    );
  }

  /** The ids of a prompt; BOS stands for an empty one.
   *  @param {any} model
   *  @param {any} tokenizer
   *  @param {string} text */
  function promptIds(model, tokenizer, text) {
    const ids = tokenizer.encode(text);
    return ids.length ? ids : [model.bos];
  }

  Object.assign(globalThis.DecodeEngine, { generate, decode, readPrompt, promptIds, checkLength });
})();
