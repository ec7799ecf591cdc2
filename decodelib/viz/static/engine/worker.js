// @ts-check
/* The engine in a worker: it loads the model, answers one question at a time, and stops when told.
 *
 *   { type: "load", config, vocabulary, parts }   then { type: "part", text } for each part
 *   { type: "next", id, ids | prompt }            the logits of the next token
 *   { type: "generate", id, ids | prompt, request }
 *   { type: "tree", id, prompt, width, steps, pruned }   the tree of a beam search
 *   { type: "map", id, prompt, top }              entropy and surprisal along the prompt
 *   { type: "masses", id, prompt, settings }      a text under a mask, and the feasible mass along it
 *   { type: "green", id, mark, tokens }           which of some tokens are green after each of them
 *   { type: "speed", id, context, count }         milliseconds for a token after so many others
 *   { type: "stop" }                              ends what is being answered
 *
 * Answers carry the id; "failed" has a message. The worker pauses after every token that it reads,
 * so that "stop" is heard at once. */
(() => {
  const engine = globalThis.DecodeEngine;
  const scope = /** @type {any} */ (globalThis);
  if (typeof scope.importScripts !== "function") return; // this is a page, or node

  /** @type {any} */
  let model;
  /** @type {any} */
  let tokenizer;
  let expecting = { config: {}, parts: 0 };
  /** @type {Uint8Array[]} */
  let parts = [];
  /** @type {{ids: number[], states: Float64Array[]}} */
  const memory = { ids: [], states: [] };
  let running = 0; // the id of the question that is being answered, 0 for none

  /** Let messages in: a promise that a message to ourselves resolves. */
  const channel = new MessageChannel();
  /** @type {((value: any) => void)[]} */
  const waiting = [];
  channel.port1.onmessage = () => waiting.shift()?.(null);
  const pause = () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      channel.port2.postMessage(null);
    });

  function build() {
    const file = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
    let at = 0;
    for (const part of parts) {
      file.set(part, at);
      at += part.length;
    }
    parts = [];
    const start = performance.now();
    model = new engine.Model(expecting.config, engine.readSafetensors(file));
    scope.postMessage({ type: "ready", milliseconds: performance.now() - start });
  }

  const idsOf = (/** @type {any} */ { ids, prompt }) =>
    ids ?? engine.promptIds(model, tokenizer, prompt);

  /** Run rounds to their end, reporting each; false if stopped.
   *  @param {number} id
   *  @param {Generator<any, any>} rounds
   *  @param {(round: any) => void} report */
  async function run(id, rounds, report) {
    for (;;) {
      const { done, value } = rounds.next();
      if (done) return { value };
      report(value);
      await pause();
      if (running !== id) return null;
    }
  }

  /** @type {Record<string, (question: any) => Promise<any>>} */
  const answers = {
    async next({ id, top, ...question }) {
      const ids = idsOf(question);
      engine.checkLength(model, ids.length, 0);
      const end = await run(id, engine.readPrompt(model, ids, memory), (reading) =>
        scope.postMessage({ type: "reading", id, ...reading }),
      );
      if (!end) return null;
      const topIds = engine.largest(end.value, top);
      return {
        logits: end.value,
        ids,
        topIds,
        names: topIds.map((/** @type {number} */ token) => tokenizer.decode([token])),
      };
    },
    async generate({ id, request, ...question }) {
      const ids = idsOf(question);
      scope.postMessage({ type: "started", id, promptIds: ids, eos: model.eos });
      const rounds = engine.generate(model, tokenizer, ids, request, memory);
      const end = await run(id, rounds, ({ reading, steps }) => {
        if (reading) scope.postMessage({ type: "reading", id, ...reading });
        for (const step of steps) scope.postMessage({ type: "step", id, step });
      });
      return end && { result: end.value };
    },
    async tree({ id, width, steps, pruned, ...question }) {
      const settings = { width, steps, pruned };
      const rounds = engine.growTree(model, tokenizer, idsOf(question), settings, memory);
      const end = await run(id, rounds, () => {});
      return end?.value;
    },
    async map({ id, top, ...question }) {
      const ids = idsOf(question);
      const rounds = engine.entropiesAlong(model, tokenizer, ids, top, memory);
      const end = await run(id, rounds, ({ done }) =>
        scope.postMessage({ type: "reading", id, done, total: ids.length - 1 }),
      );
      return end?.value;
    },
    async masses({ id, settings, ...question }) {
      const rounds = engine.massesAlong(model, tokenizer, idsOf(question), settings, memory);
      const end = await run(id, rounds, () => {});
      return end?.value;
    },
    async green({ mark, tokens }) {
      return { digits: engine.greenDigits(mark, tokens, model.vocabSize) };
    },
    /** Time one more token after `context` others, or reading a prompt of so many tokens. */
    async speed({ id, context, prompt, count }) {
      const ids = Array.from({ length: context || 1 }, (_, i) => 300 + i);
      const times = [];
      const end = await run(id, engine.readPrompt(model, ids, memory), () => {});
      for (let i = 0; end && i < count && running === id; i++) {
        const states = prompt ? [] : memory.states.slice();
        const start = performance.now();
        for (let n = 0; n < (prompt ?? 1); n++) model.read(300 + n, states);
        model.logits();
        times.push(performance.now() - start);
        await pause();
      }
      return end && { times };
    },
  };

  /** @param {any} question */
  async function answer(question) {
    const { id, type } = question;
    running = id;
    try {
      const found = await answers[type](question);
      scope.postMessage(found ? { type: "done", id, ...found } : { type: "stopped", id });
    } catch (error) {
      scope.postMessage({
        type: "failed",
        id,
        message: error instanceof Error ? error.message : String(error),
      });
    }
    if (running === id) running = 0;
  }

  scope.onmessage = (/** @type {MessageEvent} */ { data }) => {
    if (data.type === "load") {
      expecting = data;
      tokenizer = new engine.Tokenizer(data.vocabulary);
    } else if (data.type === "part") {
      parts[data.index] = Uint8Array.from(atob(data.text), (character) => character.charCodeAt(0));
      if (parts.filter(Boolean).length === expecting.parts) build();
    } else if (data.type === "stop") running = 0;
    else answer(data);
  };
})();
