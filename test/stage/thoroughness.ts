/** Whether tests run as often as their claims say, which takes minutes: `ZK_RECIPES_THOROUGH=1 npm test`. */
const isThorough: boolean = process.env['ZK_RECIPES_THOROUGH'] === '1';

/** How often to do something: so often in an ordinary run, so often in a thorough one. */
export function times(ordinary: number, thorough: number): number {
  return isThorough ? thorough : ordinary;
}
