// The test images, as tiles of one picture.

// Open the picture. `values(index)` has an image in [0, 1]; `draw(context, index, x, y, width, height)` draws it,
// `canvas(index)` gives it a canvas of its own.
export async function openImages(bytes, [height, width, channels], columns) {
  const options = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/webp" }), options);
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const place = (index) => [(index % columns) * width, Math.floor(index / columns) * height];

  return {
    values(index) {
      const { data } = context.getImageData(...place(index), width, height);
      const values = new Float32Array(height * width * channels);
      for (let pixel = 0; pixel < height * width; pixel++) {
        for (let channel = 0; channel < channels; channel++) {
          values[pixel * channels + channel] = data[4 * pixel + channel] / 255;
        }
      }
      return values;
    },
    draw(target, index, ...to) {
      target.drawImage(bitmap, ...place(index), width, height, ...to);
    },
    canvas(index) {
      const single = document.createElement("canvas");
      Object.assign(single, { width, height, className: "image" });
      single.getContext("2d").drawImage(bitmap, ...place(index), width, height, 0, 0, width, height);
      return single;
    },
  };
}
