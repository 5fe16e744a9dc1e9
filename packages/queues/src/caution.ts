/** For how many claims everybody stands in line, after one that somebody else was faster to make: so many the first time. */
const FEWEST_CLAIMS = 256;
/** So many when it happens again and again. */
const MOST_CLAIMS = 4_096;

/**
 * Whether who wants an item stands in line for it, or takes it at once. Where several consumers have nothing else to do they collide at each
 * item, and the line costs less than that; where they seldom do, it is one more round trip. Pure.
 */
export class Caution {
  #claimsLeft = 0;
  #claims = FEWEST_CLAIMS;

  /** Whether to stand in line. */
  get isDue(): boolean {
    return this.#claimsLeft > 0;
  }

  /** Somebody else was faster. Of several at a time only the first one counts. */
  onCollision(): void {
    if (this.isDue) return;
    this.#claimsLeft = this.#claims;
    this.#claims = Math.min(2 * this.#claims, MOST_CLAIMS);
  }

  /** An item was claimed: in line, or since nobody else tried. */
  onClaimed(): void {
    if (this.#claimsLeft > 0) this.#claimsLeft -= 1;
    else this.#claims = Math.max(FEWEST_CLAIMS, this.#claims - 1);
  }
}
