// Pictures of the reader's own, from files and from the address.

import { make, paint } from "./dom.js";

// A file as h * w * c values in [0, 1]: as large as it fits, in the middle, black around it.
export async function readPicture(file, [height, width, channels]) {
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

// h * w * c values in [0, 1] as letters that an address may have: those of a PNG.
export function asPicture(values, shape) {
  const canvas = make("canvas");
  paint(canvas, values, shape);
  const [, letters] = canvas.toDataURL("image/png").split(",");
  return letters.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// The values that letters of an address stand for.
export async function fromPicture(letters, shape) {
  const bytes = atob(letters.replaceAll("-", "+").replaceAll("_", "/"));
  const file = new Blob([Uint8Array.from(bytes, (each) => each.charCodeAt(0))], { type: "image/png" });
  return readPicture(file, shape);
}
