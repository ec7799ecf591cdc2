// @ts-check
/* A text after the reader's own prompt, to step through, and to branch at any token. */
(() => {
  const { makers, offered, requestOf } = globalThis.DecodeLive.ownParts;
  const { player } = globalThis.DecodeExplorer;
  const { strategySource } = globalThis.DecodeEngine;

  const CANDIDATES = 8;
  const LONGEST = 200;

  const OTHERS = [
    { name: "Sampling", code: "dl.Sampling()" },
    { name: "Temperature 0.8, top-p 0.9", code: "dl.Sampling(dl.Temperature(0.8), dl.TopP(0.9))" },
    { name: "Greedy", code: "dl.Greedy()" },
    { name: "Entropy-based", code: "dl.EntropySampling()" },
  ];

  /** A step as decodelib/viz/player/record.py writes it.
   *  @param {any} step
   *  @param {number} processors */
  const record = (step, processors) => ({
    id: step.tokenId,
    text: step.text || step.token,
    p: Math.exp(step.logprob),
    rank: step.rank,
    entropy: step.entropy,
    kept: step.kept,
    decision: step.decision,
    candidates: step.candidates
      .filter(
        (/** @type {any} */ one, /** @type {number} */ i) =>
          i < CANDIDATES || one.id === step.tokenId,
      )
      // With one processor it is plain who removed a token; with several it is only said that it is.
      .map((/** @type {any} */ { id, token, before, after }) => [
        id,
        token,
        before,
        after,
        after === 0 && before > 0 && processors === 1 ? 0 : null,
      ]),
  });

  makers.player = (/** @type {Model} */ recorded) => {
    const data = recorded.get("data");
    const own = { name: "as recorded above", code: data.code };
    const { known, notes } = offered([own, ...OTHERS]);
    return {
      label: "Your own prompt",
      prompt: data.prompt,
      notes: notes.length ? [`Recorded only: ${data.strategy}.`] : [],
      fields: {
        strategy: {
          label: "Strategy",
          value: known[0].name,
          options: known.map((/** @type {any} */ { name }) => name),
        },
        length: {
          label: "New tokens",
          value: Math.min(data.max_new_tokens, LONGEST),
          min: 1,
          max: LONGEST,
        },
        seed: { label: "Seed", value: data.seed, min: 0, max: Number.MAX_SAFE_INTEGER },
      },
      async make(/** @type {any} */ given, /** @type {any} */ tools) {
        const { request } = known.find((/** @type {any} */ { name }) => name === given.strategy);
        const asked = requestOf(request, given.length, given.seed);
        const code = strategySource(request.strategy, request.given);
        const processors = [...code.matchAll(/dl\.(\w+\([^()]*\))/g)].map(([, call]) => call);
        const context = { asked, promptIds: /** @type {number[]} */ ([]), eos: -1, processors };
        const steps = await write({ prompt: given.prompt }, asked, context, tools);
        if (!steps.list.length) return null;
        return {
          data: {
            prompt: given.prompt,
            strategy: code.replaceAll("dl.", ""),
            code,
            processors: request.strategy === "sampling" ? processors : [],
            seed: given.seed,
            max_new_tokens: given.length,
            vocab: data.vocab,
            branches: [{ parent: null, start: 0, steps: steps.list, end: steps.end }],
          },
          settings: { branch: 0, position: 1 },
          said: steps.end === "stopped" ? `Stopped after ${steps.list.length} tokens.` : undefined,
          context,
        };
      },
      enliven,
    };
  };

  /** Let the strategy write, and keep what came before the reader stopped it.
   *  @param {{prompt?: string, ids?: number[]}} from
   *  @param {any} request
   *  @param {any} context
   *  @param {any} tools */
  async function write(from, request, context, tools) {
    /** @type {any[]} */
    const list = [];
    const done = await tools.ask(
      { type: "generate", request, ...from },
      {
        onStart: (/** @type {number[]} */ ids, /** @type {number} */ eos) => {
          context.eos = eos;
          if (!context.promptIds.length) context.promptIds = ids;
        },
        onStep: (/** @type {any} */ step) => {
          list.push(record(step, context.processors.length));
          tools.tell(`${list.length} tokens.`);
        },
      },
    );
    return { list, end: done ? done.result.finishReason : "stopped" };
  }

  /** Answer the player's requests for a branch, as a kernel does.
   *  @param {Model} shown
   *  @param {any} made
   *  @param {any} tools */
  function enliven(shown, { context }, tools) {
    shown.send = () => {};
    shown.on("change:request", async () => {
      const request = shown.get("request") ?? [];
      if (!request.length) return;
      const [parent, position, id] = request;
      const data = shown.get("data");
      const path = player.pathOf(data.branches, parent).slice(0, position);
      const last = path[position - 1];
      const place = last.candidates.findIndex((/** @type {any} */ [own]) => own === id);
      const [, text, p] = last.candidates[place];
      const forced = { ...last, id, text, p, rank: place + 1, decision: "" };
      const chosen = [...path.slice(0, -1).map((step) => step.id), id];
      const left = context.asked.max_new_tokens - chosen.length;
      let made = { list: /** @type {any[]} */ ([]), end: id === context.eos ? "eos" : "length" };
      try {
        if (id !== context.eos && left > 0) {
          const asked = { ...context.asked, max_new_tokens: left };
          const ids = [...context.promptIds, ...chosen];
          made = await tools.stoppable(() => write({ ids }, asked, context, tools));
        }
        const branch = {
          parent,
          start: position - 1,
          steps: [forced, ...made.list],
          end: made.end,
        };
        const how = made.end === "stopped" ? "stopped" : "written";
        tools.tell(`A text from token ${position} on, ${how} after ${branch.steps.length} tokens.`);
        shown.set("data", { ...data, branches: [...data.branches, branch] });
        shown.set("position", position);
        shown.set("branch", data.branches.length);
      } catch (error) {
        shown.set("message", `No new branch: ${/** @type {Error} */ (error).message}.`);
      }
      shown.set("request", []);
    });
  }
})();
