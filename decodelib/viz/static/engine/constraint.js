// @ts-check
/* Texts of a given form, and the feasible mass along one: decodelib/processors/automata.py and the record of
 * decodelib/viz/rules/mass.py again, for automata over characters. */
(() => {
  const { checkLength, decode, largest, logSumExp, tokenTexts } = globalThis.DecodeEngine;
  const { Stopping, TokenSearch, Transcript } = globalThis.DecodeEngine;

  const OTHER = ""; // in a state's moves: every character without an entry

  /** @typedef {object} Dfa
   *  @property {Record<string, number | null>[]} moves For each state, from a character to a state.
   *  @property {number[]} accepting
   *
   *  @typedef {{moves: Map<number, number>[], accepting: Set<number>, eos: number | null}} Automaton
   *    For each state, from the tokens that may come to the states that they lead to. */

  /** The automaton of a list of strings.
   *  @param {string[]} choices
   *  @param {boolean} openEnd Whether any text may follow.
   *  @returns {Dfa} */
  function dfaOfChoices(choices, openEnd) {
    /** @type {Record<string, number | null>[]} */
    const moves = [{}];
    const ends = new Set();
    for (const text of choices) {
      let state = 0;
      for (const character of text) {
        if (!(character in moves[state])) {
          moves[state][character] = moves.length;
          moves.push({});
        }
        state = Number(moves[state][character]);
      }
      ends.add(state);
    }
    if (openEnd) for (const state of ends) moves[state] = { [OTHER]: state };
    return { moves, accepting: [...ends] };
  }

  /** The automaton that a Python source makes, or null for one that only Python can compile.
   *  @param {string} source As `explore_mass` is given it.
   *  @returns {Dfa | null} */
  function readConstraint(source) {
    const [, made, inside] =
      /^dl\.Constraint\.from_(dfa|choices)\(\s*lm,\s*(.*)\)$/s.exec(source) ?? [];
    try {
      if (made === "choices") {
        const [, list, open] = /^(\[.*?\])(?:, open_end=(True|False))?$/s.exec(inside) ?? [];
        return dfaOfChoices(JSON.parse(list), open === "True");
      }
      const [, rows, ends] = /^dl\.DFA\((\[.*\]), (\[.*\])\)$/s.exec(inside ?? "") ?? [];
      return {
        moves: JSON.parse(rows.replace(/: None\b/g, ": null")),
        accepting: JSON.parse(ends),
      };
    } catch {
      return null; // another constructor, or another literal than JSON has too
    }
  }

  /** @param {Dfa} dfa
   *  @param {string} text
   *  @param {number} from
   *  @returns {number | null} The state after reading, or null. */
  function read({ moves }, text, from) {
    /** @type {number | null} */
    let state = from;
    for (const character of text) {
      if (state === null) return null;
      /** @type {Record<string, number | null>} */
      const row = moves[state];
      state = (character in row ? row[character] : row[OTHER]) ?? null;
    }
    return state;
  }

  /** The automaton over a model's tokens. A token that is not made of whole characters is never read.
   *  @param {Dfa} dfa
   *  @param {any} tokenizer
   *  @param {{vocabSize: number, eos: number | null, bos: number | null}} model
   *  @returns {Automaton} */
  function tokenAutomaton(dfa, tokenizer, { vocabSize, eos, bos }) {
    const texts = Array.from({ length: vocabSize }, (_, id) =>
      id === eos || id === bos ? "" : tokenizer.decode([id]),
    );
    const moves = dfa.moves.map((_, state) => {
      /** @type {Map<number, number>} */
      const row = new Map();
      for (const [id, text] of texts.entries()) {
        const end = text && !text.includes("\ufffd") ? read(dfa, text, state) : null;
        if (end !== null) row.set(id, end);
      }
      return row;
    });
    const alive = new Set(dfa.accepting);
    for (let before = -1; before !== alive.size; ) {
      before = alive.size;
      for (const [state, row] of moves.entries())
        if ([...row.values()].some((end) => alive.has(end))) alive.add(state);
    }
    for (const row of moves) for (const [id, end] of row) if (!alive.has(end)) row.delete(id);
    return { moves, accepting: new Set(dfa.accepting), eos };
  }

  /** The processor: -Infinity for what the automaton does not allow after the new tokens.
   *  @param {Automaton} automaton
   *  @param {number} start Where the text begins, behind the prompt. */
  const constrained =
    ({ moves, accepting, eos }, start) =>
    (/** @type {number[]} */ ids, /** @type {Float64Array} */ logits) => {
      let state = 0;
      for (const id of ids.slice(start)) state = /** @type {number} */ (moves[state].get(id));
      const isAllowed = (/** @type {number} */ id) =>
        id === eos ? accepting.has(state) : moves[state].has(id);
      return logits.map((logit, id) => (isAllowed(id) ? logit : -Infinity));
    };

  /** Sampling under a mask; what is kept of each step says how much of the model's probability was left. */
  class MaskedSearch extends TokenSearch {
    /** @param {any} transcript
     *  @param {bigint} seed
     *  @param {Automaton} automaton */
    constructor(transcript, seed, automaton) {
      super(transcript, {}, seed);
      this.process = constrained(automaton, transcript.promptIds.length);
    }
  }

  /** Draw a text under a mask, with the feasible mass at each of its tokens; yields after every token read.
   *  @param {any} model
   *  @param {any} tokenizer
   *  @param {number[]} promptIds
   *  @param {{dfa: Dfa, length: number, seed: string, top: number}} settings
   *  @param {{ids: number[], states: any[]}} [memory] */
  function* massesAlong(model, tokenizer, promptIds, settings, memory = { ids: [], states: [] }) {
    const { dfa, length, seed, top } = settings;
    checkLength(model, promptIds.length, length);
    const automaton = tokenAutomaton(dfa, tokenizer, model);
    const rules = { maxNewTokens: length, minNewTokens: 0, stop: [] };
    const transcript = new Transcript(promptIds, new Stopping(tokenizer, model.eos, rules));
    yield* decode(model, promptIds, new MaskedSearch(transcript, BigInt(seed), automaton), memory);
    /** @type {{mass: number[], p: number[], allowed: number[], top: [string, number][][]}} */
    const found = { mass: [], p: [], allowed: [], top: [] };
    for (const { before, after } of transcript.records) {
      const all = logSumExp(before);
      found.mass.push(Math.min(1, Math.exp(logSumExp(after) - all)));
      found.allowed.push(after.filter((/** @type {number} */ logit) => logit > -Infinity).length);
      found.top.push(
        largest(after, top)
          .filter((/** @type {number} */ id) => after[id] > -Infinity)
          .map((/** @type {number} */ id) => [tokenizer.decode([id]), Math.exp(before[id] - all)]),
      );
    }
    found.p = transcript.logprobs.map(Math.exp);
    return {
      ids: transcript.tokenIds,
      tokens: tokenTexts(tokenizer, transcript.tokenIds),
      ...found,
    };
  }

  Object.assign(globalThis.DecodeEngine, { readConstraint, tokenAutomaton, massesAlong });
})();
