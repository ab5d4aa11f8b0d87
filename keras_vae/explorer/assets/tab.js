// The tab of TensorBoard: a menu of the runs that were explored, and the page of the one that is chosen.

import { make } from "./dom.js";
import { readAddress, writeAddress } from "./tab_address.js";

const STYLE = `
html, body { height: 100%; margin: 0; }
body { color-scheme: light dark; background: Canvas; color: CanvasText;
  font: 15px/1.5 ui-sans-serif, system-ui, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif; }
main { display: grid; grid-template-rows: auto 1fr; height: 100%; }
label, p { padding: 10px 24px; margin: 0; }
select { font: inherit; margin-left: 8px; max-width: 70vw; }
iframe { width: 100%; height: 100%; border: 0; border-top: 1px solid #8884; }
code { white-space: nowrap; }
h1 { position: absolute; width: 1px; height: 1px; margin: 0; overflow: hidden; clip-path: inset(50%); }`;

// TensorBoard calls this once the tab is opened.
export async function render() {
  document.head.append(make("style", {}, STYLE), make("meta", { name: "color-scheme", content: "light dark" }));
  document.documentElement.lang = "en";
  document.title = "Latent space";
  const main = make("main", {});
  document.body.replaceChildren(main);
  const heading = make("h1", {}, "The latent space of a run"); // for a screen reader
  const menu = make("select", {});
  const frame = make("iframe", { title: "Latent space of the run" });
  let state = ""; // the fragment of the page's own address
  const show = () => (frame.src = `page?run=${encodeURIComponent(menu.value)}${state}`);

  // The address of TensorBoard keeps what is chosen, so that a link to it opens the same.
  window.addEventListener("message", ({ source, origin, data }) => {
    if (source !== frame.contentWindow || origin !== location.origin) return;
    const { searchParams, hash } = new URL(data);
    if (searchParams.get("run") !== menu.value) return; // of a page that is being left
    state = hash;
    writeAddress({ run: menu.value, state });
  });
  window.addEventListener("resize", () => state && writeAddress({ run: menu.value, state })); // the tab is shown again
  window.parent.addEventListener("hashchange", async () => {
    const asked = readAddress();
    if (!asked || (asked.run === menu.value && asked.state === state)) return;
    await refresh(asked);
  });

  // Runs may be explored while the tab is open.
  async function refresh(asked) {
    const { runs, command } = await (await fetch("runs")).json();
    const chosen = menu.value;
    const isNew = runs.join("\n") !== [...menu.options].map(({ value }) => value).join("\n");
    const named = (run) => make("option", { value: run }, run === "." ? "this run" : run);
    if (isNew) menu.replaceChildren(...runs.map(named));
    if (runs.includes(chosen)) menu.value = chosen;
    if (!runs.length) {
      const text = "No run in this log folder was explored yet. This writes the page of one: ";
      main.replaceChildren(heading, make("p", {}, text, make("code", {}, `${command} RUN`)));
    } else if (!frame.isConnected) main.replaceChildren(heading, make("label", {}, "Run", menu), frame);
    const isAsked = runs.includes(asked?.run);
    if (isAsked) [menu.value, state] = [asked.run, asked.state];
    else if (menu.value !== chosen) state = "";
    if (isAsked || (runs.length && menu.value !== chosen)) show();
  }

  menu.onchange = () => {
    state = "";
    writeAddress({ run: menu.value, state });
    show();
  };
  menu.onfocus = () => refresh();
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  await refresh(readAddress());
}
