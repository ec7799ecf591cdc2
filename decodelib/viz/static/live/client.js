// @ts-check
/* The page's side of the worker: load the model with progress, ask it, stop it. */
(() => {
  const live = globalThis.DecodeLive;
  const engine = globalThis.DecodeEngine;

  /** "none", "loading", "failed" or "ready". */
  let state = "none";
  let loadedBytes = 0;
  let failure = "";
  /** @type {Worker | null} */
  let worker = null;
  /** @type {Set<string>} */
  const sent = new Set();
  /** @type {Set<() => void>} */
  const listeners = new Set();
  const totalBytes = engine.files.reduce(
    (/** @type {number} */ sum, /** @type {any} */ file) => sum + file.bytes,
    0,
  );

  function changed(/** @type {string} */ next) {
    state = next;
    for (const listener of listeners) listener();
  }

  /** @type {Map<number, {resolve: (answer: any) => void, reject: (error: Error) => void, onStart?: (ids: number[], eos: number) => void, onStep?: (step: any) => void, onReading?: (reading: any) => void}>} */
  const asked = new Map();
  let lastId = 0;

  /** @param {MessageEvent} message */
  function hear({ data }) {
    if (data.type === "ready") return changed("ready");
    const question = asked.get(data.id);
    if (!question) return;
    if (data.type === "started") return question.onStart?.(data.promptIds, data.eos);
    if (data.type === "step") return question.onStep?.(data.step);
    if (data.type === "reading") return question.onReading?.(data);
    asked.delete(data.id);
    if (data.type === "failed") question.reject(new Error(data.message));
    else question.resolve(data.type === "stopped" ? null : data);
  }

  function startWorker() {
    // From a Blob, because a page that was opened from disk may start no other.
    const address = URL.createObjectURL(new Blob([engine.source], { type: "text/javascript" }));
    worker = new Worker(address);
    URL.revokeObjectURL(address);
    worker.onmessage = hear;
    worker.onerror = (event) => {
      failure = `the model could not be started (${event.message})`;
      changed("failed");
    };
  }

  /** Load what has not come yet, four files at a time. */
  async function load() {
    if (state === "loading" || state === "ready") return;
    failure = "";
    changed("loading");
    if (!worker) startWorker();
    const queue = engine.files
      .map((/** @type {any} */ file, /** @type {number} */ index) => ({ ...file, index }))
      .filter((/** @type {any} */ file) => !sent.has(file.name));
    const about = queue[0]?.index === 0 ? [queue.shift()] : [];
    try {
      for (const file of about) await fetchFile(file);
      await Promise.all(
        Array.from({ length: 4 }, async () => {
          for (let file = queue.shift(); file; file = queue.shift()) await fetchFile(file);
        }),
      );
    } catch (error) {
      queue.length = 0;
      failure = `${/** @type {Error} */ (error).message} (${megabytes(loadedBytes)} of ${megabytes(totalBytes)} have come)`;
      changed("failed");
    }
  }

  /** @param {{name: string, bytes: number, index: number}} file */
  async function fetchFile({ name, bytes, index }) {
    await live.loadScript(`model/${name}`);
    const content = live.received.get(name);
    live.received.delete(name);
    if (index === 0)
      worker?.postMessage({ type: "load", parts: engine.files.length - 1, ...content });
    else worker?.postMessage({ type: "part", index: index - 1, text: content });
    sent.add(name);
    loadedBytes += bytes;
    changed(state);
  }

  const megabytes = (/** @type {number} */ bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

  /** Ask the worker, which answers one question at a time: an earlier one is stopped.
   *  The promise gives null for a question that was stopped.
   *  @param {any} question
   *  @param {{onStart?: (ids: number[], eos: number) => void, onStep?: (step: any) => void, onReading?: (reading: any) => void}} [hooks] */
  function ask(question, hooks = {}) {
    stop();
    const id = ++lastId;
    return new Promise((resolve, reject) => {
      asked.set(id, { resolve, reject, ...hooks });
      worker?.postMessage({ ...question, id });
    });
  }

  function stop() {
    if (!asked.size) return;
    worker?.postMessage({ type: "stop" });
    // The page does not wait for the worker to have heard it.
    for (const [id, { resolve }] of asked) {
      asked.delete(id);
      resolve(null);
    }
  }

  live.model = {
    load,
    ask,
    stop,
    totalBytes,
    megabytes,
    get state() {
      return state;
    },
    get loadedBytes() {
      return loadedBytes;
    },
    get failure() {
      return failure;
    },
    get isBusy() {
      return asked.size > 0;
    },
    onChange: (/** @type {() => void} */ listener) => listeners.add(listener),
  };
})();
