// @ts-check
/* Sampling that changes its mind: decodelib/strategies/entropix.py again. */
(() => {
  const { argmax, draw, logSumExp, entropies, chain, Generator } = globalThis.DecodeEngine;

  const BIT = Math.log(2);

  /** @typedef {[number, number][]} Moves
   *  @typedef {Record<string, any>} Given The knobs that were given, by the command line's names. */

  const ENTROPY_SAMPLING = {
    low_entropy: 0.1 * BIT,
    high_entropy: 5 * BIT,
    low_varentropy: 0.1 * BIT ** 2,
    high_varentropy: 5 * BIT ** 2,
    temperature: 0.666,
    top_k: 27,
    top_p: 0.9,
    min_p: 0.03,
    wide_heat: 1.3,
    lost_heat: 2,
    num_branches: 3,
    branch_length: 4,
  };

  /** Sampling whose next move depends on the entropy and the varentropy: chapter 11. */
  class EntropySearch {
    /** @param {any} transcript
     *  @param {Given} given
     *  @param {bigint} seed */
    constructor(transcript, given, seed) {
      const isOwn = (/** @type {[string, any]} */ [name]) => name in ENTROPY_SAMPLING;
      const entries = Object.entries(given);
      this.settings = { ...ENTROPY_SAMPLING, ...Object.fromEntries(entries.filter(isOwn)) };
      this.process = chain(Object.fromEntries(entries.filter((entry) => !isOwn(entry))), seed);
      this.settled = transcript;
      this.generator = new Generator(seed);
      /** @type {any[]} */
      this.branches = [];
    }

    get live() {
      const all = this.branches.length ? this.branches : [this.settled];
      return all.filter((transcript) => transcript.finishReason === null);
    }

    /** @param {Float64Array[]} rows
     *  @returns {Moves} */
    advance(rows) {
      const before = this.live;
      const following = this.branches.length > 0;
      if (!following) this.decide(rows[0]);
      else
        for (const [row, branch] of before.entries()) this.sample(branch, rows[row], 1, "branch");
      const rowOf = new Map(
        this.live.map((branch) => [branch, following ? before.indexOf(branch) : 0]),
      );
      if (this.branches.length) this.settleIfDone();
      return this.live.map((t) => [rowOf.get(t) ?? 0, t.tokenIds[t.tokenIds.length - 1]]);
    }

    /** @param {Float64Array} logits */
    decide(logits) {
      const { settings } = this;
      const { entropy, varentropy } = entropies(logits);
      const quadrant = quadrantOf(settings, entropy, varentropy);
      if (quadrant === "certain") {
        const allowed = this.allowed(this.settled, logits);
        const id = argmax(allowed);
        this.settled.append(id, logits[id] - logSumExp(logits), logits, allowed, "certain: greedy");
      } else if (quadrant === "forked") {
        this.fork(logits);
      } else {
        const heat = { wide: settings.wide_heat, lost: settings.lost_heat, between: 1 }[quadrant];
        this.sample(this.settled, logits, heat, `${quadrant}: sample, heat ${heat}`);
      }
    }

    /** @param {Float64Array} logits */
    fork(logits) {
      const after = this.sampledFrom(this.settled, logits, 1);
      const left = after.slice();
      const all = logSumExp(logits);
      const possible = after.filter((/** @type {number} */ logit) => logit > -Infinity).length;
      for (let n = Math.min(this.settings.num_branches, possible); n > 0; n--) {
        const id = draw(left, this.generator.uniform());
        left[id] = -Infinity; // the next branch begins with another token
        const branch = this.settled.fork();
        branch.append(id, logits[id] - all, logits, after, "forked");
        this.branches.push(branch);
      }
    }

    /** @param {any} transcript
     *  @param {Float64Array} logits
     *  @param {number} heat
     *  @param {string} decision */
    sample(transcript, logits, heat, decision) {
      const after = this.sampledFrom(transcript, logits, heat);
      const id = draw(after, this.generator.uniform());
      transcript.append(id, logits[id] - logSumExp(logits), logits, after, decision);
    }

    /** What the processors besides the sampling's own leave to choose from.
     *  @param {any} transcript
     *  @param {Float64Array} logits
     *  @returns {Float64Array} */
    allowed(transcript, logits) {
      const { stopping, tokenIds, ids } = transcript;
      return this.process(ids, stopping.forbidEarlyEos(logits, tokenIds.length));
    }

    /** @param {any} transcript
     *  @param {Float64Array} logits
     *  @param {number} heat */
    sampledFrom(transcript, logits, heat) {
      const { temperature, top_k, top_p, min_p } = this.settings;
      const process = chain({ temperature: temperature * heat, top_k, top_p, min_p }, 0n);
      return process([], this.allowed(transcript, logits));
    }

    /** Keep the branch of highest mean log-probability once all have reached their length or ended. */
    settleIfDone() {
      const start = this.settled.tokenIds.length;
      const { branch_length: wanted } = this.settings;
      if (this.live.some((branch) => branch.tokenIds.length - start < wanted)) return;
      const means = this.branches.map((branch) => {
        const own = branch.logprobs.slice(start);
        return (
          own.reduce((/** @type {number} */ sum, /** @type {number} */ x) => sum + x, 0) /
          own.length
        );
      });
      const best = means.indexOf(Math.max(...means));
      const scores = means.map((mean) => mean.toFixed(2)).join(", ");
      this.settled = this.branches[best];
      this.settled.records[start].decision =
        `forked: kept branch ${best + 1} of mean log-probabilities ${scores}`;
      this.branches = [];
    }

    newSteps() {
      return this.settled.newSteps();
    }

    result() {
      return this.settled.generation();
    }
  }

  /** @param {typeof ENTROPY_SAMPLING} settings
   *  @param {number} entropy
   *  @param {number} varentropy
   *  @returns {"certain" | "wide" | "forked" | "lost" | "between"} */
  function quadrantOf(settings, entropy, varentropy) {
    if (varentropy > settings.high_varentropy)
      return entropy > settings.high_entropy ? "lost" : "forked";
    if (varentropy < settings.low_varentropy && entropy < settings.low_entropy) return "certain";
    if (varentropy < settings.low_varentropy && entropy > settings.high_entropy) return "wide";
    return "between";
  }

  Object.assign(globalThis.DecodeEngine, { EntropySearch, ENTROPY_SAMPLING });
})();
