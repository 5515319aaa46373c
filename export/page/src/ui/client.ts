/** The worker as an object with asynchronous methods. */
import type { Calls, Reply, Request } from "../protocol";

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

export function connect(worker: Worker): Calls {
  const waiting = new Map<number, Waiting>();
  let ids = 0;
  worker.onmessage = ({ data }: MessageEvent<Reply>) => {
    const { resolve, reject } = waiting.get(data.id)!;
    waiting.delete(data.id);
    if ("error" in data) reject(new Error(data.error));
    else resolve(data.value as never);
  };
  worker.onerror = (event) => {
    const error = new Error(event.message || "the worker cannot start in this browser");
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  const call =
    (name: keyof Calls) =>
    (...given: unknown[]): Promise<never> =>
      new Promise((resolve, reject) => {
        const id = ++ids;
        waiting.set(id, { resolve, reject });
        worker.postMessage({ id, call: name, given } satisfies Request);
      });
  return { start: call("start"), open: call("open"), classify: call("classify"), close: call("close") };
}
