// @ts-check
/* The arithmetic of the games: bets in bits, texts by a seed, and what the measures of a text say. */
(() => {
  /** What a bet costs when what it gave p to has come.
   *  @param {number} p */
  const bits = (p) => -Math.log2(p);

  /** The probabilities of a bet: the confidence in one option, the rest shared by the others.
   *  @param {number} choice
   *  @param {number} confidence In (0, 1).
   *  @param {number} count How many options there are. */
  const spread = (choice, confidence, count) =>
    Array.from({ length: count }, (_, i) =>
      i === choice ? confidence : (1 - confidence) / (count - 1),
    );

  /** A list in another order, each as probable as every other.
   *  @template T
   *  @param {T[]} list
   *  @param {{uniform: () => number}} generator */
  function shuffled(list, generator) {
    const mixed = list.slice();
    for (let i = mixed.length - 1; i > 0; i--) {
      const j = Math.floor(generator.uniform() * (i + 1));
      [mixed[i], mixed[j]] = [mixed[j], mixed[i]];
    }
    return mixed;
  }

  /** What three numbers of a text say of each strategy that may have written it.
   *  @typedef {{surprisal: number, distinct_2: number, repetition: number}} Measures
   *  @typedef {{surprisal: [number, number], distinct_2: [number, number], repetition: number}} Typical
   *    Mean and standard deviation, and how often a text ends in a repetition. */

  const DOUBT = 0.04; // shared by all: twelve texts of each are too few to be surer

  /** The probability of each strategy, by Bayes' rule: all alike beforehand, the measures taken to be
   *  independent, surprisal and distinct-2 normal.
   *  @param {Typical[]} strategies
   *  @param {Measures} measures */
  function shares(strategies, measures) {
    const logs = strategies.map((typical) => {
      const normal = (/** @type {number} */ x, /** @type {[number, number]} */ [mean, deviation]) =>
        -((x - mean) ** 2) / (2 * deviation ** 2) - Math.log(deviation);
      const loops = measures.repetition ? typical.repetition : 1 - typical.repetition;
      return (
        normal(measures.surprisal, typical.surprisal) +
        normal(measures.distinct_2, typical.distinct_2) +
        Math.log(loops)
      );
    });
    const highest = Math.max(...logs);
    const weights = logs.map((log) => Math.exp(log - highest));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map((weight) => (1 - DOUBT) * (weight / total) + DOUBT / strategies.length);
  }

  Object.assign(globalThis.DecodeEngine, { games: { bits, spread, shuffled, shares } });
})();
