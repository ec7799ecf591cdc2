// @ts-check
/* Whether a prediction is right, and what is said about it. */
(() => {
  const { showCount } = globalThis.DecodeExplorer;

  /** A guess at a number that is not whole is right when it is so to the digits shown.
   * @type {Shell["guess"]["isRight"]} */
  function isRight(guess, { value, text }) {
    if (guess === value || typeof value !== "number") return guess === value;
    const digits = /\.(\d+)/.exec(text)?.[1].length;
    return digits !== undefined && Number(guess).toFixed(digits) === value.toFixed(digits);
  }

  /** @param {number | string} guess */
  const showGuess = (guess) => (Number.isInteger(guess) ? showCount(Number(guess)) : String(guess));

  /** @type {Shell["guess"]["verdict"]} */
  function verdict(guess, answer, isPast) {
    const [is, when] = isPast ? ["was", " with the settings at the start"] : ["is", ""];
    if (guess === null)
      return isPast ? `It ${is} ${answer.text}${when}.` : `The answer: ${answer.text}.`;
    if (isRight(guess, answer)) return `${answer.text}${when}, as you predicted.`;
    return `You predicted ${showGuess(guess)}; it ${is} ${answer.text}${when}.`;
  }

  globalThis.DecodeExplorer.guess = { isRight, verdict };
})();
