/** What became of an item, as far as its users were told. */
interface Life {
  put: 'under way' | 'done' | 'unknown';
  /** How often it was handed out. */
  deliveries: number;
  /** Who has it now, to all they know. */
  readonly holders: Set<object>;
  end: 'acknowledged' | 'dead' | null;
  /** Its record was overwritten, so that attempts are counted from the beginning. */
  isUncounted: boolean;
  /** It cannot be read any more, and may become a dead letter at any time. */
  isUnreadable: boolean;
  /** An end of which nobody knows whether it came about. */
  mayHaveEnded: boolean;
}

/** What a delivery is like for this. */
interface Seen {
  readonly value: string;
  readonly attempts: number;
  readonly state: string;
}

/** Keeps what happened to each item, and says what must not have happened. */
export class QueueHistory {
  readonly complaints: string[] = [];
  /** What happened, in order, for whoever has to find out why there are complaints. */
  readonly story: string[] = [];
  readonly #lives = new Map<string, Life>();
  readonly #excused = new Set<string>();

  /** Values of items, in the order in which they were put. */
  get values(): readonly string[] {
    return [...this.#lives.keys()];
  }

  putBegins(value: string): void {
    const unharmed = { isUncounted: false, isUnreadable: false, mayHaveEnded: false };
    this.#lives.set(value, { put: 'under way', deliveries: 0, holders: new Set(), end: null, ...unharmed });
  }

  putEnds(value: string, how: 'done' | 'unknown'): void {
    this.#life(value).put = how;
    this.story.push(`put of ${value}: ${how}`);
  }

  delivered(delivery: Seen): void {
    const { value, attempts } = delivery;
    this.story.push(`${value} is handed out, the ${attempts}th time`);
    const life = this.#life(value);
    life.deliveries += 1;
    if (life.end !== null) this.complaints.push(`${value} was ${life.end}, and is handed out`);
    if (attempts < life.deliveries && !life.isUncounted)
      this.complaints.push(`${value} comes the ${life.deliveries}th time as the ${attempts}th`);
    for (const holder of life.holders) {
      if ((holder as Seen).state === 'held' && !this.#excused.has(value))
        this.complaints.push(`${value} is handed out to two`);
    }
    life.holders.add(delivery);
  }

  /** An operator has overwritten its record, or the item itself. */
  damaged(value: string, isRecord: boolean): void {
    const life = this.#lives.get(value);
    if (life === undefined) return;
    this.story.push(`${isRecord ? 'the record of ' : ''}${value} is damaged`);
    if (isRecord) life.isUncounted = true;
    else life.isUnreadable = true;
  }

  /** Its claim was removed by hand: who has it and who has it next hear of that at the same time. */
  excuse(value: string): void {
    this.#excused.add(value);
  }

  /** Nobody works on it any more, though nobody knows yet what will come of that. */
  isLetGo(delivery: Seen): void {
    this.#life(delivery.value).holders.delete(delivery);
  }

  /** Its settlement was refused, so that it is worked on still. */
  isKept(delivery: Seen): void {
    this.#life(delivery.value).holders.add(delivery);
    this.story.push(`${delivery.value} may not be settled`);
  }

  /** @param end `null` if it was given back */
  settled(delivery: Seen, end: Life['end']): void {
    const life = this.#life(delivery.value);
    this.story.push(`${delivery.value} is ${end ?? 'given back'}`);
    if (end === null) return;
    if (life.end !== null) this.complaints.push(`${delivery.value} was ${life.end}, and is ${end}`);
    life.end = end;
  }

  /** Lost, or nobody can tell. */
  notSettled(delivery: Seen, mayHaveEnded: boolean): void {
    const life = this.#life(delivery.value);
    life.mayHaveEnded ||= mayHaveEnded;
    this.story.push(`${delivery.value} is not settled${mayHaveEnded ? ', or is' : ''}`);
  }

  /**
   * Judges in the end.
   *
   * @param left values of items that are still there, and of dead letters
   */
  judge(left: readonly string[], dead: readonly string[]): void {
    const counts = new Map<string, number>();
    for (const value of [...left, ...dead]) counts.set(value, (counts.get(value) ?? 0) + 1);
    for (const [value, count] of counts) {
      if (count > 1) this.complaints.push(`${value} is there ${count} times`);
      if (!this.#lives.has(value)) this.complaints.push(`${value} was never put`);
    }
    for (const [value, { put, end, mayHaveEnded }] of this.#lives) {
      const isThere = left.includes(value);
      const isDead = dead.includes(value);
      if (put === 'under way') this.complaints.push(`the put of ${value} hangs`);
      if (end === 'acknowledged' && (isThere || isDead))
        this.complaints.push(`${value} was acknowledged, and is there`);
      if (end === 'dead' && !isDead && !mayHaveEnded) this.complaints.push(`${value} is no dead letter`);
      if (end === null && put === 'done' && !isThere && !isDead && !mayHaveEnded)
        this.complaints.push(`${value} is lost`);
    }
  }

  #life(value: string): Life {
    const life = this.#lives.get(value);
    if (life === undefined) throw new Error(`${value} was never put`);
    return life;
  }
}
