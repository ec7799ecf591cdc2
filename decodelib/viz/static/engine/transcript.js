// @ts-check
/* The growing continuation of one prompt: when it ends, what of it is shown, and a record of each step. */
(() => {
  const { settled, tokenTexts, entropies, logSumExp } = globalThis.DecodeEngine;

  const NUM_CANDIDATES = 10;
  const lengthInBytes = (/** @type {string} */ text) => new TextEncoder().encode(text).length;

  /** The rules that end a continuation: EOS, a stop string, or the length. */
  class Stopping {
    /** @param {any} tokenizer
     *  @param {number | null} eos
     *  @param {{maxNewTokens: number, minNewTokens: number, stop: string[]}} rules */
    constructor(tokenizer, eos, { maxNewTokens, minNewTokens, stop }) {
      this.tokenizer = tokenizer;
      this.eos = eos;
      this.maxNewTokens = maxNewTokens;
      this.minNewTokens = minNewTokens;
      this.stop = stop;
      // A stop string of n bytes ends within the last n tokens: none holds less than a byte.
      this.window = Math.max(0, ...stop.map(lengthInBytes));
    }

    /** Why the continuation ends with its last token, or null if it goes on.
     *  @param {number[]} ids */
    reason(ids) {
      if (ids[ids.length - 1] === this.eos) return "eos";
      if (this.window) {
        const recent = this.tokenizer.decode(ids.slice(-this.window));
        if (this.stop.some((text) => recent.includes(text))) return "stop";
      }
      return ids.length >= this.maxNewTokens ? "length" : null;
    }

    /** The logits, without EOS while there are too few new tokens to end.
     *  @param {Float64Array} logits
     *  @param {number} length */
    forbidEarlyEos(logits, length) {
      if (length >= this.minNewTokens || this.eos === null) return logits;
      const allowed = logits.slice();
      allowed[this.eos] = -Infinity;
      return allowed;
    }

    /** Where a text is cut: before the stop string that is completed first, of several the longest.
     *  @param {string} text */
    cut(text) {
      const found = this.stop
        .map((stop) => ({ start: text.indexOf(stop), length: stop.length }))
        .filter(({ start }) => start >= 0)
        .sort((a, b) => a.start + a.length - (b.start + b.length) || a.start - b.start);
      return found.length ? found[0].start : text.length;
    }

    /** The text so far that no later token can change.
     *  @param {number[]} ids
     *  @param {string | null} reason */
    visibleText(ids, reason) {
      const text = this.tokenizer.decode(reason === "eos" ? ids.slice(0, -1) : ids);
      if (reason !== null) {
        return text.slice(0, this.cut(text));
      }
      const shown = settled(text);
      const longest = Math.min(
        shown.length,
        Math.max(1, ...this.stop.map((stop) => stop.length)) - 1,
      );
      for (let n = longest; n > 0; n--) {
        if (this.stop.some((stop) => stop.startsWith(shown.slice(-n)))) return shown.slice(0, -n);
      }
      return shown;
    }
  }

  class Transcript {
    /** @param {number[]} promptIds
     *  @param {Stopping} stopping */
    constructor(promptIds, stopping) {
      this.promptIds = promptIds;
      this.stopping = stopping;
      /** @type {number[]} */
      this.tokenIds = [];
      /** @type {number[]} */
      this.logprobs = [];
      /** @type {{before: Float64Array, after: Float64Array, decision: string}[]} */
      this.records = [];
      /** @type {string | null} */
      this.finishReason = null;
      this.shown = 0; // how many steps have been handed out
      this.shownText = 0;
    }

    fork() {
      const copy = new Transcript(this.promptIds, this.stopping);
      copy.tokenIds = this.tokenIds.slice();
      copy.logprobs = this.logprobs.slice();
      copy.records = this.records.slice();
      copy.finishReason = this.finishReason;
      copy.shown = this.shown;
      copy.shownText = this.shownText;
      return copy;
    }

    /** All tokens, the prompt's included. */
    get ids() {
      return [...this.promptIds, ...this.tokenIds];
    }

    /** Add a token chosen from `after`, where the model said `before`; see if it is the last.
     *  @param {number} id
     *  @param {number} logprob Under `before`.
     *  @param {Float64Array} before
     *  @param {Float64Array} after
     *  @param {string} decision */
    append(id, logprob, before, after, decision = "") {
      this.tokenIds.push(id);
      this.logprobs.push(logprob);
      this.records.push({ before, after, decision });
      this.finishReason = this.stopping.reason(this.tokenIds);
    }

    /** The steps since the last call, each with the text that it adds. */
    newSteps() {
      const steps = [];
      for (; this.shown < this.tokenIds.length; this.shown++) {
        const ids = this.tokenIds.slice(0, this.shown + 1);
        const reason = ids.length === this.tokenIds.length ? this.finishReason : null;
        const text = this.stopping.visibleText(ids, reason);
        steps.push(makeStep(this, this.shown, text.slice(this.shownText)));
        this.shownText = Math.max(this.shownText, text.length);
      }
      return steps;
    }

    /** @param {number} [score] The sum of the logprobs unless given. */
    generation(score) {
      const { tokenizer } = this.stopping;
      return {
        text: this.stopping.visibleText(this.tokenIds, this.finishReason ?? "length"),
        tokenIds: this.tokenIds,
        tokens: tokenTexts(tokenizer, this.tokenIds),
        logprobs: this.logprobs,
        score: score ?? this.logprobs.reduce((sum, logprob) => sum + logprob, 0),
        finishReason: this.finishReason ?? "interrupted",
      };
    }
  }

  /** The record of one token: what the model said, what was left of it, and what was taken.
   *  @param {Transcript} transcript
   *  @param {number} place
   *  @param {string} text */
  function makeStep(transcript, place, text) {
    const { before, after, decision } = transcript.records[place];
    const { tokenizer } = transcript.stopping;
    const tokenId = transcript.tokenIds[place];
    const [all, allAfter] = [logSumExp(before), logSumExp(after)];
    const top = largest(before, NUM_CANDIDATES);
    const candidate = (/** @type {number} */ id) => ({
      id,
      token: tokenizer.decode([id]),
      before: Math.exp(before[id] - all),
      after: Math.exp(after[id] - allAfter),
    });
    let [rank, kept] = [1, 0];
    for (let id = 0; id < before.length; id++) {
      if (before[id] > before[tokenId] || (before[id] === before[tokenId] && id < tokenId)) rank++;
      if (after[id] > -Infinity) kept++;
    }
    return {
      tokenId,
      text,
      rank,
      kept,
      decision,
      ...entropies(before),
      token: tokenizer.decode([tokenId]),
      logprob: before[tokenId] - all,
      probability: Math.exp(after[tokenId] - allAfter),
      candidates: [...top, ...(top.includes(tokenId) ? [] : [tokenId])].map(candidate),
    };
  }

  /** The ids of the `count` largest logits, the largest first; of equals, the lowest id.
   *  @param {Float64Array} logits
   *  @param {number} count */
  function largest(logits, count) {
    /** @type {number[]} */
    const ids = [];
    for (let id = 0; id < logits.length; id++) {
      if (ids.length === count && !(logits[id] > logits[ids[count - 1]])) continue;
      let at = ids.length;
      while (at > 0 && logits[id] > logits[ids[at - 1]]) at--;
      ids.splice(at, 0, id);
      if (ids.length > count) ids.pop();
    }
    return ids;
  }

  Object.assign(globalThis.DecodeEngine, { Stopping, Transcript, largest });
})();
