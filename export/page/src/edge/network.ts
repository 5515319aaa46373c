/** The network in LiteRT.js on the CPU. The script of the WASM module must have run before. */
import { loadAndCompile, loadLiteRt, Tensor, type CompiledModel } from "@litertjs/core";
import { IMAGE_SIZE } from "../../generated/constants";

/** Outputs of the network by name. */
export type Outputs = Readonly<Record<string, Float32Array>>;

export class Network {
  private constructor(private readonly model: CompiledModel) {}

  /** @param script - Address from which a worker loads the script of the WASM module. */
  static async load(content: Uint8Array<ArrayBuffer>, script: string): Promise<Network> {
    await loadLiteRt(script);
    return new Network(await loadAndCompile(content, { accelerator: "wasm" }));
  }

  /** @param image - 150 x 150 pixels from -1 to 1. */
  async run(image: Float32Array): Promise<Outputs> {
    const tensor = new Tensor(image, [1, IMAGE_SIZE, IMAGE_SIZE, 1]);
    const found: Record<string, Float32Array> = {};
    try {
      const given = (await this.model.run({ image: tensor })) as Record<string, Tensor>;
      for (const [name, output] of Object.entries(given)) {
        found[name] = Float32Array.from((await output.data()) as Float32Array);
        output.delete();
      }
    } finally {
      tensor.delete(); // WASM memory is not collected
    }
    return found;
  }
}
