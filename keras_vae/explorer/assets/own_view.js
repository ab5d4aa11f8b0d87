// An image of the reader's own: drawn, or from a file; encoded, reconstructed, and set beside the test images.

import { byId, make, number, oncePerFrame, paint, percent, shareBelow } from "./dom.js";
import { showPosterior } from "./posterior_chart.js";

const NEAREST = 10;
const BRUSH = 1.25 / 28; // radius, of the width of the image

export function showOwn(app) {
  const { store, space, facts, model, images, prior } = app;
  const [height, width, channels] = model.shape;
  const canvas = byId("own-canvas");
  let values = new Float32Array(height * width * channels);
  let last = null;
  let own = null; // its posterior
  let isOwn = false; // until then it is one of the test images, to begin with

  const show = oncePerFrame(() => {
    paint(canvas, values, model.shape);
    const empty = values.every((value) => value === 0);
    byId("own-use").disabled = empty;
    byId("own-invert").disabled = empty;
    document.querySelector(".own-more").hidden = empty;
    if (empty) {
      paint(byId("own-again"), values, model.shape);
      byId("own-verdict").textContent = "";
      store.set({ own: null });
      return;
    }
    const posterior = model.encode(values);
    const again = model.decode(posterior.mean);
    paint(byId("own-again"), again, model.shape);
    byId("own-verdict").textContent = verdict(again, posterior.mean);
    const nearest = space.nearest(posterior.mean, NEAREST);
    byId("own-nearest").replaceChildren(...nearest.map(({ index }) => app.button(index)));
    showPosterior(byId("own-posterior"), posterior, prior.klByLatent(posterior), facts.latents);
    store.set({ own: isOwn ? posterior : null });
    own = posterior;
  });

  function verdict(again, mean) {
    const error = values.reduce((sum, value, index) => sum + (value - again[index]) ** 2, 0);
    const share = shareBelow(facts.usual.error, error);
    const density = prior.logDensity(mean);
    const less = shareBelow(facts.usual.density, density);
    const words = [
      `Squared error ${number(error, 1)}: larger than that of ${percent(share)} of the test images.`,
      `The prior gives its mean ${number(density, 1)} nats; ${percent(less)} of the test images have less.`,
    ];
    if (share > 0.95) words.push("That is unusual.");
    return words.join(" ");
  }

  function take(found) {
    isOwn = true;
    values = Float32Array.from(found);
    show();
  }

  async function open(file) {
    try {
      take(await readPicture(file, model.shape));
    } catch {
      byId("own-verdict").textContent = `${file.name} is no picture that this browser can read.`;
    }
  }

  if (channels === 1) listenToBrush();
  byId("own-hint").textContent = channels === 1 ? "draw, or drop a picture here" : "drop a picture here";
  byId("own-text").textContent = facts.texts.own;
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
  new ResizeObserver(show).observe(byId("own-posterior").parentElement);
  show();

  function listenToBrush() {
    const placeOf = (event) => {
      const box = canvas.getBoundingClientRect();
      return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      last = placeOf(event);
      stroke(last, last);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!last) return;
      const place = placeOf(event);
      stroke(last, place);
      last = place;
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (last = null));
  }

  // A line with soft edges.
  function stroke([startX, startY], [endX, endY]) {
    isOwn = true;
    const radius = Math.max(1, BRUSH * width);
    const length = Math.hypot(endX - startX, endY - startY) || 1;
    const [alongX, alongY] = [(endX - startX) / length, (endY - startY) / length];
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const [x, y] = [column + 0.5 - startX, row + 0.5 - startY];
        const at = Math.min(Math.hypot(endX - startX, endY - startY), Math.max(0, x * alongX + y * alongY));
        const apart = Math.hypot(x - at * alongX, y - at * alongY);
        const ink = Math.min(1, Math.max(0, radius + 0.5 - apart));
        values[row * width + column] = Math.max(values[row * width + column], ink);
      }
    }
    show();
  }
}

// A picture as h * w * c values in [0, 1]: as large as it fits, in the middle, black around it.
async function readPicture(file, [height, width, channels]) {
  const bitmap = await createImageBitmap(file);
  const canvas = make("canvas", { width, height });
  const context = canvas.getContext("2d");
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  const scale = Math.min(width / bitmap.width, height / bitmap.height);
  const [wide, high] = [bitmap.width * scale, bitmap.height * scale];
  context.drawImage(bitmap, (width - wide) / 2, (height - high) / 2, wide, high);
  const { data } = context.getImageData(0, 0, width, height);
  const values = new Float32Array(height * width * channels);
  for (let pixel = 0; pixel < height * width; pixel++) {
    const colour = data.subarray(4 * pixel, 4 * pixel + 3);
    if (channels === 1) values[pixel] = (0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]) / 255;
    else colour.forEach((value, channel) => (values[pixel * channels + channel] = value / 255));
  }
  return values;
}
