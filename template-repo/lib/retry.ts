// Try something again when it fails.
//
//   await retry(() => readFeed(url));                           // three attempts in all, waits of up to 1 s and 2 s
//   await retry(() => ask(model), { attempts: 5, delay: 10 });  // five, waits of up to 10, 20, 40 and 80 s
//
// Waits are random, so that machines that failed together do not come back together. An HttpError, or any error with a
// `response`, whose answer has a Retry-After is given that time. `throw new Abort("wrong password")` ends it at once.

import { setTimeout as sleep } from "node:timers/promises";

/** No further attempt can help; `retry` throws it on. */
export class Abort extends Error {
  override name = "Abort";
}

/** An answer that is not what was asked for: `if (!response.ok) throw new HttpError(response)`. */
export class HttpError extends Error {
  override name = "HttpError";
  response: Response;

  constructor(response: Response) {
    super(`${response.url} answered ${response.status}`);
    this.response = response;
  }
}

export interface RetryOptions {
  /** How many in all; 3. */
  attempts?: number;
  /** Seconds that the first wait may take; they double after each failure; 1. */
  delay?: number;
  /** Seconds that no wait exceeds; 300. */
  maxDelay?: number;
  /** Ends the waiting, and all further attempts, when it is aborted. */
  signal?: AbortSignal;
}

/** Seconds that the HTTP answer behind an error asks to wait; 0 where there is none or it does not. */
function askedFor(error: unknown): number {
  const text: string = Object(Object(error).response).headers?.get?.("retry-after")?.trim() ?? "";
  if (/^\d+$/.test(text)) return Number(text);
  const moment = Date.parse(text);
  return Number.isNaN(moment) ? 0 : Math.max(0, (moment - Date.now()) / 1000);
}

/** The first result of `action`; rejects with the last attempt's error. Each failure is said on stderr. */
export async function retry<T>(action: () => T | Promise<T>, options: RetryOptions = {}): Promise<T> {
  const { attempts = 3, delay = 1, maxDelay = 300, signal } = options;
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw new RangeError(`attempts is ${attempts}; it must be a whole number, 1 or more`);
  }
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted();
    try {
      return await action();
    } catch (error) {
      const failure = `retry: attempt ${attempt} of ${attempts} failed: ${error}`;
      if (attempt === attempts || error instanceof Abort || signal?.aborted) {
        console.error(`${failure}; giving up`);
        throw error;
      }
      const longest = Math.min(maxDelay, delay * 2 ** (attempt - 1));
      const wait = Math.min(maxDelay, Math.max(Math.random() * longest, askedFor(error)));
      console.error(`${failure}; next in ${Number(wait.toPrecision(3))} s`);
      await sleep(wait * 1000, undefined, { signal });
    }
  }
}
