// @ts-check
/* Strategies: each is a search that is given the logits of its rows and says how the rows go on.
 *
 * A search begins with one row. `advance(rows)` takes one step and returns, for each row of the next
 * step, [the row that it continues, the token to add]; none when the search has ended. */
(function () {
  "use strict";

  const { argmax, draw, logSumExp, entropies, chain, Generator, Transcript, largest } = globalThis.DecodeEngine;

  const BIT = Math.log(2);

  /** @typedef {[number, number][]} Moves
   *  @typedef {Record<string, any>} Given The knobs that were given, by the command line's names. */

  /** Greedy decoding and sampling. */
  class TokenSearch {
    /** @param {any} transcript
     *  @param {Given} given
     *  @param {bigint | null} seed None for greedy decoding. */
    constructor(transcript, given, seed) {
      this.transcript = transcript;
      this.process = chain(given, seed ?? 0n);
      this.generator = seed === null ? null : new Generator(seed);
    }

    /** @param {Float64Array[]} rows
     *  @returns {Moves} */
    advance([logits]) {
      const { transcript } = this;
      const allowed = transcript.stopping.forbidEarlyEos(logits, transcript.tokenIds.length);
      const after = this.process(transcript.ids, allowed);
      const id = this.generator ? draw(after, this.generator.uniform()) : argmax(after);
      transcript.append(id, logits[id] - logSumExp(logits), logits, after);
      return transcript.finishReason === null ? [[0, id]] : [];
    }

    newSteps() {
      return this.transcript.newSteps();
    }

    result() {
      return this.transcript.generation();
    }
  }

  /** Beam search, with the rules of transformers: decodelib/strategies/beam.py says why each. */
  class BeamSearch {
    /** @param {any} transcript
     *  @param {Given} given */
    constructor(transcript, given) {
      this.width = given.num_beams ?? 5;
      this.lengthPenalty = given.length_penalty ?? 1;
      this.earlyStopping = given.early_stopping ?? false;
      this.stopping = transcript.stopping;
      this.live = [{ transcript, logprob: 0 }];
      /** @type {{score: number, transcript: any, logprob: number}[]} */
      this.finished = [];
    }

    /** @param {Float64Array[]} rows
     *  @returns {Moves} */
    advance(rows) {
      const live = [];
      /** @type {Moves} */
      const moves = [];
      const { allowed, candidates } = this.expand(rows);
      for (const [rank, { row, id, logprob, total }] of candidates.entries()) {
        if (live.length === this.width) break;
        const transcript = this.live[row].transcript.fork();
        transcript.append(id, logprob, rows[row], allowed[row]);
        if (transcript.finishReason === null) {
          live.push({ transcript, logprob: total });
          moves.push([row, id]);
        } else if (rank < this.width) {
          // Below the beam it would not have been kept, so there it may not finish either.
          this.finish(transcript, total);
        }
      }
      this.live = this.isDone(live) ? [] : live;
      return this.live.length ? moves : [];
    }

    /** The best 2 * width continuations of all live texts: enough to fill the beam even if every one
     *  of the best ends.
     *  @param {Float64Array[]} rows */
    expand(rows) {
      const vocab = rows[0].length;
      const totals = new Float64Array(rows.length * vocab);
      const allowed = rows.map((logits, row) => {
        const all = logSumExp(logits);
        const { transcript, logprob } = this.live[row];
        const logprobs = this.stopping.forbidEarlyEos(
          logits.map((logit) => logit - all), transcript.tokenIds.length);
        for (let id = 0; id < vocab; id++) totals[row * vocab + id] = logprob + logprobs[id];
        return logprobs;
      });
      const candidates = largest(totals, 2 * this.width)
        .filter((place) => totals[place] > -Infinity)
        .map((place) => {
          const [row, id] = [Math.floor(place / vocab), place % vocab];
          return { row, id, logprob: allowed[row][id], total: totals[place] };
        });
      return { allowed, candidates };
    }

    /** @param {any} transcript
     *  @param {number} logprob */
    finish(transcript, logprob) {
      this.finished.push({ score: this.score(logprob, transcript.tokenIds.length), transcript, logprob });
      this.finished.sort((a, b) => b.score - a.score);
      this.finished.length = Math.min(this.finished.length, this.width);
    }

    /** @param {number} logprob
     *  @param {number} length */
    score(logprob, length) {
      return logprob / length ** this.lengthPenalty;
    }

    /** Whether no live text may still change what is returned.
     *  @param {{transcript: any, logprob: number}[]} live */
    isDone(live) {
      if (!live.length) return true;
      if (this.finished.length < this.width) return false;
      if (this.earlyStopping === true || this.width === 1) return true;
      const { transcript, logprob } = live[0];
      const hopes = this.earlyStopping === "never" && this.lengthPenalty > 0;
      const length = hopes ? this.stopping.maxNewTokens : transcript.tokenIds.length;
      return this.score(logprob, length) <= this.finished[this.width - 1].score;
    }

    /** Nothing is decided before the end, so all steps come at once. */
    newSteps() {
      return this.live.length ? [] : this.finished[0].transcript.newSteps();
    }

    result() {
      const [best, ...others] = this.finished.map(({ transcript, score }) => transcript.generation(score));
      return { ...best, alternatives: others };
    }
  }

  const ENTROPY_SAMPLING = {
    low_entropy: 0.1 * BIT, high_entropy: 5 * BIT,
    low_varentropy: 0.1 * BIT ** 2, high_varentropy: 5 * BIT ** 2,
    temperature: 0.666, top_k: 27, top_p: 0.9, min_p: 0.03,
    wide_heat: 1.3, lost_heat: 2, num_branches: 3, branch_length: 4,
  };

  /** Sampling whose next move depends on the entropy and the varentropy: chapter 11. */
  class EntropySearch {
    /** @param {any} transcript
     *  @param {Given} given
     *  @param {bigint} seed */
    constructor(transcript, given, seed) {
      this.settings = { ...ENTROPY_SAMPLING, ...given };
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
      if (following) before.forEach((branch, row) => this.sample(branch, rows[row], 1, "branch"));
      else this.decide(rows[0]);
      const rowOf = new Map(this.live.map((branch) => [branch, following ? before.indexOf(branch) : 0]));
      if (this.branches.length) this.settleIfDone();
      return this.live.map((t) => [rowOf.get(t) ?? 0, t.tokenIds[t.tokenIds.length - 1]]);
    }

    /** @param {Float64Array} logits */
    decide(logits) {
      const { settings } = this;
      const { entropy, varentropy } = entropies(logits);
      const quadrant = quadrantOf(settings, entropy, varentropy);
      if (quadrant === "certain") {
        const allowed = this.settled.stopping.forbidEarlyEos(logits, this.settled.tokenIds.length);
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
      const possible = after.filter((logit) => logit > -Infinity).length;
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

    /** @param {any} transcript
     *  @param {Float64Array} logits
     *  @param {number} heat */
    sampledFrom(transcript, logits, heat) {
      const { temperature, top_k, top_p, min_p } = this.settings;
      const process = chain({ temperature: temperature * heat, top_k, top_p, min_p }, 0n);
      return process([], transcript.stopping.forbidEarlyEos(logits, transcript.tokenIds.length));
    }

    /** Keep the branch of highest mean log-probability once all have reached their length or ended. */
    settleIfDone() {
      const start = this.settled.tokenIds.length;
      const { branch_length: wanted } = this.settings;
      if (this.live.some((branch) => branch.tokenIds.length - start < wanted)) return;
      const means = this.branches.map((branch) => {
        const own = branch.logprobs.slice(start);
        return own.reduce((/** @type {number} */ sum, /** @type {number} */ x) => sum + x, 0) / own.length;
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
    if (varentropy > settings.high_varentropy) return entropy > settings.high_entropy ? "lost" : "forked";
    if (varentropy < settings.low_varentropy && entropy < settings.low_entropy) return "certain";
    if (varentropy < settings.low_varentropy && entropy > settings.high_entropy) return "wide";
    return "between";
  }

  /** Begin the search of a strategy of the command line. A temperature of 0 is greedy, as there.
   *  @param {string} strategy
   *  @param {Given} given
   *  @param {any} transcript
   *  @param {bigint} seed */
  function search(strategy, given, transcript, seed) {
    if (strategy === "greedy" || given.temperature === 0) return new TokenSearch(transcript, {}, null);
    if (strategy === "sampling") return new TokenSearch(transcript, given, seed);
    if (strategy === "beam") return new BeamSearch(transcript, given);
    if (strategy === "entropy") return new EntropySearch(transcript, given, seed);
    throw new Error(`strategy must be greedy, sampling, beam or entropy, got ${strategy}`);
  }

  Object.assign(globalThis.DecodeEngine, { search, ENTROPY_SAMPLING });
})();
