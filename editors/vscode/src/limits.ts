/** Waiting that ends: after a time, or when the user no longer wants it. Knows no editor. */

/** The work's result, or after so many milliseconds the error that `late` makes; the work itself goes on. */
export async function within<T>(milliseconds: number, work: Promise<T>, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(late()), milliseconds)));
  return Promise.race([work, over]).finally(() => clearTimeout(timer));
}

/** The work's result; rejects with the signal's reason as soon as that is aborted, and the work goes on unheard. */
export async function unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop);
  });
  return Promise.race([aborted, work]).finally(() => signal.removeEventListener("abort", stop));
}
