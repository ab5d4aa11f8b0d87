// An interpreter of networks: layers as a description names them, one image or latent at a time, in single precision.

const product = (sides) => sides.reduce((all, side) => all * side, 1);

// Layers and their arrays -> a function from one Float32Array, or several, to a Float32Array.
export function makeNetwork(layers, arrays) {
  const operations = layers.map((layer) => OPERATIONS[layer.kind](layer, arrays, layers));
  return (...given) => {
    const outputs = [];
    layers.forEach((layer, number) => {
      outputs.push(operations[number](layer.inputs.length ? layer.inputs.map((index) => outputs[index]) : given));
    });
    return outputs[outputs.length - 1];
  };
}

const moving = (layer, arrays, layers) => {
  const from = layers[layer.inputs[0]].shape;
  return ([input]) => moved(input, from, layer.before, layer.shape);
};

const OPERATIONS = {
  InputLayer: ({ place }) => (given) => given[place],
  Activation: ({ activation }) => ([input]) => activate(Float32Array.from(input), activation),
  Flatten: () => ([input]) => input, // values lie in the order of rows, columns, channels in either shape
  Reshape: () => ([input]) => input,
  Add: () => ([first, ...others]) => {
    const sum = Float32Array.from(first);
    for (const other of others) for (let index = 0; index < sum.length; index++) sum[index] += other[index];
    return sum;
  },
  Dropout: () => ([input]) => input, // only a training drops anything
  ReLU: () => ([input]) => activate(Float32Array.from(input), "relu"),
  Rescaling: ({ scale, offset }) => ([input]) => input.map((value) => value * scale + offset),
  BatchNormalization: (layer, arrays) => {
    const [scale, offset] = [arrays[layer.scale].values, arrays[layer.offset].values];
    return ([input]) => input.map((value, index) => value * scale[index % scale.length] + offset[index % scale.length]);
  },
  MaxPooling2D: (layer, _, layers) => {
    const from = layers[layer.inputs[0]].shape;
    return ([input]) => largest(input, from, layer);
  },
  Centered: (layer, arrays) => {
    const mean = arrays[layer.mean].values;
    return ([input]) => input.map((value, index) => (value - mean[index]) / layer.deviation);
  },
  Dense: (layer, arrays) => {
    const kernel = arrays[layer.kernel].values;
    const bias = arrays[layer.bias].values;
    return ([input]) => activate(dense(input, kernel, bias), layer.activation);
  },
  Conv2D: (layer, arrays, layers) => {
    const { values: kernel, shape } = arrays[layer.kernel];
    const bias = arrays[layer.bias].values;
    const from = layers[layer.inputs[0]].shape;
    return ([input]) => {
      const output = convolution(input, from, kernel, shape, bias, layer.strides, layer.shape);
      return activate(output, layer.activation);
    };
  },
  ZeroPadding2D: moving,
  Cropping2D: moving,
  Permute: (layer, arrays, layers) => {
    const from = layers[layer.inputs[0]].shape;
    const source = permuted(from, layer.order);
    return ([input]) => Float32Array.from(source, (index) => input[index]);
  },
};

// Rows and columns moved by what stands before them; what has no source is zero.
function moved(input, [high, wide, channels], [top, left], [height, width]) {
  const output = new Float32Array(height * width * channels);
  for (let y = 0, place = 0; y < height; y++) {
    for (let x = 0; x < width; x++, place += channels) {
      const [fromY, fromX] = [y - top, x - left];
      if (fromY < 0 || fromY >= high || fromX < 0 || fromX >= wide) continue;
      const at = (fromY * wide + fromX) * channels;
      for (let channel = 0; channel < channels; channel++) output[place + channel] = input[at + channel];
    }
  }
  return output;
}

function activate(values, activation) {
  if (activation === "silu") {
    for (let index = 0; index < values.length; index++) values[index] /= 1 + Math.exp(-values[index]);
  }
  if (activation === "relu") {
    for (let index = 0; index < values.length; index++) values[index] = Math.max(0, values[index]);
  }
  return values;
}

