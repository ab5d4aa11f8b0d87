// An image of the reader's own: drawn, or from a file; encoded, reconstructed, and set beside the test images.

import { byId, make, number, oncePerFrame, paint, percent, shareBelow } from "./dom.js";
import { listenToBrush } from "./brush.js";
import { drawn } from "./gaussian.js";
import { lead } from "./part_in_view.js";
import { asPicture, fromPicture, readPicture } from "./pictures.js";
import { showPosterior } from "./posterior_chart.js";
import { makePosteriorTable } from "./posterior_table.js";
import { LONGEST_PICTURE } from "./state.js";

const NEAREST = 10;
const TOO_LONG = "This image is too large for a link: the address of this page does not hold it.";

export function showOwn(app) {
  const { store, space, facts, model, images, prior } = app;
  const [height, width, channels] = model.shape;
  const canvas = byId("own-canvas");
  let values = new Float32Array(height * width * channels);
  let own = null; // its posterior
  const showNumbers = makePosteriorTable([...app.latents.used, ...app.latents.unused], facts.latents.reference);
  let isOwn = false; // until then it is one of the test images, to begin with

  const show = oncePerFrame(() => {
    paint(canvas, values, model.shape);
    const empty = values.every((value) => value === 0);
    for (const id of ["own-use", "own-map", "own-draw", "own-invert"]) byId(id).disabled = empty;
    document.querySelector(".own").classList.toggle("empty", empty);
    if (empty) {
      paint(byId("own-again"), values, model.shape);
      for (const id of ["own-verdict", "own-usual", "own-link"]) byId(id).textContent = "";
      return store.set(isOwn ? { own: null, picture: asPicture(values, model.shape) } : { own: null });
    }
    const posterior = model.encode(values);
    const again = model.decode(posterior.mean);
    paint(byId("own-again"), again, model.shape);
    showVerdict(again, posterior.mean);
    const nearest = space.nearest(posterior.mean, NEAREST);
    byId("own-nearest").replaceChildren(...nearest.map(({ index }) => app.button(index)));
    const kl = prior.klByLatent(posterior);
    showPosterior(byId("own-posterior"), posterior, kl, app.latents.used);
    showNumbers(posterior, kl);
    own = posterior;
    const picture = isOwn ? asPicture(values, model.shape) : "";
    byId("own-link").textContent = picture.length > LONGEST_PICTURE ? TOO_LONG : "";
    return store.set(isOwn ? { own, picture } : { own: null }); // a picture of the address may still be opened
  });

  function showVerdict(again, mean) {
    const error = values.reduce((sum, value, index) => sum + (value - again[index]) ** 2, 0);
    const share = shareBelow(facts.usual.error, error);
    const density = prior.logDensity(mean);
    const less = shareBelow(facts.usual.density, density);
    byId("own-usual").textContent = share > 0.95 ? "An unusual image." : "A usual image.";
    byId("own-verdict").textContent = [
      `Squared error ${number(error, 1)}: larger than that of ${percent(share)} of the test images.`,
      `The prior gives its mean ${number(density, 1)} nats; ${percent(less)} of the test images have less.`,
    ].join(" ");
  }

  function take(found) {
    isOwn = true;
    values = Float32Array.from(found, (value) => Math.round(255 * value) / 255); // as an address can hold it
    show();
  }

  // One of the test images, to begin with.
  function takeChosen() {
    isOwn = false;
    values = images.values(store.image ?? 0);
    show();
  }

  async function open(file) {
    try {
      take(await readPicture(file, model.shape));
    } catch {
      byId("own-verdict").textContent = `${file.name} is no picture that this browser can read.`;
    }
  }

  // Grey images get white ink, which makes nothing darker; others the colour that is chosen, over what is there.
  function inked(stroke) {
    if (channels === 1) return values.map((value, place) => Math.max(value, stroke[place]));
    const ink = byId("own-ink").value.match(/\w\w/g).map((part) => Number.parseInt(part, 16) / 255);
    return values.map((value, place) => {
      const share = stroke[Math.floor(place / channels)];
      return (1 - share) * value + share * ink[place % channels];
    });
  }
  listenToBrush(canvas, model.shape, (stroke) => take(inked(stroke)));
  byId("own-ink-label").hidden = channels === 1;
  byId("own-text").textContent = facts.texts.own;
  byId("own-how").textContent = facts.texts.ownHow;
  byId("own-posterior-note").textContent = facts.texts.posterior;
  byId("own-clear").onclick = () => take(new Float32Array(values.length));
  byId("own-invert").onclick = () => take(values.map((value) => 1 - value));
  byId("own-chosen").onclick = () => take(images.values(store.image));
  const showChosen = () => (byId("own-chosen").disabled = store.image === null);
  byId("own-file").onchange = async ({ target }) => {
    const [file] = target.files;
    if (file) await open(file);
    target.value = ""; // so that the same one can be chosen again
  };
  byId("own-use").onclick = () => {
    app.begin(own.mean, "own");
    lead("latents-part");
  };
  byId("own-draw").onclick = () => {
    app.begin(drawn(own), "draw");
    lead("latents-part");
  };
  byId("own-map").onclick = () => {
    if (!isOwn) take(values); // what is marked on the map is one's own
    app.map.reach(app.map.map().place(own.mean));
    app.map.canvas.focus({ preventScroll: true });
    app.map.canvas.scrollIntoView({ block: "center" });
  };
  const part = document.querySelector(".own");
  for (const [name, over] of [["dragenter", true], ["dragover", true], ["dragleave", false], ["drop", false]]) {
    part.addEventListener(name, (event) => {
      event.preventDefault();
      part.classList.toggle("over", over);
      if (name === "drop" && event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
    });
  }
  async function openAddress() {
    const asked = store.picture;
    try {
      const found = await fromPicture(asked, model.shape);
      if (asked === store.picture) take(found);
    } catch {
      if (asked === store.picture) store.set({ picture: null }); // an address that is cut
    }
  }
  if (store.picture) openAddress();
  store.watch((changed) => {
    if (changed.has("image")) showChosen();
    if (!changed.has("picture")) return;
    if (store.picture && store.picture !== asPicture(values, model.shape)) openAddress();
    if (!store.picture && isOwn) takeChosen(); // an address without an own image was opened
  });
  new ResizeObserver(show).observe(byId("own-posterior").parentElement);
  showChosen();
  takeChosen();
}
