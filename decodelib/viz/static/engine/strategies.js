// @ts-check
/* Strategies: each is a search that is given the logits of its rows and says how the rows go on.
 *
 * A search begins with one row. `advance(rows)` takes one step and returns, for each row of the next
 * step, [the row that it continues, the token to add]; none when the search has ended. */
(() => {
  const { argmax, draw, logSumExp, chain, Generator, largest, EntropySearch } =
    globalThis.DecodeEngine;

  /** @typedef {[number, number][]} Moves
   *  @typedef {Record<string, any>} Given The knobs that were given, by the command line's names. */

  /** Greedy decoding and sampling. */
  class TokenSearch {
    /** @param {any} transcript
     *  @param {Given} given
     *  @param {bigint | null} seed None for greedy decoding.
     *  @param {bigint} ownSeed Of a processor that draws. */
    constructor(transcript, given, seed, ownSeed = seed ?? 0n) {
      this.transcript = transcript;
      this.process = chain(given, ownSeed);
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
     *  @param {Given} given
     *  @param {bigint} seed Of a processor that draws. */
    constructor(transcript, given, seed) {
      const { num_beams = 5, length_penalty = 1, early_stopping = false, ...others } = given;
      this.width = num_beams;
      this.lengthPenalty = length_penalty;
      this.earlyStopping = early_stopping;
      this.process = chain(others, seed);
      this.stopping = transcript.stopping;
      /** @type {{transcript: any, logprob: number, node: number | null}[]} */
      this.live = [{ transcript, logprob: 0, node: null }];
      this.looked = 2 * this.width; // how many candidates of a step are looked at
      /** @type {{score: number, transcript: any, logprob: number}[]} */
      this.finished = [];
    }

    /** @param {Float64Array[]} rows
     *  @returns {Moves} */
    advance(rows) {
      /** @type {{transcript: any, logprob: number, node: number | null}[]} */
      const live = [];
      /** @type {Moves} */
      const moves = [];
      const { allowed, candidates } = this.expand(rows);
      for (const [rank, candidate] of candidates.entries()) {
        const { row, id, logprob, total } = candidate;
        if (live.length === this.width || rank >= 2 * this.width) {
          this.record(candidate, "pruned");
          continue;
        }
        const transcript = this.live[row].transcript.fork();
        transcript.append(id, logprob, rows[row], allowed[row]);
        if (transcript.finishReason === null) {
          live.push({ transcript, logprob: total, node: this.record(candidate, "kept") });
          moves.push([row, id]);
        } else if (rank < this.width) {
          // Below the beam it would not have been kept, so there it may not finish either.
          this.finish(transcript, total);
          this.record(candidate, "finished");
        } else this.record(candidate, "pruned");
      }
      this.live = this.isDone(live) ? [] : live;
      return this.live.length ? moves : [];
    }

    /** What became of a candidate: nothing is kept of it here, in tree.js all is.
     *  @param {{row: number, id: number, logprob: number, total: number}} _candidate
     *  @param {"kept" | "finished" | "pruned"} _fate
     *  @returns {number | null} Its place in the tree. */
    record(_candidate, _fate) {
      return null;
    }

    /** The best continuations of all live texts: 2 * width of them are enough to fill the beam even if every one
     *  of the best ends.
     *  @param {Float64Array[]} rows */
    expand(rows) {
      const vocab = rows[0].length;
      const totals = new Float64Array(rows.length * vocab);
      const normalizers = rows.map(logSumExp);
      const allowed = rows.map((logits, row) => {
        const { transcript, logprob } = this.live[row];
        const logprobs = this.stopping.forbidEarlyEos(
          logits.map((logit) => logit - normalizers[row]),
          transcript.tokenIds.length,
        );
        const isDead = logprobs.every((/** @type {number} */ value) => value === -Infinity);
        const left = isDead ? logprobs : this.process(transcript.ids, logprobs);
        for (let id = 0; id < vocab; id++) totals[row * vocab + id] = logprob + left[id];
        return left;
      });
      const candidates = largest(totals, this.looked)
        .filter((/** @type {number} */ place) => totals[place] > -Infinity)
        .map((/** @type {number} */ place) => {
          const [row, id] = [Math.floor(place / vocab), place % vocab];
          return { row, id, logprob: rows[row][id] - normalizers[row], total: totals[place] };
        });
      return { allowed, candidates };
    }

    /** @param {any} transcript
     *  @param {number} logprob */
    finish(transcript, logprob) {
      this.finished.push({
        score: this.score(logprob, transcript.tokenIds.length),
        transcript,
        logprob,
      });
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
      const [best, ...others] = this.finished.map(({ transcript, score }) =>
        transcript.generation(score),
      );
      return { ...best, alternatives: others };
    }
  }

  /** The processors that may make another token the best, as decodelib/strategies/knobs.py has them. */
  const RERANKING = [
    "repetition_penalty",
    "no_repeat_ngram_size",
    "presence_penalty",
    "frequency_penalty",
    "dry",
    "typical_p",
    "xtc",
  ];

  /** @param {Given} given
   *  @returns {Given} What of it changes greedy decoding. */
  const reranking = (given) =>
    Object.fromEntries(Object.entries(given).filter(([name]) => RERANKING.includes(name)));

  /** Begin the search of a strategy of the command line. A temperature of 0 is greedy, as there.
   *  @param {string} strategy
   *  @param {Given} given
   *  @param {any} transcript
   *  @param {bigint} seed */
  function search(strategy, given, transcript, seed) {
    if (strategy === "greedy" || given.temperature === 0)
      return new TokenSearch(transcript, reranking(given), null, seed);
    if (strategy === "sampling") return new TokenSearch(transcript, given, seed);
    if (strategy === "beam") return new BeamSearch(transcript, given, seed);
    if (strategy === "entropy") return new EntropySearch(transcript, given, seed);
    throw new Error(`strategy must be greedy, sampling, beam or entropy, got ${strategy}`);
  }

  Object.assign(globalThis.DecodeEngine, { search, TokenSearch, BeamSearch, RERANKING, reranking });
})();
