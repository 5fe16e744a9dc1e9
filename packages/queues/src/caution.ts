/** Number of claims that need a ticket after the first claim that another consumer was faster to make. */
const FEWEST_CLAIMS = 256;
/** Number of such claims when collisions occur again and again. */
const MOST_CLAIMS = 4_096;

/**
 * Contention back-off: whether a consumer stands in line for an item, or claims it at once. Several idle consumers collide at each item,
 * and standing in line costs less than the collisions. Where collisions are rare, the line only adds a round trip. Pure.
 */
export class Caution {
  #claimsLeft = 0;
  #claims = FEWEST_CLAIMS;

  /** Whether the consumer has to stand in line. */
  get isDue(): boolean {
    return this.#claimsLeft > 0;
  }

  /** Records that another consumer was faster. Of several collisions at a time only the first one counts. */
  onCollision(): void {
    if (this.isDue) return;
    this.#claimsLeft = this.#claims;
    this.#claims = Math.min(2 * this.#claims, MOST_CLAIMS);
  }

  /** Records that an item was claimed, in line or without a collision. */
  onClaimed(): void {
    if (this.#claimsLeft > 0) this.#claimsLeft -= 1;
    else this.#claims = Math.max(FEWEST_CLAIMS, this.#claims - 1);
  }
}
