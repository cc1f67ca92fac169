// Try something again when it fails.
//
//   await retry(() => readFeed(url));                                // three tries in all, waits of 1 s and 2 s
//   await retry(() => ask(model), { attempts: 5, delayMs: 10_000 }); // five tries, waits of 10, 20, 40 and 80 s

import { setTimeout as sleep } from "node:timers/promises";

export interface RetryOptions {
  /** How many tries in all. */
  attempts?: number;
  /** The first wait; it doubles after each failure. */
  delayMs?: number;
  /** Ends the waiting, and all further tries, when it is aborted. */
  signal?: AbortSignal;
}

/** The first result of `action`; rejects with the last try's error. Each failure is said on stderr. */
export async function retry<T>(action: () => T | Promise<T>, options: RetryOptions = {}): Promise<T> {
  const { attempts = 3, delayMs = 1000, signal } = options;
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw new RangeError(`attempts is ${attempts}; it must be a whole number, 1 or more`);
  }
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted();
    try {
      return await action();
    } catch (error) {
      const failure = `retry: try ${attempt} of ${attempts} failed: ${error}`;
      if (attempt === attempts || signal?.aborted) {
        console.error(`${failure}; giving up`);
        throw error;
      }
      const wait = delayMs * 2 ** (attempt - 1);
      console.error(`${failure}; next in ${wait / 1000} s`);
      await sleep(wait, undefined, { signal });
    }
  }
}
