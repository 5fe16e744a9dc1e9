import { describe, expect, it } from 'vitest';
import { Caution } from './caution.js';

/** For how many claims it is due. */
function claimsOf(caution: Caution): number {
  let claims = 0;
  for (; caution.isDue; claims++) caution.onClaimed();
  return claims;
}

describe('caution', () => {
  it('is not due as long as nobody was faster', () => {
    expect(new Caution().isDue).toBe(false);
  });

  it('lasts twice as long each time, up to a bound', () => {
    const caution = new Caution();
    const lengths = Array.from({ length: 9 }, () => {
      caution.onCollision();
      return claimsOf(caution);
    });
    expect(lengths).toEqual([256, 512, 1_024, 2_048, 4_096, 4_096, 4_096, 4_096, 4_096]);
  });

  it('counts several collisions at a time once', () => {
    const caution = new Caution();
    for (let claim = 0; claim < 16; claim++) caution.onCollision();
    claimsOf(caution);
    caution.onCollision();
    expect(claimsOf(caution)).toBe(512);
  });

  it('is forgotten with every claim for which nobody else tried', () => {
    const caution = new Caution();
    caution.onCollision();
    claimsOf(caution);
    for (let claim = 0; claim < 12; claim++) caution.onClaimed();
    caution.onCollision();
    expect(claimsOf(caution)).toBe(500);
    for (let claim = 0; claim < 1_000; claim++) caution.onClaimed();
    caution.onCollision();
    expect(claimsOf(caution)).toBe(256);
  });
});