// Four rows of the kernel at a time: to fetch and store a sum takes longer than to multiply.
function dense(input, kernel, bias) {
  const output = Float32Array.from(bias);
  const units = output.length;
  let row = 0;
  for (; row + 4 <= input.length; row += 4) {
    const [first, second, third, fourth] = [input[row], input[row + 1], input[row + 2], input[row + 3]];
    const at = row * units;
    const [two, three, four] = [at + units, at + 2 * units, at + 3 * units];
    for (let unit = 0; unit < units; unit++) {
      output[unit] +=
        first * kernel[at + unit] +
        second * kernel[two + unit] +
        third * kernel[three + unit] +
        fourth * kernel[four + unit];
    }
  }
  for (; row < input.length; row++) {
    for (let unit = 0; unit < units; unit++) output[unit] += input[row] * kernel[row * units + unit];
  }
  return output;
}

// With the padding "same": what is missing is shared out, and the end takes the odd one. What a field sees is gathered
// first, without zeros, of which ReLU leaves many; then it is multiplied four values at a time, as in `dense`.
function convolution(input, [height, width, channels], kernel, [rows, columns], bias, strides, shape) {
  const [high, wide, filters] = shape;
  const output = new Float32Array(product(shape));
  const top = before(height, rows, strides[0], high);
  const left = before(width, columns, strides[1], wide);
  const values = new Float32Array(rows * columns * channels + 3);
  const weights = new Int32Array(values.length); // where the kernel has those of each value
  for (let y = 0, place = 0; y < high; y++) {
    for (let x = 0; x < wide; x++, place += filters) {
      let count = 0;
      for (let row = 0; row < rows; row++) {
        const fromY = y * strides[0] + row - top;
        if (fromY < 0 || fromY >= height) continue;
        for (let column = 0; column < columns; column++) {
          const fromX = x * strides[1] + column - left;
          if (fromX < 0 || fromX >= width) continue;
          const at = (fromY * width + fromX) * channels;
          let weight = (row * columns + column) * channels * filters;
          for (let channel = 0; channel < channels; channel++, weight += filters) {
            if (input[at + channel] === 0) continue;
            values[count] = input[at + channel];
            weights[count++] = weight;
          }
        }
      }
      values.fill(0, count, count + 3);
      const sums = output.subarray(place, place + filters);
      sums.set(bias);
      for (let first = 0; first < count; first += 4) addFour(sums, values, weights, kernel, first);
    }
  }
  return output;
}

function addFour(sums, values, weights, kernel, at) {
  const [first, second, third, fourth] = [values[at], values[at + 1], values[at + 2], values[at + 3]];
  const [one, two, three, four] = [weights[at], weights[at + 1], weights[at + 2], weights[at + 3]];
  for (let filter = 0; filter < sums.length; filter++) {
    sums[filter] +=
      first * kernel[one + filter] +
      second * kernel[two + filter] +
      third * kernel[three + filter] +
      fourth * kernel[four + filter];
  }
}

// The largest value of each channel in each field; fields reach over the edge as those of a convolution do.
function largest(input, [height, width, channels], { size: [rows, columns], strides, shape: [high, wide] }) {
  const output = new Float32Array(high * wide * channels).fill(-Infinity);
  const top = before(height, rows, strides[0], high);
  const left = before(width, columns, strides[1], wide);
  for (let y = 0, place = 0; y < high; y++) {
    for (let x = 0; x < wide; x++, place += channels) {
      for (let row = Math.max(0, y * strides[0] - top); row < Math.min(height, y * strides[0] - top + rows); row++) {
        const end = Math.min(width, x * strides[1] - left + columns);
        for (let column = Math.max(0, x * strides[1] - left); column < end; column++) {
          const at = (row * width + column) * channels;
          for (let channel = 0; channel < channels; channel++) {
            output[place + channel] = Math.max(output[place + channel], input[at + channel]);
          }
        }
      }
    }
  }
  return output;
}

function before(side, size, stride, result) {
  return Math.floor(Math.max((result - 1) * stride + size - side, 0) / 2);
}

// For each place of the result, the place of its value before the axes changed their order.
function permuted(from, order) {
  const steps = from.map((_, axis) => product(from.slice(axis + 1)));
  const to = order.map((axis) => from[axis]);
  const source = new Int32Array(product(from));
  const place = new Array(to.length).fill(0);
  for (let index = 0; index < source.length; index++) {
    source[index] = place.reduce((sum, at, axis) => sum + at * steps[order[axis]], 0);
    for (let axis = to.length - 1; axis >= 0 && ++place[axis] === to[axis]; axis--) place[axis] = 0;
  }
  return source;
}
