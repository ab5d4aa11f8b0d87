// An image of the reader's own: drawn, or from a file; encoded, reconstructed, and set beside the test images.

import { byId, make, number, oncePerFrame, paint, percent, shareBelow } from "./dom.js";
import { listenToBrush } from "./brush.js";
import { asPicture, fromPicture, readPicture } from "./pictures.js";
import { showPosterior } from "./posterior_chart.js";

const NEAREST = 10;

export function showOwn(app) {
  const { store, space, facts, model, images, prior } = app;
  const [height, width, channels] = model.shape;
  const canvas = byId("own-canvas");
  let values = new Float32Array(height * width * channels);
  let own = null; // its posterior
  let isOwn = false; // until then it is one of the test images, to begin with

  const show = oncePerFrame(() => {
    paint(canvas, values, model.shape);
    const empty = values.every((value) => value === 0);
    byId("own-use").disabled = empty;
    byId("own-invert").disabled = empty;
    document.querySelector(".own").classList.toggle("empty", empty);
    if (empty) {
      paint(byId("own-again"), values, model.shape);
      byId("own-verdict").textContent = byId("own-usual").textContent = "";
      store.set({ own: null, picture: null });
      return;
    }
    const posterior = model.encode(values);
    const again = model.decode(posterior.mean);
    paint(byId("own-again"), again, model.shape);
    showVerdict(again, posterior.mean);
    const nearest = space.nearest(posterior.mean, NEAREST);
    byId("own-nearest").replaceChildren(...nearest.map(({ index }) => app.button(index)));
    showPosterior(byId("own-posterior"), posterior, prior.klByLatent(posterior), app.latents.used);
    own = posterior;
    store.set(isOwn ? { own, picture: asPicture(values, model.shape) } : { own: null, picture: null });
  });

  function showVerdict(again, mean) {
    const error = values.reduce((sum, value, index) => sum + (value - again[index]) ** 2, 0);
    const share = shareBelow(facts.usual.error, error);
    const density = prior.logDensity(mean);
    const less = shareBelow(facts.usual.density, density);
    byId("own-usual").textContent = share > 0.95 ? "An unusual image." : "An image as those it was tested on.";
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

  async function open(file) {
    try {
      take(await readPicture(file, model.shape));
    } catch {
      byId("own-verdict").textContent = `${file.name} is no picture that this browser can read.`;
    }
  }

  byId("own-keys").hidden = channels !== 1;
  if (channels === 1) {
    listenToBrush(canvas, model.shape, (stroke) => take(values.map((value, place) => Math.max(value, stroke[place]))));
  }
  byId("own-hint").textContent = channels === 1 ? "draw, or drop a picture here" : "drop a picture here";
  byId("own-text").textContent = facts.texts.own;
  byId("own-how").textContent = facts.texts.ownHow;
  byId("own-posterior-note").textContent = facts.texts.posterior;
  byId("own-clear").onclick = () => take(new Float32Array(values.length));
  byId("own-invert").onclick = () => take(values.map((value) => 1 - value));
  byId("own-chosen").onclick = () => store.image !== null && take(images.values(store.image));
  byId("own-file").onchange = ({ target }) => target.files[0] && open(target.files[0]);
  byId("own-use").onclick = () => {
    app.begin(own.mean, "Your image");
    byId("latents-part").scrollIntoView();
  };
  const part = document.querySelector(".own");
  for (const [name, over] of [["dragenter", true], ["dragover", true], ["dragleave", false], ["drop", false]]) {
    part.addEventListener(name, (event) => {
      event.preventDefault();
      part.classList.toggle("over", over);
      if (name === "drop" && event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
    });
  }
  values = images.values(store.image ?? 0);
  async function openAddress() {
    try {
      take(await fromPicture(store.picture, model.shape));
    } catch {
      store.set({ picture: null }); // an address that is cut
    }
  }
  if (store.picture) openAddress();
  store.watch((changed) => {
    if (changed.has("picture") && store.picture && store.picture !== asPicture(values, model.shape)) openAddress();
  });
  new ResizeObserver(show).observe(byId("own-posterior").parentElement);
  show();
}
