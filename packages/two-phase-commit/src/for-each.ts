import { Slots } from './slots.js';

/**
 * Runs work for each value, with a limited number at once. After a failure no more work begins.
 *
 * @param atOnce 1 or more
 * @throws the first failure, when all running work has ended
 */
export async function forEach<T>(
  values: readonly T[],
  atOnce: number,
  work: (value: T) => Promise<void>,
): Promise<void> {
  const slots = new Slots(atOnce);
  const failures: unknown[] = [];
  const one = async (value: T): Promise<void> => {
    if (failures.length > 0) return;
    await work(value).catch((error: unknown) => void failures.push(error));
  };
  await Promise.all(values.map((value) => slots.run(() => one(value))));
  if (failures.length > 0) throw failures[0];
}
