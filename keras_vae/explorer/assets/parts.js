// The arrays that the page carries: text of 15 bits a character, compressed, some of them in half precision.

const FIRST_CHARACTER = 0x0800;
const TYPES = { float32: Float32Array, int32: Int32Array, int16: Int16Array, uint16: Uint16Array, uint8: Uint8Array };

// Open a part, from the page itself or from the server that the page came from: its arrays by their names, as typed
// arrays of { values, shape }.
export async function openPart(name, manifest, server) {
  const bytes = server ? await loaded(server + name) : carried(name, manifest);
  const { readable, writable } = new DecompressionStream("deflate");
  const plain = new Response(readable).arrayBuffer();
  const writer = writable.getWriter(); // the bytes do not leave this process, as those of a Blob would
  await Promise.all([writer.write(bytes), writer.close()]);
  return readArrays(new Uint8Array(await plain), manifest);
}

async function loaded(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address} is not there any more: open the page again`);
  return new Uint8Array(await answer.arrayBuffer());
}

function carried(name, manifest) {
  const element = document.getElementById(`part-${name}`);
  const bytes = asBytes(element.textContent, manifest.compressed);
  element.remove(); // megabytes of text that nobody reads again
  return bytes;
}

function readArrays(plain, manifest) {
  const arrays = {};
  for (const entry of manifest.arrays) {
    arrays[entry.name] = { values: readArray(plain, entry), shape: entry.shape };
  }
  for (const { name, scale } of manifest.arrays) {
    if (scale) arrays[name].values = scaled(arrays[name].values, arrays[scale].values);
  }
  return arrays;
}

// Rounded numbers at their scales, one for each column.
function scaled(codes, scales) {
  const values = new Float32Array(codes.length);
  for (let at = 0; at < codes.length; at += scales.length) {
    for (let column = 0; column < scales.length; column++) values[at + column] = codes[at + column] * scales[column];
  }
  return values;
}

// Characters of 15 bits, the highest first, as bytes.
export function asBytes(text, length) {
  const bytes = new Uint8Array(length);
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let index = 0; at < length; index++) {
    bits = (bits << 15) | (text.charCodeAt(index) - FIRST_CHARACTER);
    held += 15;
    while (held >= 8 && at < length) {
      held -= 8;
      bytes[at++] = (bits >> held) & 0xff;
    }
    bits &= (1 << held) - 1;
  }
  return bytes;
}

function readArray(plain, { type, shape, start }) {
  const count = shape.reduce((product, side) => product * side, 1);
  if (type === "float16") {
    const values = new Float32Array(count);
    const numbers = halves();
    for (let index = 0; index < count; index++) {
      values[index] = numbers[plain[start + index] | (plain[start + count + index] << 8)];
    }
    return values;
  }
  const width = TYPES[type].BYTES_PER_ELEMENT;
  const whole = new Uint8Array(count * width);
  for (let byte = 0; byte < width; byte++) {
    for (let index = 0; index < count; index++) {
      whole[index * width + byte] = plain[start + byte * count + index];
    }
  }
  return new TYPES[type](whole.buffer); // little-endian, as all machines are that browsers run on
}

let table = null;

// All 65,536 numbers of half precision (IEEE 754 binary16).
function halves() {
  if (!table) {
    table = new Float32Array(65536);
    for (let code = 0; code < 65536; code++) {
      const sign = code & 0x8000 ? -1 : 1;
      const exponent = (code >> 10) & 0x1f;
      const fraction = code & 0x3ff;
      if (exponent === 0) table[code] = sign * fraction * 2 ** -24;
      else if (exponent === 31) table[code] = fraction ? NaN : sign * Infinity;
      else table[code] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
    }
  }
  return table;
}
