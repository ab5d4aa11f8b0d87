// The tab of TensorBoard: a menu of the runs that were explored, and the page of the one that is chosen.

import { make } from "./dom.js";

const STYLE = `
html, body { height: 100%; margin: 0; }
body { display: grid; grid-template-rows: auto 1fr; color-scheme: light dark; background: Canvas; color: CanvasText;
  font: 15px/1.5 ui-sans-serif, system-ui, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif; }
label, p { padding: 10px 24px; margin: 0; }
select { font: inherit; margin-left: 8px; max-width: 70vw; }
iframe { width: 100%; height: 100%; border: 0; border-top: 1px solid #8884; }
code { white-space: nowrap; }`;

// TensorBoard calls this once the tab is opened.
export async function render() {
  document.head.append(make("style", {}, STYLE), make("meta", { name: "color-scheme", content: "light dark" }));
  document.documentElement.lang = "en";
  document.title = "Latent space";
  const menu = make("select", {});
  const frame = make("iframe", { title: "Latent space of the run" });
  const show = () => (frame.src = `page?run=${encodeURIComponent(menu.value)}`);

  // Runs may be explored while the tab is open.
  async function refresh() {
    const { runs, command } = await (await fetch("runs")).json();
    const chosen = menu.value;
    const isNew = runs.join("\n") !== [...menu.options].map(({ value }) => value).join("\n");
    const named = (run) => make("option", { value: run }, run === "." ? "this run" : run);
    if (isNew) menu.replaceChildren(...runs.map(named));
    if (runs.includes(chosen)) menu.value = chosen;
    if (!runs.length) {
      const text = "No run in this log folder was explored yet. This writes the page of one: ";
      document.body.replaceChildren(make("p", {}, text, make("code", {}, `${command} RUN`)));
    } else if (!frame.isConnected) document.body.replaceChildren(make("label", {}, "Run", menu), frame);
    if (runs.length && menu.value !== chosen) show();
  }

  menu.onchange = show;
  menu.onfocus = refresh;
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  await refresh();
}
