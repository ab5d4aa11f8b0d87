// Elements, images on canvases and numbers in words.

export const byId = (id) => document.getElementById(id);

// An element with properties, and children that are elements or text; text is never read as HTML.
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// A part of an SVG drawing.
export function makeSvg(tag, attributes = {}, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
}

// h * w * c values in [0, 1] as the pixels of a canvas.
export function paint(canvas, values, [height, width, channels]) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  canvas.getContext("2d").putImageData(pixels(values, [height, width, channels]), 0, 0);
}

// Makes a canvas ready for images beside each other; until they are there it is busy.
export function beginRow(canvas, count, [height, width]) {
  Object.assign(canvas, { width: width * count, height });
  canvas.setAttribute("aria-busy", "true");
}

// Draws the images of some latents beside each other, a step for each.
export function* fillRow(canvas, latents, { decode, shape }) {
  beginRow(canvas, latents.length, shape);
  for (const [index, latent] of latents.entries()) {
    canvas.getContext("2d").putImageData(pixels(decode(latent), shape), index * shape[1], 0);
    yield;
  }
  canvas.removeAttribute("aria-busy");
}

export function pixels(values, [height, width, channels]) {
  const image = new ImageData(width, height);
  for (let place = 0; place < height * width; place++) {
    for (let channel = 0; channel < 3; channel++) {
      const value = values[place * channels + (channels === 1 ? 0 : channel)];
      image.data[4 * place + channel] = 255 * value; // rounded as it is stored
    }
    image.data[4 * place + 3] = 255;
  }
  return image;
}

// Calls a function once before the next frame, however often it is asked for.
export function oncePerFrame(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}

// A function that computes anew only where what it is given is not the same as before.
export function remembered(compute) {
  let [before, value] = [null, null];
  return (...given) => {
    if (!before || given.some((each, at) => each !== before[at])) {
      value = compute(...given);
      before = given;
    }
    return value;
  };
}

// Calls a function once it has not been asked for during some milliseconds.
export function afterPause(work, wait) {
  let waiting = null;
  return () => {
    clearTimeout(waiting);
    waiting = setTimeout(work, wait);
  };
}

// Offers a canvas as a PNG file.
export function save(canvas, name) {
  canvas.toBlob((blob) => {
    const link = make("a", { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  });
}

// One format for each number of digits: to make one takes longer than to draw an image.
const FORMATS = Array.from({ length: 4 }, (_, digits) => {
  const given = { minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay: "negative" };
  return new Intl.NumberFormat("en", given);
});

export const number = (value, digits = 2) => FORMATS[digits].format(value).replace("-", "−");
export const count = (value) => FORMATS[0].format(value);

// The share of usual values below a value, from their quantiles at equal shares.
export function shareBelow(quantiles, value) {
  const last = quantiles.length - 1;
  if (value <= quantiles[0]) return 0;
  if (value >= quantiles[last]) return 1;
  const above = quantiles.findIndex((quantile) => quantile > value);
  const [low, high] = [quantiles[above - 1], quantiles[above]];
  return (above - 1 + (value - low) / (high - low)) / last;
}

export function percent(share) {
  if (share > 0.99) return "more than 99%";
  return share < 0.01 ? "less than 1%" : `${Math.round(100 * share)}%`;
}
