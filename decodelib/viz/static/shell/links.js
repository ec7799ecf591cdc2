// @ts-check
/* Links that open a page with an explorer's settings: #dx=slug&temperature=0.7&order=top_p,top_k */
(() => {
  const SHOWN = "shown"; // in a link copied after the answer was shown

  /** @type {Shell["links"]["slugOf"]} */
  function slugOf(title, isTaken) {
    const slug =
      title
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, "-")
        .replace(/^-|-$/g, "") || "explorer";
    let unique = slug;
    for (let n = 2; isTaken(unique); n++) unique = `${slug}-${n}`;
    return unique;
  }

  /** A setting as a link writes it. Commas part the items of a list, so those within are escaped.
   * @param {unknown} item */
  const itemInLink = (item) => String(item).replace(/[%,]/g, encodeURIComponent);
  /** @param {unknown} value */
  const inLink = (value) =>
    Array.isArray(value) ? value.map(itemInLink).join(",") : String(value ?? "");

  /** @type {Shell["links"]["write"]} */
  function write(slug, initial, get, isShown) {
    const written = new URLSearchParams({ dx: slug });
    for (const [name, start] of Object.entries(initial)) {
      const value = get(name);
      if (inLink(value) !== inLink(start)) written.set(name, inLink(value));
    }
    if (isShown) written.set(SHOWN, "yes");
    return String(written);
  }

  /** The value that a link gives a setting, or undefined for what the setting's limits rule out.
   * @param {string} text
   * @param {Limit} limit */
  function readSetting(text, limit) {
    const { type, min = -Infinity, max = Infinity, choices = [], all, nullable, pattern } = limit;
    if (text === "" && nullable) return null;
    if (type === "list") {
      const items = text === "" ? [] : text.split(",");
      const values = items.map((item) => choices.find((choice) => itemInLink(choice) === item));
      const isWhole = !all || new Set(values).size === choices.length;
      return !values.includes(undefined) && isWhole && values.length <= choices.length
        ? values
        : undefined;
    }
    if (type === "choice") return choices.find((choice) => String(choice) === text);
    if (type === "string")
      return pattern === undefined || new RegExp(`^(?:${pattern})$`, "u").test(text)
        ? text
        : undefined;
    const value = Number(text);
    const isInside = text.trim() !== "" && value >= min && value <= max && Number.isFinite(value);
    return isInside && (type !== "integer" || Number.isInteger(value)) ? value : undefined;
  }

  /** @type {Shell["links"]["read"]} */
  function read(fragment, initial, limits) {
    const given = new URLSearchParams(fragment);
    /** @type {Record<string, unknown>} */
    const settings = {};
    let isChanged = false;
    for (const [name, start] of Object.entries(initial)) {
      const text = limits[name] ? given.get(name) : null;
      const value = text === null ? undefined : readSetting(text, limits[name]);
      settings[name] = value === undefined ? start : value;
      isChanged ||= inLink(settings[name]) !== inLink(start);
    }
    return { settings, isShown: isChanged || given.has(SHOWN) };
  }

  globalThis.DecodeExplorer.links = {
    slugOf,
    write,
    read,
    target: (fragment) => new URLSearchParams(fragment).get("dx"),
  };
})();
