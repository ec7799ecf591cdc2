// @ts-check
/* What the library says of each knob (processors/knobs.py): label, processor, the value that is
 * off, and where a knob starts that is added. Written by decodelib/viz/distribution/table.py. */
(() => {
  globalThis.DecodeExplorer.table = {
    temperature: { label: "Temperature", processor: "Temperature", off: 1, usual: 0.7 },
    top_n_sigma: { label: "Top-nσ", processor: "TopNSigma", off: 0, usual: 1 },
    top_k: { label: "Top-k", processor: "TopK", off: 0, usual: 40 },
    top_p: { label: "Top-p", processor: "TopP", off: 1, usual: 0.9 },
    min_p: { label: "Min-p", processor: "MinP", off: 0, usual: 0.05 },
    typical_p: { label: "Typical", processor: "Typical", off: 1, usual: 0.9 },
    eta: { label: "Eta", processor: "Eta", off: 0, usual: 0.002 },
  };
})();
