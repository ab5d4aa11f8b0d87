// node run_onnx.mjs MODEL INPUTS OUTPUTS: what an ONNX file gives for arrays in a JSON file, by name, into another.
// An array is {type, shape, data}, its data being what lies in memory, in base64.
import { readFileSync, writeFileSync } from "node:fs";
import * as ort from "onnxruntime-node";

const KINDS = { float32: Float32Array, int32: Int32Array };
const [model, inputs, outputs] = process.argv.slice(2);

function tensor({ type, shape, data }) {
    const bytes = Uint8Array.from(Buffer.from(data, "base64")); // a copy, which begins where a float may
    return new ort.Tensor(type, new KINDS[type](bytes.buffer), shape);
}

function packed({ type, dims, data }) {
    return { type, shape: dims, data: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64") };
}

const mapped = (values, change) => Object.fromEntries(Object.entries(values).map(([name, each]) => [name, change(each)]));

const session = await ort.InferenceSession.create(model);
const results = await session.run(mapped(JSON.parse(readFileSync(inputs, "utf8")), tensor));
writeFileSync(outputs, JSON.stringify(mapped(results, packed)));
